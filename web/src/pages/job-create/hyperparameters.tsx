import { DeleteOutlined, PlusOutlined } from "@ant-design/icons";
import { Button, Flex, Form, Input, Select, Tag, Typography } from "antd";
import { useText } from "../../app/preferences";
import { complaintOf } from "./parameters";
import type { Algorithm, Constraint, ParameterRow } from "./model";
import type { Rules } from "./rules";
import { text } from "./text";

interface Declared {
  constraint: Constraint | undefined;
  description: string;
}

/** A row for each hyperparameter: those of the algorithm by its schema, and those that are added. */
export function Hyperparameters({ algorithm, rules }: { algorithm: Algorithm | undefined; rules: Rules }) {
  const t = useText(text);
  const rowsNow = Form.useWatch<ParameterRow[] | undefined>("parameters") ?? [];
  const declared = new Map<string, Declared>(
    (algorithm?.job_config.parameters ?? []).map((p) => [
      p.name ?? "",
      { constraint: p.constraint ?? undefined, description: p.description ?? "" },
    ]),
  );
  const free = algorithm === undefined || algorithm.job_config.parameters_customization !== false;
  return (
    <Form.List name="parameters">
      {(rows, { add, remove }) => (
        <Flex vertical gap={4}>
          {rows.length === 0 && algorithm && <Typography.Text type="secondary">{t.noParameters}</Typography.Text>}
          {rows.map((row) => {
            const now = rowsNow[row.name];
            return (
              <Row
                key={row.key}
                index={row.name}
                now={now}
                declared={declared.get(now?.name ?? "")}
                rules={rules}
                onRemove={() => remove(row.name)}
              />
            );
          })}
          {free && (
            <Button
              type="dashed"
              icon={<PlusOutlined />}
              onClick={() => add({ name: "", value: "" } satisfies ParameterRow)}
              style={{ alignSelf: "start" }}
            >
              {t.addParameter}
            </Button>
          )}
        </Flex>
      )}
    </Form.List>
  );
}

interface RowProps {
  index: number;
  now: ParameterRow | undefined;
  declared: Declared | undefined;
  rules: Rules;
  onRemove: () => void;
}

function Row({ index, now, declared, rules, onRemove }: RowProps) {
  const t = useText(text);
  const name = now?.name ?? "";
  const constraint = declared?.constraint;
  const check = {
    validator: (_: unknown, value: string | undefined) => {
      const complaint = complaintOf(constraint, value ?? "");
      return complaint ? Promise.reject(new Error(t.complaint(complaint))) : Promise.resolve();
    },
  };
  return (
    <div role="group" aria-label={name} className="form-row">
      <Flex gap={8} wrap align="start">
        <Form.Item name={[index, "name"]} rules={[rules.scriptName]} style={{ flex: "1 1 150px", marginBottom: 8 }}>
          <Input
            className="mono"
            readOnly={declared !== undefined}
            variant={declared ? "filled" : "outlined"}
            aria-label={t.parameterName}
            placeholder={t.parameterName}
          />
        </Form.Item>
        {now?.flag ? (
          <Flex align="center" style={{ flex: "2 1 200px", minHeight: 32 }}>
            <Tag>{t.flag}</Tag>
          </Flex>
        ) : (
          <Form.Item
            name={[index, "value"]}
            required={Boolean(constraint?.required)}
            rules={[check]}
            extra={[declared?.description, hintOf(constraint, t)].filter(Boolean).join(" · ")}
            style={{ flex: "2 1 200px", marginBottom: 8 }}
          >
            <Value constraint={constraint} label={name || t.parameterValue} />
          </Form.Item>
        )}
        {!declared && (
          <Button
            type="text"
            icon={<DeleteOutlined />}
            aria-label={t.remove(name || t.parameters)}
            onClick={onRemove}
          />
        )}
      </Flex>
    </div>
  );
}

function hintOf(constraint: Constraint | undefined, t: (typeof text)["en"]): string {
  if (!constraint) return "";
  const [low = "", high = ""] = constraint.valid_range ?? [];
  const hints = [
    constraint.type ?? "String",
    constraint.valid_type === "Range" ? t.range(low, high) : "",
    constraint.editable === false ? t.fixed : "",
    constraint.sensitive ? t.secret : "",
  ];
  return hints.filter(Boolean).join(" · ");
}

interface ValueProps {
  constraint: Constraint | undefined;
  label: string;
  id?: string;
  value?: string;
  onChange?: (value: string) => void;
}

/** The fitting field for a value: a choice, true or false, a secret, or text. */
function Value({ constraint, label, id = "", value = "", onChange }: ValueProps) {
  const t = useText(text);
  const common = { id, value, "aria-label": label, disabled: constraint?.editable === false };
  const choices =
    constraint?.valid_type === "Choice"
      ? (constraint.valid_range ?? [])
      : constraint?.type?.toLowerCase() === "boolean"
        ? ["true", "false"]
        : undefined;
  if (choices) {
    return (
      <Select
        {...common}
        allowClear={!constraint?.required}
        options={choices.map((choice) => ({ value: choice, label: choice }))}
        onChange={(chosen?: string) => onChange?.(chosen ?? "")}
        style={{ width: "100%" }}
      />
    );
  }
  if (constraint?.sensitive) {
    return <Input.Password {...common} autoComplete="off" onChange={(event) => onChange?.(event.target.value)} />;
  }
  const numeric = /^(integer|float)$/i.test(constraint?.type ?? "");
  return (
    <Input
      {...common}
      className="mono"
      placeholder={t.parameterValue}
      inputMode={numeric ? "decimal" : "text"}
      onChange={(event) => onChange?.(event.target.value)}
    />
  );
}
