import { DeleteOutlined, PlusOutlined } from "@ant-design/icons";
import { Button, Flex, Form, Input } from "antd";
import type { Rule } from "antd/es/form";
import { useText } from "../../app/preferences";
import { text } from "./text";

interface Props {
  list: "environments" | "metrics" | "annotations";
  addLabel: string;
  nameLabel: string;
  valueLabel: string;
  nameRules: Rule[];
  valueRules: Rule[];
}

/** Rows of a name and a value. */
export function Pairs({ list, addLabel, nameLabel, valueLabel, nameRules, valueRules }: Props) {
  const t = useText(text);
  return (
    <Form.List name={list}>
      {(rows, { add, remove }) => (
        <Flex vertical gap={4} style={{ marginBottom: 20 }}>
          {rows.map((row) => (
            <Flex key={row.key} gap={8} align="start">
              <Form.Item name={[row.name, "name"]} rules={nameRules} style={{ flex: "1 1 120px", marginBottom: 8 }}>
                <Input className="mono" aria-label={nameLabel} placeholder={nameLabel} />
              </Form.Item>
              <Form.Item name={[row.name, "value"]} rules={valueRules} style={{ flex: "2 1 160px", marginBottom: 8 }}>
                <Input className="mono" aria-label={valueLabel} placeholder={valueLabel} />
              </Form.Item>
              <Button type="text" icon={<DeleteOutlined />} aria-label={t.remove(nameLabel)} onClick={() => remove(row.name)} />
            </Flex>
          ))}
          <Button type="dashed" icon={<PlusOutlined />} onClick={() => add({ name: "", value: "" })} style={{ alignSelf: "start" }}>
            {addLabel}
          </Button>
        </Flex>
      )}
    </Form.List>
  );
}
