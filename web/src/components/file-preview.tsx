import { Alert, Modal, Spin } from "antd";
import { useEffect, useState } from "react";
import { errorOf, UnreachableError } from "../api/errors";
import { formatBytes } from "../app/format";
import { useText } from "../app/preferences";
import { Problem } from "./problem";

/** Of a text no more than this is fetched for a look. */
const MOST_TEXT = 256 * 1024;
const MOST_IMAGE = 32 * 1024 * 1024;

const text = {
  en: {
    part: (shown: string, whole: string) => `The first ${shown} of ${whole}. Download the file to see the rest.`,
    tooLarge: (limit: string) => `Images over ${limit} are not shown here. Download the file instead.`,
    broken: "This file is no image that can be shown.",
  },
  zh: {
    part: (shown: string, whole: string) => `仅显示前 ${shown}，共 ${whole}。请下载文件查看其余内容。`,
    tooLarge: (limit: string) => `超过 ${limit} 的图片不在此显示，请下载查看。`,
    broken: "该文件不是可显示的图片。",
  },
};

export interface Previewed {
  name: string;
  url: string;
  size: number;
  /** The type of an image; text where there is none. */
  imageType?: string | undefined;
}

/** A look at a file: an image as an image, everything else as plain text. */
export function FilePreview({ file, onClose }: { file: Previewed; onClose: () => void }) {
  return (
    <Modal open title={file.name} footer={null} width={900} onCancel={onClose} destroyOnHidden>
      {file.imageType ? <ImagePreview file={file} type={file.imageType} /> : <TextPreview file={file} />}
    </Modal>
  );
}

async function fetched(url: string, signal: AbortSignal): Promise<Response> {
  const response = await fetch(url, { credentials: "same-origin", signal }).catch((error: unknown) => {
    throw signal.aborted ? error : new UnreachableError();
  });
  if (!response.ok) throw await errorOf(response);
  return response;
}

/** `load` once for each file; nothing comes after the preview was closed. */
function useLoaded<T>(load: (signal: AbortSignal) => Promise<T>, key: string): { value: T | undefined; error: unknown } {
  const [state, setState] = useState<{ value: T | undefined; error: unknown }>({ value: undefined, error: null });
  useEffect(() => {
    const abort = new AbortController();
    setState({ value: undefined, error: null });
    load(abort.signal).then(
      (value) => abort.signal.aborted || setState({ value, error: null }),
      (error: unknown) => abort.signal.aborted || setState({ value: undefined, error }),
    );
    return () => abort.abort();
    // `load` is made anew with every drawing; `key` says when it means another file
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [key]);
  return state;
}

function ImagePreview({ file, type }: { file: Previewed; type: string }) {
  const t = useText(text);
  const [broken, setBroken] = useState(false);
  const tooLarge = file.size > MOST_IMAGE;
  const { value: blob, error } = useLoaded(
    async (signal) => (tooLarge ? undefined : new Blob([await (await fetched(file.url, signal)).arrayBuffer()], { type })),
    file.url,
  );
  const [address, setAddress] = useState("");
  useEffect(() => {
    if (!blob) return;
    const made = URL.createObjectURL(blob);
    setAddress(made);
    return () => URL.revokeObjectURL(made);
  }, [blob]);
  if (tooLarge) return <Alert type="info" showIcon title={t.tooLarge(formatBytes(MOST_IMAGE))} />;
  if (error) return <Problem error={error} />;
  if (broken) return <Alert type="warning" showIcon title={t.broken} />;
  if (!address) return <Spin />;
  return <img src={address} alt={file.name} style={{ maxWidth: "100%" }} onError={() => setBroken(true)} />;
}

function TextPreview({ file }: { file: Previewed }) {
  const t = useText(text);
  const { value, error } = useLoaded(async (signal) => firstText(await fetched(file.url, signal)), file.url);
  if (error) return <Problem error={error} />;
  if (value === undefined) return <Spin />;
  return (
    <>
      {file.size > MOST_TEXT && <Alert type="info" showIcon title={t.part(formatBytes(MOST_TEXT), formatBytes(file.size))} />}
      <pre role="group" className="code-block" tabIndex={0} style={{ maxHeight: "65vh" }}>
        {value}
      </pre>
    </>
  );
}

/** The beginning of a response, however long the rest is. */
async function firstText(response: Response): Promise<string> {
  const reader = response.body?.getReader();
  const decoder = new TextDecoder();
  let found = "";
  let bytes = 0;
  while (reader && bytes < MOST_TEXT) {
    const { value, done } = await reader.read();
    if (done) break;
    const piece = value.subarray(0, MOST_TEXT - bytes);
    bytes += piece.length;
    found += decoder.decode(piece, { stream: true });
  }
  await reader?.cancel();
  return found;
}
