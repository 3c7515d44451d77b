import { UploadOutlined } from "@ant-design/icons";
import { Alert, AutoComplete, Button, Flex, Form, Progress, Typography } from "antd";
import { useMemo, useRef, useState } from "react";
import { useFilesBelow, useStorageActions } from "../../api/storage";
import { formatBytes } from "../../app/format";
import { useMessages, useText } from "../../app/preferences";
import { BucketPicker } from "../../components/bucket-browser/picker";
import { problemText } from "../../components/problem";
import { archiveOf, bundleOf, likelyBootFile } from "./code-bundle";
import type { JobForm } from "./model";
import type { Rules } from "./rules";
import { text } from "./text";

/** Where the code lies (or an upload that puts it there), and the file in it that starts. */
export function CodeFields({ rules }: { rules: Rules }) {
  const t = useText(text);
  const form = Form.useFormInstance<JobForm>();
  const codeDir = Form.useWatch<string | undefined>("code_dir") ?? "";
  const onSent = (uri: string, paths: string[]) => {
    form.setFieldsValue({ code_dir: uri });
    const boot = form.getFieldValue("boot_file") as string;
    if (!paths.includes(boot)) form.setFieldsValue({ boot_file: likelyBootFile(paths) });
    void form.validateFields(["code_dir"]);
  };
  return (
    <>
      <Form.Item name="code_dir" label={t.codeDir} required rules={[rules.place]} extra={t.codeDirHelp} style={{ marginBottom: 12 }}>
        <BucketPicker pick="folder" label={t.codeDir} placeholder="obs://bucket/code/" />
      </Form.Item>
      <CodeUpload onSent={onSent} />
      <Form.Item name="boot_file" label={t.bootFile} rules={[rules.required]} extra={t.bootFileHelp}>
        <BootFile codeDir={codeDir} />
      </Form.Item>
    </>
  );
}

function CodeUpload({ onSent }: { onSent: (uri: string, paths: string[]) => void }) {
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

interface BootFileProps {
  codeDir: string;
  id?: string;
  value?: string;
  onChange?: (path: string) => void;
}

/** The Python files in the code directory, to choose from; another name may be typed. */
function BootFile({ codeDir, id = "", value = "", onChange }: BootFileProps) {
  const folder = codeDir.trim().replace(/\/*$/, "/");
  const files = useFilesBelow(folder, /^(obs|s3):\/\/[^/]+\/.+/.test(folder));
  const options = useMemo(
    () =>
      (files.data?.objects ?? [])
        .map((object) => object.key)
        .filter((key) => key.endsWith(".py") && !key.endsWith("__init__.py"))
        .sort((a, b) => a.split("/").length - b.split("/").length || (a < b ? -1 : 1))
        .map((key) => ({ value: key })),
    [files.data],
  );
  return (
    <AutoComplete
      {...(id ? { id } : {})}
      className="mono"
      value={value}
      options={options}
      showSearch={{ filterOption: (typed, option) => String(option?.value ?? "").includes(typed) || options.some((o) => o.value === typed) }}
      placeholder="train.py"
      onChange={(path: string) => onChange?.(path)}
    />
  );
}
