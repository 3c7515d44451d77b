import { AutoComplete, Form, Input, Radio, Select } from "antd";
import { useEngines } from "../../../api/engines";
import { useFilesBelow } from "../../../api/storage";
import { useText } from "../../../app/preferences";
import { BucketPicker } from "../../../components/bucket-browser/picker";
import { CodeUpload } from "../../../components/code-upload";
import { likelyBootFile } from "../../../components/code-upload/bundle";
import type { FormValues } from "../form-model";
import { text } from "../text";
import { Block } from "./block";
import { useRules } from "./rules";

/** Name, code and what runs it. */
export function Basics() {
  const t = useText(text);
  const rules = useRules();
  const byImage = Form.useWatch<FormValues["source"]>("source") === "image";
  return (
    <Block title={t.basics}>
      <Form.Item name="name" label={t.name} rules={rules.name}>
        <Input maxLength={64} />
      </Form.Item>
      <Form.Item name="description" label={t.description}>
        <Input.TextArea maxLength={256} rows={2} />
      </Form.Item>
      <Form.Item name="source" label={t.source}>
        <Radio.Group
          options={[
            { value: "engine", label: t.byEngine },
            { value: "image", label: t.byImage },
          ]}
        />
      </Form.Item>
      {byImage ? <ImageFields /> : <EngineField />}
      <Form.Item name="codeDir" label={t.codeDir} extra={t.codeDirHelp} rules={byImage ? [] : rules.required}>
        <BucketPicker pick="folder" label={t.codeDir} />
      </Form.Item>
      <Upload />
      {!byImage && <BootFile />}
    </Block>
  );
}

function Upload() {
  const form = Form.useFormInstance<FormValues>();
  const onSent = (uri: string, paths: string[]) => {
    form.setFieldsValue({ codeDir: uri });
    if (!paths.includes(form.getFieldValue("bootFile") as string)) form.setFieldsValue({ bootFile: likelyBootFile(paths) });
    void form.validateFields(["codeDir"]);
  };
  return <CodeUpload onSent={onSent} />;
}

function ImageFields() {
  const t = useText(text);
  const rules = useRules();
  return (
    <>
      <Form.Item name="image" label={t.image} extra={t.imageHelp} rules={rules.required}>
        <Input maxLength={512} className="mono" />
      </Form.Item>
      <Form.Item name="command" label={t.command} rules={rules.required}>
        <Input.TextArea className="mono" rows={3} maxLength={4096} />
      </Form.Item>
    </>
  );
}

function EngineField() {
  const t = useText(text);
  const rules = useRules();
  const engines = useEngines().data?.items ?? [];
  const reasons = new Map(engines.map((engine) => [engine.id, engine.available ? "" : engine.reason]));
  const families = [...new Set(engines.map((engine) => engine.family))];
  return (
    <Form.Item name="engine" label={t.engine} rules={rules.required}>
      <Select
        showSearch={{ optionFilterProp: "value" }}
        loading={engines.length === 0}
        options={families.map((family) => ({
          label: family,
          title: family,
          options: engines
            .filter((engine) => engine.family === family)
            .map((engine) => ({ value: engine.id, label: engine.id })),
        }))}
        optionRender={({ value }) => <Option id={String(value)} reason={reasons.get(String(value))} />}
      />
    </Form.Item>
  );
}

function Option({ id, reason }: { id: string; reason: string | undefined }) {
  const t = useText(text);
  return (
    <span className="wrap">
      {id} {reason && <small className="quiet">({t.runsNot(reason)})</small>}
    </span>
  );
}

function BootFile() {
  const t = useText(text);
  const rules = useRules();
  const codeDir = Form.useWatch<string | undefined>("codeDir")?.trim() ?? "";
  const folder = /^(obs|s3):\/\/[^/]+\//.test(codeDir) ? codeDir.replace(/\/*$/, "/") : "";
  const files = useFilesBelow(folder, folder !== "").data?.objects ?? [];
  const scripts = files.filter((file) => /\.pyc?$/.test(file.key));
  return (
    <Form.Item name="bootFile" label={t.bootFile} extra={t.bootFileHelp} rules={rules.required}>
      <AutoComplete
        className="mono"
        placeholder="train.py"
        options={scripts.map((file) => ({ value: file.key }))}
        showSearch={{ filterOption: (typed, option) => (option?.value ?? "").includes(typed) }}
      />
    </Form.Item>
  );
}
