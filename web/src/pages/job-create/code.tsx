import { AutoComplete, Form } from "antd";
import { useMemo } from "react";
import { useFilesBelow } from "../../api/storage";
import { useText } from "../../app/preferences";
import { BucketPicker } from "../../components/bucket-browser/picker";
import { CodeUpload } from "../../components/code-upload";
import { likelyBootFile } from "../../components/code-upload/bundle";
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
