import { Checkbox, Flex, Form, Select } from "antd";
import { useText } from "../../../app/preferences";
import { text } from "../text";
import { Block } from "./block";

const CHIPS = ["CPU", "GPU", "Ascend"];

/** What the algorithm needs of the place where it runs. */
export function Demands() {
  const t = useText(text);
  return (
    <Block title={t.demands}>
      <Form.Item name="chips" label={t.chips}>
        <Select mode="multiple" placeholder={t.anyChip} options={CHIPS.map((value) => ({ value, label: value }))} />
      </Form.Item>
      <Flex gap={16} wrap>
        <Form.Item name="manyCards" valuePropName="checked" style={{ marginBottom: 0 }}>
          <Checkbox>{t.manyCards}</Checkbox>
        </Form.Item>
        <Form.Item name="manyNodes" valuePropName="checked" style={{ marginBottom: 0 }}>
          <Checkbox>{t.manyNodes}</Checkbox>
        </Form.Item>
      </Flex>
    </Block>
  );
}
