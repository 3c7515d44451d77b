import { PlusOutlined } from "@ant-design/icons";
import { Button, Col, Flex, Form, Input, Row, Select, Switch } from "antd";
import { useText } from "../../../app/preferences";
import { useSearchAlgorithms } from "../api";
import type { FormValues, ParameterValues, SearchParameterValues } from "../form-model";
import { text } from "../text";
import { Block, Item } from "./block";
import { useRules } from "./rules";

/** What a hyperparameter search aims for, with which algorithm, and what it may vary. */
export function SearchPolicy() {
  const t = useText(text);
  const on = Form.useWatch<boolean | undefined>("searched");
  return (
    <Block title={t.policy}>
      <Form.Item name="searched" label={t.searched} layout="horizontal" valuePropName="checked" style={{ marginBottom: on ? 16 : 0 }}>
        <Switch />
      </Form.Item>
      {on && (
        <>
          <Aim />
          <Algorithm />
          <Searched />
        </>
      )}
    </Block>
  );
}

function Aim() {
  const t = useText(text);
  const rules = useRules();
  return (
    <Row gutter={12}>
      <Col xs={24} sm={12} lg={6}>
        <Form.Item name={["search", "metric"]} label={t.metric} rules={rules.required}>
          <Input className="mono" maxLength={64} />
        </Form.Item>
      </Col>
      <Col xs={24} sm={12} lg={6}>
        <Form.Item name={["search", "mode"]} label={t.mode} initialValue="max">
          <Select options={(["max", "min"] as const).map((value) => ({ value, label: t.modes[value] }))} />
        </Form.Item>
      </Col>
      <Col xs={24} lg={12}>
        <Form.Item name={["search", "regex"]} label={t.regex} extra={t.regexHelp} rules={rules.regex}>
          <Input className="mono" maxLength={512} />
        </Form.Item>
      </Col>
    </Row>
  );
}

function Algorithm() {
  const t = useText(text);
  const rules = useRules();
  const known = useSearchAlgorithms().data?.search_algo_list ?? [];
  const form = Form.useFormInstance<FormValues>();
  const chosen = Form.useWatch<string | undefined>(["search", "algorithm"]);
  const options = known.find((one) => one.name === chosen)?.params ?? [];
  const reset = (name: string) => {
    const params = known.find((one) => one.name === name)?.params ?? [];
    form.setFieldValue(["search", "options"], Object.fromEntries(params.map((one) => [one.key, one.value])));
  };
  return (
    <Row gutter={12}>
      <Col xs={24} sm={12} lg={6}>
        <Form.Item name={["search", "algorithm"]} label={t.algorithm} rules={rules.required}>
          <Select
            onChange={reset}
            options={known.map((one) => ({ value: one.name, label: one.name, title: one.description ?? "" }))}
          />
        </Form.Item>
      </Col>
      {options.map((option) => (
        <Col xs={12} sm={6} lg={4} key={option.key}>
          <Form.Item name={["search", "options", option.key]} label={option.key} initialValue={option.value}>
            <Input className="mono" maxLength={64} />
          </Form.Item>
        </Col>
      ))}
    </Row>
  );
}

function Searched() {
  const t = useText(text);
  const fresh: Partial<SearchParameterValues> = { kind: "continuous" };
  return (
    <Form.List name={["search", "parameters"]}>
      {(fields, { add, remove }) => (
        <Flex vertical gap={12}>
          {fields.map((field) => (
            <SearchedRow key={field.key} index={field.name} onRemove={() => remove(field.name)} />
          ))}
          <div>
            <Button icon={<PlusOutlined />} onClick={() => add(fresh)}>
              {t.addSearched}
            </Button>
          </div>
        </Flex>
      )}
    </Form.List>
  );
}

function SearchedRow({ index, onRemove }: { index: number; onRemove: () => void }) {
  const t = useText(text);
  const rules = useRules();
  const at = (field: string) => ["search", "parameters", index, field];
  const name = Form.useWatch<string | undefined>(at("name")) ?? "";
  const kind = Form.useWatch<string | undefined>(at("kind"));
  const declared = (Form.useWatch("parameters") as ParameterValues[] | undefined) ?? [];
  const bound = (field: "low" | "high" | "points", needed: boolean) => (
    <Col xs={8} lg={4} key={field}>
      <Form.Item name={[index, field]} label={t[field]} rules={[...(needed ? rules.required : []), ...rules.number]}>
        <Input className="mono" maxLength={64} />
      </Form.Item>
    </Col>
  );
  return (
    <Item name={name} onRemove={onRemove}>
      <Row gutter={12}>
        <Col xs={12} lg={6}>
          <Form.Item name={[index, "name"]} label={t.name} rules={rules.required}>
            <Select options={declared.filter((one) => one?.name).map((one) => ({ value: one.name, label: one.name }))} />
          </Form.Item>
        </Col>
        <Col xs={12} lg={5}>
          <Form.Item name={[index, "kind"]} label={t.kind}>
            <Select options={(["continuous", "discrete"] as const).map((value) => ({ value, label: t[value] }))} />
          </Form.Item>
        </Col>
        {kind === "discrete" ? (
          <Col xs={24} lg={12}>
            <Form.Item
              name={[index, "values"]}
              label={t.choices}
              rules={[{ required: true, type: "array", message: t.choiceRule }]}
            >
              <Select mode="tags" open={false} suffixIcon={null} tokenSeparators={[","]} placeholder={t.choicesHelp} />
            </Form.Item>
          </Col>
        ) : (
          [bound("low", true), bound("high", true), bound("points", false)]
        )}
      </Row>
    </Item>
  );
}
