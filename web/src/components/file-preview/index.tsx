import { useQuery } from "@tanstack/react-query";
import { Alert, Button, Empty, Flex, Skeleton, Typography } from "antd";
import { lazy, Suspense, useEffect, useState } from "react";
import { getHead } from "../../api/http";
import { objectUrl } from "../../api/storage";
import { formatBytes } from "../../app/format";
import { useText } from "../../app/preferences";
import { useProjectId } from "../../app/session";
import { nameOf } from "../bucket-browser/uri";
import { Problem } from "../problem";
import { decodeText, imageTypeOf } from "./kinds";
import { text } from "./text";

const Code = lazy(() => import("./code").then((module) => ({ default: module.Code })));

const TEXT_BYTES = 512 * 1024;
const IMAGE_BYTES = 20 * 1024 * 1024;

interface Props {
  uri: string;
  size: number;
}

/** A file of a bucket, shown as what it is: text with its colours, an image, or a way to download it. */
export function FilePreview({ uri, size }: Props) {
  const t = useText(text);
  const address = objectUrl(useProjectId(), uri);
  const name = nameOf(uri);
  const imageType = imageTypeOf(name);
  const file = useQuery({
    queryKey: ["file", uri, size],
    queryFn: ({ signal }) => getHead(address, Math.min(size, imageType ? IMAGE_BYTES : TEXT_BYTES), signal),
    enabled: size > 0 && !(imageType && size > IMAGE_BYTES),
    staleTime: 60_000,
  });
  const download = (
    <Button href={address} download={name} size="small">
      {t.download}
    </Button>
  );
  if (size === 0) return <Empty description={t.empty} />;
  if (imageType && size > IMAGE_BYTES) return <Alert type="info" title={t.tooLarge(formatBytes(size))} action={download} />;
  if (file.error) return <Problem error={file.error} retry={() => void file.refetch()} />;
  if (!file.data) return <Skeleton active />;
  if (imageType) return <Picture bytes={file.data} type={imageType} name={name} />;
  const source = decodeText(file.data, file.data.length >= size);
  if (source === null) return <Alert type="info" title={t.binary} action={download} />;
  return (
    <Flex vertical gap={8}>
      {file.data.length < size && (
        <Flex gap={8} align="center">
          <Typography.Text type="secondary">{t.cut(formatBytes(TEXT_BYTES))}</Typography.Text>
          {download}
        </Flex>
      )}
      <Suspense fallback={<Skeleton active />}>
        <Code source={source} name={name} />
      </Suspense>
    </Flex>
  );
}

function Picture({ bytes, type, name }: { bytes: Uint8Array<ArrayBuffer>; type: string; name: string }) {
  const [source, setSource] = useState("");
  useEffect(() => {
    const made = URL.createObjectURL(new Blob([bytes], { type }));
    setSource(made);
    return () => URL.revokeObjectURL(made);
  }, [bytes, type]);
  if (!source) return null;
  return <img src={source} alt={name} style={{ maxWidth: "100%", background: "#fff" }} />;
}
