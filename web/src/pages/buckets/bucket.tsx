import { useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { Button, Drawer, Flex, Typography } from "antd";
import { useState } from "react";
import { objectUrl } from "../../api/storage";
import { useText } from "../../app/preferences";
import { useMayChange, useProjectId } from "../../app/session";
import { BucketBrowser } from "../../components/bucket-browser/browser";
import { bucketUri, nameOf, parts } from "../../components/bucket-browser/uri";
import { FilePreview } from "../../components/file-preview";
import { Page } from "../../components/page";
import { text } from "./text";

interface File {
  uri: string;
  size: number;
}

/** A bucket from the inside: walk through it, look at files, bring some, take some, delete some. */
export function BucketPage() {
  const { bucket } = useParams({ from: "/buckets/$bucket" });
  const { path = "" } = useSearch({ from: "/buckets/$bucket" });
  const navigate = useNavigate();
  const [shown, setShown] = useState<File | null>(null);
  const open = (uri: string) => {
    const place = parts(uri);
    if (!place) void navigate({ to: "/buckets" });
    else {
      const search = place.key ? { path: place.key } : {};
      void navigate({ to: "/buckets/$bucket", params: { bucket: place.bucket }, search });
    }
  };
  return (
    <Page title={bucket}>
      <BucketBrowser uri={bucketUri(bucket) + path} editable={useMayChange()} onOpen={open} onShow={(uri, size) => setShown({ uri, size })} />
      <FileDrawer file={shown} onClose={() => setShown(null)} />
    </Page>
  );
}

function FileDrawer({ file, onClose }: { file: File | null; onClose: () => void }) {
  const t = useText(text);
  const projectId = useProjectId();
  if (!file) return null;
  const name = nameOf(file.uri);
  const download = (
    <Button href={objectUrl(projectId, file.uri)} download={name}>
      {t.download}
    </Button>
  );
  return (
    <Drawer open onClose={onClose} size={720} title={name} extra={download}>
      <Flex vertical gap={12}>
        <Typography.Text className="mono" copyable style={{ overflowWrap: "anywhere" }}>
          {file.uri}
        </Typography.Text>
        <FilePreview uri={file.uri} size={file.size} />
      </Flex>
    </Drawer>
  );
}
