import { App, Form, Input, Modal } from "antd";
import { useBucketActions } from "../../api/storage";
import { useMessages, useText } from "../../app/preferences";
import { Problem } from "../../components/problem";
import { text } from "./text";

interface Keys {
  access_key: string;
  secret_key: string;
}

export function KeyFields() {
  const t = useText(text);
  const rules = [{ required: true, message: useMessages().required }];
  return (
    <>
      <Form.Item name="access_key" label={t.accessKey} rules={rules}>
        <Input autoComplete="off" maxLength={256} />
      </Form.Item>
      <Form.Item name="secret_key" label={t.secretKey} extra={t.keysHelp} rules={rules}>
        <Input.Password autoComplete="new-password" maxLength={256} />
      </Form.Item>
    </>
  );
}

/** Keys of a bucket on S3 are tried before they replace the old ones. */
export function NewKeys({ name, onClose }: { name: string; onClose: () => void }) {
  const t = useText(text);
  const { message } = App.useApp();
  const { changeKeys } = useBucketActions();
  const [form] = Form.useForm<Keys>();
  const save = (keys: Keys) =>
    changeKeys.mutate(
      { name, ...keys },
      {
        onSuccess: () => {
          void message.success(t.testGood(name));
          onClose();
        },
      },
    );
  return (
    <Modal
      open
      title={t.keysTitle(name)}
      okText={t.save}
      cancelText={t.cancel}
      confirmLoading={changeKeys.isPending}
      onCancel={onClose}
      onOk={() => form.submit()}
    >
      <Form<Keys> form={form} layout="vertical" onFinish={save}>
        <KeyFields />
        {changeKeys.error && <Problem error={changeKeys.error} />}
      </Form>
    </Modal>
  );
}
