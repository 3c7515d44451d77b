import { UploadOutlined } from "@ant-design/icons";
import { Alert, Button, Flex, Progress, Typography } from "antd";
import { useRef, useState } from "react";
import { useStorageActions } from "../../api/storage";
import { formatBytes } from "../../app/format";
import { useMessages, useText } from "../../app/preferences";
import { problemText } from "../problem";
import { archiveOf, bundleOf } from "./bundle";
import { text } from "./text";

/** Sends a folder or files of this computer as a code directory; tells where it lies and what is in it. */
export function CodeUpload({ onSent }: { onSent: (uri: string, paths: string[]) => void }) {
  const t = useText(text);
  const messages = useMessages();
  const { sendCode } = useStorageActions();
  const folder = useRef<HTMLInputElement>(null);
  const files = useRef<HTMLInputElement>(null);
  const [sending, setSending] = useState<{ files: number; bytes: number; percent: number } | null>(null);
  const [told, setTold] = useState<{ type: "success" | "error"; text: string } | null>(null);

  const send = async (chosen: File[]) => {
    const bundle = bundleOf(chosen);
    if (bundle.files.length === 0) {
      if (chosen.length > 0) setTold({ type: "error", text: t.nothingToSend });
      return;
    }
    const now = { files: bundle.files.length, bytes: bundle.bytes };
    setTold(null);
    setSending({ ...now, percent: 0 });
    try {
      const archive = await archiveOf(bundle);
      const onProgress = (share: number) => setSending({ ...now, percent: Math.round(share * 100) });
      const { code_dir } = await sendCode.mutateAsync({ archive, onProgress });
      setTold({ type: "success", text: t.sent(now.files, formatBytes(now.bytes), bundle.leftOut) });
      onSent(code_dir, bundle.files.map(({ path }) => path));
    } catch (error) {
      setTold({ type: "error", text: problemText(error, messages) });
    } finally {
      setSending(null);
    }
  };
  const chooser = (ref: typeof folder, label: string, whole: boolean) => (
    <input
      ref={ref}
      type="file"
      multiple
      style={{ display: "none" }}
      aria-label={label}
      {...(whole ? { webkitdirectory: "" } : {})}
      onChange={(event) => {
        void send([...(event.target.files ?? [])]);
        event.target.value = "";
      }}
    />
  );
  return (
    <Flex vertical gap={8} style={{ marginBottom: 20 }}>
      <Flex gap={8} wrap>
        {chooser(folder, t.uploadFolder, true)}
        {chooser(files, t.uploadFiles, false)}
        <Button icon={<UploadOutlined />} disabled={sending !== null} onClick={() => folder.current?.click()}>
          {t.uploadFolder}
        </Button>
        <Button icon={<UploadOutlined />} disabled={sending !== null} onClick={() => files.current?.click()}>
          {t.uploadFiles}
        </Button>
      </Flex>
      {sending && (
        <div role="status">
          <Typography.Text type="secondary">{t.sending(sending.files, formatBytes(sending.bytes))}</Typography.Text>
          <Progress percent={sending.percent} size="small" aria-label={t.sending(sending.files, formatBytes(sending.bytes))} />
        </div>
      )}
      {told && <Alert type={told.type} showIcon title={told.text} role={told.type === "error" ? "alert" : "status"} />}
    </Flex>
  );
}
