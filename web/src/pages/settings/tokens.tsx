import { Form, Input, InputNumber } from "antd";
import { formatTime } from "../../app/format";
import { useMessages, usePreferences, useText } from "../../app/preferences";
import { useList, type Schemas } from "./api";
import { Create, ListTable, Remove } from "./parts";
import { text } from "./text";

/** Tokens by which programs call the service as oneself. */
export function Tokens() {
  const t = useText(text);
  const required = [{ required: true, message: useMessages().required }];
  const { language } = usePreferences();
  const time = (at: number | null | undefined) => (at ? formatTime(at, language) : t.never);
  return (
    <>
      <Create<Schemas["NewToken"]>
        label={t.newToken}
        path="/v1/tokens"
        initial={{ name: "", days: 90, project: "", user: "" }}
        secrets={(made) => [[t.token, made.token]]}
      >
        <Form.Item name="name" label={t.name} rules={required}>
          <Input maxLength={64} />
        </Form.Item>
        <Form.Item name="days" label={t.days}>
          <InputNumber min={0} max={3650} />
        </Form.Item>
      </Create>
      <ListTable<Schemas["TokenModel"]>
        query={useList("/v1/tokens")}
        rowKey="id"
        empty={t.noTokens}
        columns={[
          { title: t.name, dataIndex: "name" },
          { title: t.created, key: "created", render: (_, one) => time(one.create_time) },
          { title: t.used, key: "used", render: (_, one) => time(one.last_used_time) },
          { title: t.expires, key: "expires", render: (_, one) => time(one.expire_time) },
          { key: "remove", align: "right", render: (_, one) => <Remove name={one.name || one.id} path={`/v1/tokens/${one.id}`} /> },
        ]}
      />
    </>
  );
}
