import { PlusOutlined } from "@ant-design/icons";
import { Button, Checkbox, Col, Flex, Form, Input, Row, Select } from "antd";
import { useText } from "../../../app/preferences";
import type { InputValues, OutputValues } from "../form-model";
import { text } from "../text";
import { Block, Item } from "./block";
import { useRules } from "./rules";

interface RowProps {
  list: "inputs" | "outputs";
  index: number;
  onRemove: () => void;
}

/** The algorithm's inputs, or its outputs. */
export function Channels({ list }: { list: "inputs" | "outputs" }) {
  const t = useText(text);
  const isInput = list === "inputs";
  const fresh: InputValues | OutputValues = { name: "", access: "parameter" };
  return (
    <Block title={isInput ? t.inputs : t.outputs} help={isInput ? t.inputsHelp : t.outputsHelp}>
      <Form.List name={list}>
        {(fields, { add, remove }) => (
          <Flex vertical gap={12}>
            {fields.map((field) => (
              <ChannelRow key={field.key} list={list} index={field.name} onRemove={() => remove(field.name)} />
            ))}
            <div>
              <Button icon={<PlusOutlined />} onClick={() => add(fresh)}>
                {isInput ? t.addInput : t.addOutput}
              </Button>
            </div>
          </Flex>
        )}
      </Form.List>
    </Block>
  );
}

function ChannelRow({ list, index, onRemove }: RowProps) {
  const t = useText(text);
  const rules = useRules();
  const name = Form.useWatch<string | undefined>([list, index, "name"]) ?? "";
  return (
    <Item name={name} onRemove={onRemove}>
      <Row gutter={12}>
        <Col xs={24} sm={12} lg={7}>
          <Form.Item name={[index, "name"]} label={t.parameter} rules={rules.parameter}>
            <Input className="mono" maxLength={64} />
          </Form.Item>
        </Col>
        <Col xs={24} sm={12} lg={6}>
          <Form.Item name={[index, "access"]} label={t.delivery}>
            <Select
              options={[
                { value: "parameter", label: t.byArgument },
                { value: "env", label: t.byVariable },
              ]}
            />
          </Form.Item>
        </Col>
        <Col xs={24} lg={11}>
          <Form.Item name={[index, "description"]} label={t.description}>
            <Input maxLength={256} />
          </Form.Item>
        </Col>
      </Row>
      {list === "inputs" ? <Accepts index={index} /> : <Predownload index={index} />}
    </Item>
  );
}

function Predownload({ index }: { index: number }) {
  const t = useText(text);
  return (
    <Form.Item name={[index, "predownload"]} valuePropName="checked" style={{ marginBottom: 0 }}>
      <Checkbox>{t.predownload}</Checkbox>
    </Form.Item>
  );
}

/** What an input may be bound to. */
function Accepts({ index }: { index: number }) {
  const t = useText(text);
  const kind = Form.useWatch<string | undefined>(["inputs", index, "dataType"]);
  return (
    <Row gutter={12}>
      <Col xs={24} sm={12} lg={7}>
        <Form.Item name={[index, "dataType"]} label={t.accepts}>
          <Select
            allowClear
            placeholder={t.anything}
            options={[
              { value: "obs", label: t.storagePath },
              { value: "dataset", label: t.dataset },
            ]}
          />
        </Form.Item>
      </Col>
      {kind === "dataset" && (
        <>
          <Col xs={12} lg={6}>
            <Form.Item name={[index, "dataFormat"]} label={t.dataFormat}>
              <Input maxLength={64} placeholder="Default" />
            </Form.Item>
          </Col>
          <Col xs={12} lg={6}>
            <Form.Item name={[index, "dataSplit"]} label={t.dataSplit}>
              <Input maxLength={64} />
            </Form.Item>
          </Col>
        </>
      )}
    </Row>
  );
}
