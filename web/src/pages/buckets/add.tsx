import { Form, Input, Modal, Radio } from "antd";
import { useBucketActions, type NewBucket } from "../../api/storage";
import { useMessages, useText } from "../../app/preferences";
import { useProjectRole } from "../../app/session";
import { Problem } from "../../components/problem";
import { KeyFields } from "./keys";
import { text } from "./text";

/** A new folder of the service, or a bucket that is on S3 already. */
export function AddBucket({ onClose }: { onClose: () => void }) {
  const t = useText(text);
  const m = useMessages();
  const admin = useProjectRole() === "admin";
  const { create } = useBucketActions();
  const [form] = Form.useForm<NewBucket>();
  const onS3 = Form.useWatch("kind", form) === "s3";
  const needed = [{ required: true, message: m.required }];
  return (
    <Modal
      open
      title={t.addTitle}
      okText={t.add}
      cancelText={t.cancel}
      confirmLoading={create.isPending}
      onCancel={onClose}
      onOk={() => form.submit()}
    >
      <Form<NewBucket>
        form={form}
        layout="vertical"
        initialValues={{ kind: "folder" }}
        onFinish={(bucket) => create.mutate(bucket, { onSuccess: onClose })}
      >
        <Form.Item name="kind" label={t.kind} extra={onS3 ? t.s3Help : t.folderHelp}>
          <Radio.Group
            options={[
              { value: "folder", label: t.folder },
              { value: "s3", label: t.s3, disabled: !admin },
            ]}
          />
        </Form.Item>
        <Form.Item name="name" label={t.name} extra={t.nameHelp} rules={needed}>
          <Input maxLength={63} autoFocus />
        </Form.Item>
        {onS3 && (
          <>
            <Form.Item name="endpoint" label={t.endpoint} extra={t.endpointHelp} rules={needed}>
              <Input maxLength={1024} />
            </Form.Item>
            <KeyFields />
            <Form.Item name="region" label={t.region}>
              <Input maxLength={64} />
            </Form.Item>
            <Form.Item name="bucket" label={t.bucketThere} extra={t.bucketThereHelp}>
              <Input maxLength={255} />
            </Form.Item>
          </>
        )}
        {create.error && <Problem error={create.error} />}
      </Form>
    </Modal>
  );
}
