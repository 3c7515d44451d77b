import { Checkbox, Flex, Form, InputNumber, Select, Typography } from "antd";
import { useState } from "react";
import { useText } from "../../app/preferences";
import { BucketPicker } from "../../components/bucket-browser/picker";
import { Pairs } from "./pairs";
import type { Rules } from "./rules";
import { text } from "./text";

const USUAL_HOURS = [0, 1, 2, 4, 6];
const OTHER = -1;

/** What most jobs leave as it is. */
export function MoreSettings({ rules }: { rules: Rules }) {
  const t = useText(text);
  return (
    <>
      <Typography.Title level={3} style={{ fontSize: 14 }}>
        {t.variables}
      </Typography.Title>
      <Pairs
        list="environments"
        addLabel={t.addVariable}
        nameLabel={t.variableName}
        valueLabel={t.variableValue}
        nameRules={[rules.variableName]}
        valueRules={[rules.variableValue]}
      />
      <Typography.Title level={3} style={{ fontSize: 14 }}>
        {t.metrics}
      </Typography.Title>
      <Typography.Paragraph type="secondary">{t.metricsHelp}</Typography.Paragraph>
      <Pairs
        list="metrics"
        addLabel={t.addMetric}
        nameLabel={t.variableName}
        valueLabel={t.metricRegex}
        nameRules={[rules.required]}
        valueRules={[rules.required]}
      />
      <Form.Item name="log_path" label={t.logPath} extra={t.logPathHelp} rules={[rules.placeOrNothing]}>
        <BucketPicker pick="folder" label={t.logPath} />
      </Form.Item>
      <div className="form-grid">
        <Form.Item name="stop_hours" label={t.autoStop}>
          <Hours />
        </Form.Item>
        <Form.Item name="restarts" label={t.restarts} extra={t.restartsHelp}>
          <Select options={[0, 1, 2, 3].map((value) => ({ value, label: value ? t.times(value) : t.noRestart }))} />
        </Form.Item>
        <Form.Item name="warm_start" label={t.warmStart} extra={t.warmStartHelp}>
          <Select
            options={[
              { value: "", label: t.warmByPool },
              { value: "yes", label: t.warm },
              { value: "no", label: t.cold },
            ]}
          />
        </Form.Item>
        <Form.Item name="grace_s" label={t.grace} rules={[{ required: true, type: "integer", min: 0, max: 3600 }]}>
          <InputNumber min={0} max={3600} precision={0} style={{ width: "100%" }} />
        </Form.Item>
      </div>
      <Flex gap={16} wrap>
        <Form.Item name="unconditional" valuePropName="checked">
          <Checkbox>{t.unconditional}</Checkbox>
        </Form.Item>
        <Form.Item name="hang_restart" valuePropName="checked">
          <Checkbox>{t.hangRestart}</Checkbox>
        </Form.Item>
      </Flex>
      <Typography.Title level={3} style={{ fontSize: 14 }}>
        {t.annotations}
      </Typography.Title>
      <Pairs
        list="annotations"
        addLabel={t.addAnnotation}
        nameLabel={t.variableName}
        valueLabel={t.variableValue}
        nameRules={[rules.required]}
        valueRules={[]}
      />
    </>
  );
}

/** Hours until a job stops by itself: a usual number, or any other. */
function Hours({ id = "", value = 0, onChange }: { id?: string; value?: number; onChange?: (hours: number) => void }) {
  const t = useText(text);
  const [other, setOther] = useState(!USUAL_HOURS.includes(value));
  return (
    <Flex gap={8}>
      <Select
        {...(id ? { id } : {})}
        value={other ? OTHER : value}
        options={[
          ...USUAL_HOURS.map((hours) => ({ value: hours, label: hours ? t.hours(hours) : t.never })),
          { value: OTHER, label: t.other },
        ]}
        onChange={(chosen: number) => {
          setOther(chosen === OTHER);
          onChange?.(chosen === OTHER ? 12 : chosen);
        }}
      />
      {other && (
        <InputNumber
          min={0.01}
          max={10_000}
          value={value}
          aria-label={t.customHours}
          suffix={t.customHours}
          onChange={(hours) => onChange?.(hours ?? 1)}
          style={{ width: 130 }}
        />
      )}
    </Flex>
  );
}
