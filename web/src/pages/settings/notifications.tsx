import { Flex, Form, Input, Select, Tag } from "antd";
import { useMessages, usePreferences, useText } from "../../app/preferences";
import { useProjectId } from "../../app/session";
import { useList, type Schemas } from "./api";
import { Act, Create, ListTable, Remove } from "./parts";
import { text } from "./text";

const KINDS: Schemas["NotificationModel"]["kind"][] = ["webhook", "email", "feishu", "dingtalk", "wecom", "slack"];
const EVENTS: Schemas["NotificationModel"]["events"] = [
  "job.started",
  "job.completed",
  "job.failed",
  "job.stopped",
  "job.restarted",
  "job.hang",
  "service.disk",
];

/** Who is told of what happens to jobs, and how. */
export function Notifications() {
  const t = useText(text);
  const required = [{ required: true, message: useMessages().required }];
  const { language } = usePreferences();
  const path = `/v2/${useProjectId()}/notifications`;
  return (
    <>
      <Create<Schemas["NewNotification"]>
        label={t.newNotification}
        path={path}
        initial={{ name: "", kind: "webhook", address: "", events: ["job.failed", "job.hang"], secret: "", language, mine: false, enabled: true }}
        secrets={(made) => [[t.secretKey, made.secret]]}
      >
        <Form.Item name="name" label={t.name} rules={required}>
          <Input maxLength={64} />
        </Form.Item>
        <Form.Item name="kind" label={t.kind}>
          <Select options={KINDS.map((value) => ({ value, label: value }))} />
        </Form.Item>
        <Form.Item name="address" label={t.address} rules={required}>
          <Input maxLength={1024} />
        </Form.Item>
        <Form.Item name="events" label={t.events}>
          <Select mode="multiple" options={EVENTS.map((value) => ({ value, label: value }))} />
        </Form.Item>
      </Create>
      <ListTable<Schemas["NotificationModel"]>
        query={useList(path)}
        rowKey="id"
        empty={t.noNotifications}
        columns={[
          { title: t.name, dataIndex: "name" },
          { title: t.kind, dataIndex: "kind" },
          { title: t.address, dataIndex: "address", className: "mono" },
          { title: t.events, key: "events", render: (_, one) => one.events.map((event) => <Tag key={event}>{event}</Tag>) },
          {
            key: "actions",
            align: "right",
            render: (_, one) => (
              <Flex gap={8} justify="end">
                <Act label={t.test} done={t.tested} change={{ method: "POST", path: `${path}/${one.id}/test` }} />
                <Act
                  label={one.enabled ? t.disable : t.enable}
                  change={{ method: "PUT", path: `${path}/${one.id}`, body: { enabled: !one.enabled } }}
                />
                <Remove name={one.name} path={`${path}/${one.id}`} />
              </Flex>
            ),
          },
        ]}
      />
    </>
  );
}
