import { Flex, Form, Input, Select, Tag } from "antd";
import { useMessages, useText } from "../../app/preferences";
import { useSession } from "../../app/session";
import { useList, type Schemas } from "./api";
import { FormButton } from "./form-button";
import { Act, ListTable, Remove } from "./parts";
import { text } from "./text";

type User = Schemas["UserModel"];

/** Everyone who may use the service; for admins. */
export function Users() {
  const t = useText(text);
  const required = [{ required: true, message: useMessages().required }];
  const { user_id } = useSession();
  return (
    <>
      <FormButton<User, Schemas["UserRequest"]>
        label={t.newUser}
        path="/v1/users"
        initial={{ name: "", email: "", password: "", role: "user" }}
        done={t.userMade}
      >
        <Form.Item name="name" label={t.name} rules={required}>
          <Input maxLength={64} autoComplete="off" />
        </Form.Item>
        <Fields help={t.firstPasswordHelp} />
      </FormButton>
      <ListTable<User>
        query={useList("/v1/users")}
        rowKey="id"
        columns={[
          {
            title: t.name,
            key: "name",
            render: (_, one) => (
              <>
                {one.name} {one.disabled && <Tag>{t.disabled}</Tag>} {one.id === user_id && <Tag color="blue">{t.you}</Tag>}
              </>
            ),
          },
          { title: t.email, dataIndex: "email" },
          { title: t.role, key: "role", render: (_, one) => t.roles[one.role] },
          { title: t.signsInBy, key: "by", render: (_, one) => (one.has_password ? t.byPassword : t.byTokenOnly) },
          { key: "actions", align: "right", render: (_, one) => one.id !== user_id && <Actions one={one} /> },
        ]}
      />
    </>
  );
}

function Fields({ help }: { help: string }) {
  const t = useText(text);
  return (
    <>
      <Form.Item name="email" label={t.email}>
        <Input maxLength={254} autoComplete="off" />
      </Form.Item>
      <Form.Item name="password" label={t.password} extra={help}>
        <Input.Password maxLength={256} autoComplete="new-password" />
      </Form.Item>
      <Form.Item name="role" label={t.role}>
        <Select
          options={[
            { value: "user", label: t.roles.user },
            { value: "admin", label: t.serviceAdmin },
          ]}
        />
      </Form.Item>
    </>
  );
}

function Actions({ one }: { one: User }) {
  const t = useText(text);
  const path = `/v1/users/${one.id}`;
  return (
    <Flex gap={8} justify="end">
      <FormButton<User, Schemas["UserUpdate"]>
        small
        label={t.edit}
        title={t.editTitle(one.name)}
        send={t.save}
        method="PUT"
        path={path}
        initial={{ email: one.email ?? "", role: one.role, password: "" }}
        body={({ password, ...others }) => ({ ...others, ...(password ? { password } : {}) })}
      >
        <Fields help={t.newPasswordHelp} />
      </FormButton>
      <Act
        label={one.disabled ? t.enable : t.disable}
        name={one.name}
        change={{ method: "PUT", path, body: { disabled: !one.disabled } }}
      />
      <Remove name={one.name} path={path} loss={t.userLoss} />
    </Flex>
  );
}
