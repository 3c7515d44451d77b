import { Flex, Form, Input, InputNumber, Select, Tag } from "antd";
import { formatTime } from "../../app/format";
import { usePreferences, useText } from "../../app/preferences";
import { useProjectId, useSession } from "../../app/session";
import { useList, type Schemas } from "./api";
import { FormButton } from "./form-button";
import { Act, Expiry, ListTable, Remove } from "./parts";
import { text } from "./text";

type Key = Schemas["KeyModel"];
type NewKey = Schemas["NewKey"];

const pathOf = (key: Key) => `/v1/keys/${encodeURIComponent(key.access_key)}`;

/** Access keys (AK/SK) by which the ModelArts SDK signs its requests. */
export function Keys() {
  const t = useText(text);
  const { language } = usePreferences();
  const { projects } = useSession();
  const time = (at: number | null | undefined) => (at ? formatTime(at, language) : t.unused);
  return (
    <>
      <Create />
      <ListTable<Key>
        query={useList("/v1/keys")}
        rowKey="access_key"
        empty={t.noKeys}
        columns={[
          {
            title: t.accessKey,
            key: "key",
            className: "mono",
            render: (_, one) => (
              <>
                {one.access_key} {one.disabled && <Tag>{t.disabled}</Tag>}
              </>
            ),
          },
          { title: t.description, dataIndex: "description" },
          {
            title: t.project,
            key: "project",
            render: (_, one) => projects.find((project) => project.id === one.project_id)?.name ?? one.project_id,
          },
          { title: t.created, key: "created", render: (_, one) => time(one.create_time) },
          { title: t.used, key: "used", render: (_, one) => time(one.last_used_time) },
          { title: t.expires, key: "expires", render: (_, one) => <Expiry at={one.expire_time} shown={time(one.expire_time)} /> },
          { key: "actions", align: "right", render: (_, one) => <Actions one={one} /> },
        ]}
      />
    </>
  );
}

function useSecrets() {
  const t = useText(text);
  return (made: NewKey): [string, string][] => [
    [t.accessKey, made.access_key],
    [t.secretKey, made.secret_key],
  ];
}

function Create() {
  const t = useText(text);
  const { projects } = useSession();
  return (
    <FormButton<NewKey, Schemas["KeyRequest"]>
      label={t.newKey}
      path="/v1/keys"
      initial={{ description: "", project: useProjectId(), user: "" }}
      secrets={useSecrets()}
    >
      <Form.Item name="project" label={t.project}>
        <Select options={projects.map((one) => ({ value: one.id, label: one.name }))} />
      </Form.Item>
      <Form.Item name="description" label={t.description}>
        <Input maxLength={256} />
      </Form.Item>
    </FormButton>
  );
}

/** Rotate: a new key now, while the old one goes on working for some hours. */
function Actions({ one }: { one: Key }) {
  const t = useText(text);
  const path = pathOf(one);
  return (
    <Flex gap={8} justify="end">
      <FormButton<NewKey, Schemas["KeyRotation"]>
        small
        label={t.rotate}
        title={t.rotateTitle(one.access_key)}
        send={t.rotate}
        path={`${path}/rotate`}
        initial={{ overlap_hours: 24 }}
        secrets={useSecrets()}
      >
        <Form.Item name="overlap_hours" label={t.overlap} extra={t.overlapHelp}>
          <InputNumber min={0} max={720} precision={0} />
        </Form.Item>
      </FormButton>
      <Act
        label={one.disabled ? t.enable : t.disable}
        name={one.access_key}
        change={{ method: "PUT", path, body: { disabled: !one.disabled } }}
      />
      <Remove name={one.access_key} path={path} loss={t.keyLoss} />
    </Flex>
  );
}
