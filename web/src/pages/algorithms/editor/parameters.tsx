import { FileSearchOutlined, PlusOutlined } from "@ant-design/icons";
import { App, Button, Checkbox, Col, Flex, Form, Input, Row, Select } from "antd";
import { useState } from "react";
import { getHead } from "../../../api/http";
import { objectUrl } from "../../../api/storage";
import { useMessages, useText } from "../../../app/preferences";
import { useProjectId } from "../../../app/session";
import { problemText } from "../../../components/problem";
import { argumentsOf } from "../argparse";
import type { FormValues, ParameterType, ParameterValues, Rule } from "../form-model";
import { text } from "../text";
import { Block, Item } from "./block";
import { useRules } from "./rules";

const TYPES: ParameterType[] = ["String", "Integer", "Float", "Boolean"];
const SCRIPT_BYTES = 1024 * 1024;
const FRESH: ParameterValues = { name: "", type: "String", editable: true, rule: "None" };

/** The algorithm's hyperparameters and what values they may have. */
export function Parameters() {
  const t = useText(text);
  return (
    <Block title={t.parameters} help={t.parametersHelp}>
      <Form.List name="parameters">
        {(fields, { add, remove }) => (
          <Flex vertical gap={12}>
            {fields.map((field) => (
              <ParameterRow key={field.key} index={field.name} onRemove={() => remove(field.name)} />
            ))}
            <Flex gap={8} wrap>
              <Button icon={<PlusOutlined />} onClick={() => add(FRESH)}>
                {t.addParameter}
              </Button>
              <ReadFromCode onFound={(found) => found.forEach((parameter) => add(parameter))} />
            </Flex>
          </Flex>
        )}
      </Form.List>
      <Form.Item name="custom" valuePropName="checked" style={{ margin: "12px 0 0" }}>
        <Checkbox>{t.custom}</Checkbox>
      </Form.Item>
    </Block>
  );
}

/** Adds what the boot file declares with argparse and the form does not name yet. */
function ReadFromCode({ onFound }: { onFound: (parameters: ParameterValues[]) => void }) {
  const t = useText(text);
  const m = useMessages();
  const projectId = useProjectId();
  const { message } = App.useApp();
  const form = Form.useFormInstance<FormValues>();
  const [busy, setBusy] = useState(false);
  const codeDir = Form.useWatch<string | undefined>("codeDir")?.trim();
  const bootFile = Form.useWatch<string | undefined>("bootFile")?.trim();

  const read = async () => {
    setBusy(true);
    try {
      const uri = `${(codeDir ?? "").replace(/\/*$/, "/")}${bootFile ?? ""}`;
      const source = new TextDecoder().decode(await getHead(objectUrl(projectId, uri), SCRIPT_BYTES));
      const { inputs, outputs, parameters } = form.getFieldsValue(true) as FormValues;
      const known = new Set([...inputs, ...outputs, ...parameters].map((one) => one.name));
      const fresh = argumentsOf(source).filter((parameter) => !known.has(parameter.name));
      onFound(fresh);
      void message.info(t.readFound(fresh.length));
    } catch (error) {
      void message.error(problemText(error, m));
    } finally {
      setBusy(false);
    }
  };

  return (
    <Button icon={<FileSearchOutlined />} loading={busy} disabled={!codeDir || !bootFile} onClick={() => void read()}>
      {t.readFromCode}
    </Button>
  );
}

function ParameterRow({ index, onRemove }: { index: number; onRemove: () => void }) {
  const t = useText(text);
  const rules = useRules();
  const name = Form.useWatch<string | undefined>(["parameters", index, "name"]) ?? "";
  const type = Form.useWatch<ParameterType | undefined>(["parameters", index, "type"]);
  const isNumber = type === "Integer" || type === "Float";
  const allowed: Rule[] = isNumber ? ["None", "Range", "Choice"] : ["None", "Choice"];
  return (
    <Item name={name} onRemove={onRemove}>
      <Row gutter={12}>
        <Col xs={24} sm={12} lg={7}>
          <Form.Item name={[index, "name"]} label={t.name} rules={rules.parameter}>
            <Input className="mono" maxLength={64} />
          </Form.Item>
        </Col>
        <Col xs={12} lg={4}>
          <Form.Item name={[index, "type"]} label={t.type}>
            <Select options={TYPES.map((value) => ({ value, label: value }))} />
          </Form.Item>
        </Col>
        <Col xs={12} lg={4}>
          <DefaultField index={index} type={type} />
        </Col>
        <Col xs={24} lg={9}>
          <Form.Item name={[index, "description"]} label={t.description}>
            <Input maxLength={256} />
          </Form.Item>
        </Col>
        <Col xs={24} sm={12} lg={7}>
          <Form.Item name={[index, "rule"]} label={t.rule}>
            <Select options={allowed.map((value) => ({ value, label: t.rules[value] }))} />
          </Form.Item>
        </Col>
        <RuleFields index={index} isNumber={isNumber} />
      </Row>
      <Flex gap={16} wrap>
        <Flag index={index} name="required" label={t.required} />
        <Flag index={index} name="editable" label={t.editable} />
        <Flag index={index} name="sensitive" label={t.sensitive} />
      </Flex>
    </Item>
  );
}

function DefaultField({ index, type }: { index: number; type: ParameterType | undefined }) {
  const t = useText(text);
  const rules = useRules();
  const numeric = { Integer: rules.integer, Float: rules.number, String: [], Boolean: [] }[type ?? "String"];
  return (
    <Form.Item name={[index, "value"]} label={t.value} rules={numeric}>
      {type === "Boolean" ? (
        <Select allowClear options={["true", "false"].map((value) => ({ value, label: value }))} />
      ) : (
        <Input className="mono" maxLength={16_384} />
      )}
    </Form.Item>
  );
}

function RuleFields({ index, isNumber }: { index: number; isNumber: boolean }) {
  const t = useText(text);
  const rules = useRules();
  const rule = Form.useWatch<Rule | undefined>(["parameters", index, "rule"]);
  if (rule === "Range" && isNumber) {
    return (["low", "high"] as const).map((bound) => (
      <Col xs={12} sm={6} lg={4} key={bound}>
        <Form.Item name={[index, bound]} label={t[bound]} rules={rules.number}>
          <Input className="mono" maxLength={64} />
        </Form.Item>
      </Col>
    ));
  }
  if (rule !== "Choice") return null;
  return (
    <Col xs={24} sm={12} lg={13}>
      <Form.Item
        name={[index, "choices"]}
        label={t.choices}
        rules={[{ required: true, type: "array", message: t.choiceRule }]}
      >
        <Select mode="tags" open={false} suffixIcon={null} tokenSeparators={[","]} placeholder={t.choicesHelp} />
      </Form.Item>
    </Col>
  );
}

function Flag({ index, name, label }: { index: number; name: "required" | "editable" | "sensitive"; label: string }) {
  return (
    <Form.Item name={[index, name]} valuePropName="checked" style={{ marginBottom: 0 }}>
      <Checkbox>{label}</Checkbox>
    </Form.Item>
  );
}
