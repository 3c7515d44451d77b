import { DeleteOutlined, PlusOutlined } from "@ant-design/icons";
import { Button, Checkbox, Flex, Form, Input, Select, Typography } from "antd";
import { useText } from "../../app/preferences";
import { BucketPicker } from "../../components/bucket-browser/picker";
import type { Algorithm, ChannelRow, JobForm } from "./model";
import type { Rules } from "./rules";
import { text } from "./text";

interface Props {
  kind: "inputs" | "outputs";
  /** With an algorithm the channels are its own: none is added, none is renamed. */
  algorithm: Algorithm | undefined;
  rules: Rules;
}

const FIRST = { inputs: "data_url", outputs: "train_url" } as const;

/** Inputs or outputs: the name that the script knows, and the place in a bucket. */
export function Channels({ kind, algorithm, rules }: Props) {
  const t = useText(text);
  const form = Form.useFormInstance<JobForm>();
  const fixed = algorithm !== undefined;
  const declared = algorithm?.job_config[kind] ?? [];
  const fresh = (): ChannelRow => {
    const there = (form.getFieldValue(kind) as ChannelRow[] | undefined) ?? [];
    const name = there.some((row) => row.name === FIRST[kind]) ? "" : FIRST[kind];
    return { name, uri: "", access: "parameter" };
  };
  return (
    <Form.List name={kind}>
      {(rows, { add, remove }) => (
        <Flex vertical gap={4}>
          {rows.map((row) => (
            <Channel
              key={row.key}
              kind={kind}
              index={row.name}
              fixed={fixed}
              description={declared[row.name]?.description ?? ""}
              rules={rules}
              onRemove={() => remove(row.name)}
            />
          ))}
          {!fixed && (
            <Button type="dashed" icon={<PlusOutlined />} onClick={() => add(fresh())} style={{ alignSelf: "start" }}>
              {kind === "inputs" ? t.addInput : t.addOutput}
            </Button>
          )}
        </Flex>
      )}
    </Form.List>
  );
}

interface ChannelProps {
  kind: "inputs" | "outputs";
  index: number;
  fixed: boolean;
  description: string;
  rules: Rules;
  onRemove: () => void;
}

function Channel({ kind, index, fixed, description, rules, onRemove }: ChannelProps) {
  const t = useText(text);
  const name = Form.useWatch<string | undefined>([kind, index, "name"]) ?? "";
  return (
    <div role="group" aria-label={name} className="form-row">
      <Flex gap={8} wrap align="start">
        <Form.Item name={[index, "name"]} rules={[rules.scriptName]} style={{ flex: "1 1 130px", marginBottom: 8 }}>
          <Input className="mono" readOnly={fixed} variant={fixed ? "filled" : "outlined"} aria-label={t.channelName} placeholder={t.channelName} />
        </Form.Item>
        <Form.Item name={[index, "uri"]} rules={[rules.place]} style={{ flex: "4 1 260px", marginBottom: 8 }}>
          <BucketPicker pick={kind === "inputs" ? "any" : "folder"} label={t.placeOf(name || t.place)} />
        </Form.Item>
        {!fixed && (
          <>
            <Form.Item name={[index, "access"]} style={{ flex: "0 1 150px", marginBottom: 8 }}>
              <Select
                aria-label={t.access}
                options={[
                  { value: "parameter", label: t.asArgument },
                  { value: "env", label: t.asVariable },
                ]}
              />
            </Form.Item>
            <Button type="text" icon={<DeleteOutlined />} aria-label={t.remove(name || t.place)} onClick={onRemove} />
          </>
        )}
      </Flex>
      {description && <Typography.Paragraph type="secondary">{description}</Typography.Paragraph>}
      {kind === "outputs" && (
        <Form.Item name={[index, "predownload"]} valuePropName="checked" style={{ marginBottom: 8 }}>
          <Checkbox>{t.predownload}</Checkbox>
        </Form.Item>
      )}
    </div>
  );
}
