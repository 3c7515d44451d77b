import { Form, Input, InputNumber, Select } from "antd";
import { formatTime } from "../../app/format";
import { useMessages, usePreferences, useText } from "../../app/preferences";
import { useSession } from "../../app/session";
import { useList, type Schemas } from "./api";
import { FormButton } from "./form-button";
import { Expiry, ListTable, Remove } from "./parts";
import { text } from "./text";

const ROLES = ["viewer", "member", "admin"] as const;

/** Tokens by which programs call the service as oneself. */
export function Tokens() {
  const t = useText(text);
  const { language } = usePreferences();
  const { projects } = useSession();
  const time = (at: number | null | undefined) => (at ? formatTime(at, language) : t.unused);
  const nameOf = (id: string) => projects.find((project) => project.id === id)?.name ?? id;
  const scope = (one: Schemas["TokenModel"]) =>
    [one.project_id ? nameOf(one.project_id) : t.allProjects, one.role ? t.atMost(t.roles[one.role] ?? one.role) : ""].filter(Boolean).join(" · ");
  return (
    <>
      <NewToken />
      <ListTable<Schemas["TokenModel"]>
        query={useList("/v1/tokens")}
        rowKey="id"
        empty={t.noTokens}
        columns={[
          { title: t.name, dataIndex: "name" },
          { title: t.scope, key: "scope", render: (_, one) => scope(one) },
          { title: t.created, key: "created", render: (_, one) => time(one.create_time) },
          { title: t.used, key: "used", render: (_, one) => time(one.last_used_time) },
          { title: t.expires, key: "expires", render: (_, one) => <Expiry at={one.expire_time} shown={time(one.expire_time)} /> },
          {
            key: "remove",
            align: "right",
            render: (_, one) => <Remove name={one.name || one.id} path={`/v1/tokens/${one.id}`} loss={t.tokenLoss} />,
          },
        ]}
      />
    </>
  );
}

function NewToken() {
  const t = useText(text);
  const required = [{ required: true, message: useMessages().required }];
  const { projects } = useSession();
  return (
    <FormButton<Schemas["NewToken"], Schemas["TokenRequest"]>
      label={t.newToken}
      path="/v1/tokens"
      initial={{ name: "", days: 90, project: "", role: null, user: "" }}
      secrets={(made) => [[t.token, made.token]]}
    >
      <Form.Item name="name" label={t.name} extra={t.tokenNameHelp} rules={required}>
        <Input maxLength={64} />
      </Form.Item>
      <Form.Item name="days" label={t.days} rules={required}>
        <InputNumber min={1} max={3650} precision={0} />
      </Form.Item>
      <Form.Item name="project" label={t.opens}>
        <Select options={[{ value: "", label: t.allProjects }, ...projects.map((one) => ({ value: one.id, label: one.name }))]} />
      </Form.Item>
      <Form.Item name="role" label={t.mayBe} extra={t.scopeHelp}>
        <Select allowClear placeholder={t.asMyself} options={ROLES.map((value) => ({ value, label: t.atMost(t.roles[value] ?? value) }))} />
      </Form.Item>
    </FormButton>
  );
}
