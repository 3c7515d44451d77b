import { Form, Input, Select, Switch } from "antd";
import { useMessages, useText } from "../../app/preferences";
import { useProjectRole } from "../../app/session";
import type { Schemas } from "./api";
import { text } from "./text";

type Notification = Schemas["NotificationModel"];

export const KINDS: Notification["kind"][] = ["webhook", "email", "feishu", "dingtalk", "wecom", "slack"];
export const EVENTS: Notification["events"] = [
  "job.started",
  "job.completed",
  "job.failed",
  "job.stopped",
  "job.restarted",
  "job.hang",
  "service.disk",
];
const SIGNED = ["webhook", "feishu", "dingtalk"];

/** The fields of a notification; of one that is there, its kind stays. */
export function NotificationFields({ there }: { there?: Notification }) {
  const t = useText(text);
  const required = [{ required: true, message: useMessages().required }];
  const admin = useProjectRole() === "admin";
  const typed = Form.useWatch<Notification["kind"] | undefined>("kind");
  const kind = there?.kind ?? typed ?? "webhook";
  return (
    <>
      <Form.Item name="name" label={t.name} rules={required}>
        <Input maxLength={64} />
      </Form.Item>
      {!there && (
        <Form.Item name="kind" label={t.kind}>
          <Select options={KINDS.map((value) => ({ value, label: t.kinds[value] }))} />
        </Form.Item>
      )}
      <Form.Item name="address" label={t.address} extra={there ? t.addressKept(there.address) : t.addressHelp[kind]} rules={there ? [] : required}>
        <Input maxLength={1024} autoComplete="off" />
      </Form.Item>
      {SIGNED.includes(kind) && (
        <Form.Item name="secret" label={t.signature} extra={kind === "webhook" ? t.webhookSecretHelp : t.botSecretHelp}>
          <Input.Password maxLength={256} autoComplete="new-password" />
        </Form.Item>
      )}
      <Form.Item name="events" label={t.events} rules={required}>
        <Select mode="multiple" options={EVENTS.map((value) => ({ value, label: t.eventNames[value] }))} />
      </Form.Item>
      <Form.Item name="language" label={t.language}>
        <Select
          options={[
            { value: "en", label: "English" },
            { value: "zh", label: "中文" },
          ]}
        />
      </Form.Item>
      <Form.Item name="mine" label={t.onlyMine} valuePropName="checked" extra={admin ? undefined : t.onlyMineHelp}>
        <Switch disabled={!admin} />
      </Form.Item>
    </>
  );
}
