import { App, Button, Descriptions, Form, Input, Skeleton } from "antd";
import { useMessages, useText } from "../../app/preferences";
import { useSessionEnded } from "../../app/session";
import { Problem } from "../../components/problem";
import { useChange, useList, type Schemas } from "./api";
import { text } from "./text";

/** Who one is, and one's password. */
export function Profile() {
  const t = useText(text);
  const account = useList<Schemas["AccountModel"]>("/v1/account");
  if (account.error) return <Problem error={account.error} retry={() => void account.refetch()} />;
  if (!account.data) return <Skeleton active />;
  const { user_name, email, projects, has_password } = account.data;
  return (
    <>
      <Descriptions
        size="small"
        bordered
        column={1}
        style={{ marginBottom: 20 }}
        items={[
          { key: "name", label: t.name, children: user_name },
          { key: "email", label: t.email, children: email || "–" },
          { key: "projects", label: t.projects, children: projects.map((one) => one.name).join(", ") },
        ]}
      />
      <PasswordForm old={has_password} />
    </>
  );
}

function PasswordForm({ old }: { old: boolean }) {
  const t = useText(text);
  const required = [{ required: true, message: useMessages().required }];
  const { message } = App.useApp();
  const [form] = Form.useForm<Schemas["PasswordChange"]>();
  const send = useChange();
  const endSession = useSessionEnded();
  const save = (values: Schemas["PasswordChange"]) =>
    send.mutate(
      { method: "PUT", path: "/v1/account/password", body: { old: values.old ?? "", new: values.new } },
      {
        onSuccess: () => {
          form.resetFields();
          void message.success(t.passwordChanged);
          endSession();
        },
      },
    );
  return (
    <Form form={form} layout="vertical" onFinish={save} style={{ maxWidth: 420 }}>
      {old && (
        <Form.Item name="old" label={t.oldPassword} rules={required}>
          <Input.Password maxLength={256} autoComplete="current-password" />
        </Form.Item>
      )}
      <Form.Item name="new" label={t.newPassword} rules={required}>
        <Input.Password maxLength={256} autoComplete="new-password" />
      </Form.Item>
      {send.error && <Problem error={send.error} />}
      <Button type="primary" htmlType="submit" loading={send.isPending}>
        {t.changePassword}
      </Button>
    </Form>
  );
}
