import { Flex, Form, Input, Select, Tag } from "antd";
import { useMessages, useText } from "../../app/preferences";
import { useSession } from "../../app/session";
import { useList, type Schemas } from "./api";
import { Act, Create, ListTable, Remove } from "./parts";
import { text } from "./text";

/** Everyone who may use the service; for admins. */
export function Users() {
  const t = useText(text);
  const required = [{ required: true, message: useMessages().required }];
  const { user_id } = useSession();
  return (
    <>
      <Create label={t.newUser} path="/v1/users" initial={{ name: "", email: "", password: "", role: "user" }}>
        <Form.Item name="name" label={t.name} rules={required}>
          <Input maxLength={64} autoComplete="off" />
        </Form.Item>
        <Form.Item name="email" label={t.email}>
          <Input maxLength={256} autoComplete="off" />
        </Form.Item>
        <Form.Item name="password" label={t.password}>
          <Input.Password maxLength={256} autoComplete="new-password" />
        </Form.Item>
        <Form.Item name="role" label={t.role}>
          <Select options={["user", "admin"].map((value) => ({ value, label: t.roles[value] }))} />
        </Form.Item>
      </Create>
      <ListTable<Schemas["UserModel"]>
        query={useList("/v1/users")}
        rowKey="id"
        columns={[
          { title: t.name, key: "name", render: (_, one) => <>{one.name} {one.disabled && <Tag>{t.disabled}</Tag>}</> },
          { title: t.email, dataIndex: "email" },
          { title: t.role, key: "role", render: (_, one) => t.roles[one.role] },
          {
            key: "actions",
            align: "right",
            render: (_, one) =>
              one.id !== user_id && (
                <Flex gap={8} justify="end">
                  <Act
                    label={one.disabled ? t.enable : t.disable}
                    change={{ method: "PUT", path: `/v1/users/${one.id}`, body: { disabled: !one.disabled } }}
                  />
                  <Remove name={one.name} path={`/v1/users/${one.id}`} />
                </Flex>
              ),
          },
        ]}
      />
    </>
  );
}
