import { Alert, App, Button, Empty, Form, Modal, Popconfirm, Table, Typography, type TableProps } from "antd";
import { useState, type ReactNode } from "react";
import { useMessages, useText } from "../../app/preferences";
import { Problem, problemText } from "../../components/problem";
import { useChange, type Change } from "./api";
import { text } from "./text";

interface ListProps<T> {
  query: { data: { items: T[] } | undefined; error: unknown; isPending: boolean; refetch: () => unknown };
  rowKey: keyof T & string;
  columns: NonNullable<TableProps<T>["columns"]>;
  empty?: string;
}

export function ListTable<T extends object>({ query, rowKey, columns, empty }: ListProps<T>) {
  const t = useText(text);
  if (query.error && !query.data) return <Problem error={query.error} retry={() => void query.refetch()} />;
  return (
    <Table<T>
      rowKey={rowKey}
      size="small"
      scroll={{ x: "max-content" }}
      pagination={{ pageSize: 50, hideOnSinglePage: true }}
      loading={query.isPending}
      dataSource={query.data?.items ?? []}
      columns={columns}
      locale={{ emptyText: <Empty description={empty ?? t.empty} /> }}
    />
  );
}

/** A button that does one thing, and says what went wrong. */
export function Act({ label, change, done }: { label: string; change: Change; done?: string }) {
  const m = useMessages();
  const { message } = App.useApp();
  const send = useChange();
  return (
    <Button
      size="small"
      loading={send.isPending}
      onClick={() =>
        send.mutate(change, {
          onSuccess: () => done && void message.success(done),
          onError: (error) => void message.error(problemText(error, m)),
        })
      }
    >
      {label}
    </Button>
  );
}

export function Remove({ name, path }: { name: string; path: string }) {
  const t = useText(text);
  const m = useMessages();
  const { message } = App.useApp();
  const send = useChange();
  return (
    <Popconfirm
      title={t.removeQuestion(name)}
      okText={t.remove}
      cancelText={t.cancel}
      onConfirm={() =>
        send.mutate({ method: "DELETE", path }, { onError: (error) => void message.error(problemText(error, m)) })
      }
    >
      <Button size="small" danger loading={send.isPending} aria-label={`${t.remove}: ${name}`}>
        {t.remove}
      </Button>
    </Popconfirm>
  );
}

interface CreateProps<T> {
  label: string;
  path: string;
  initial: object;
  children: ReactNode;
  /** What of the answer is shown once, with its label. */
  secrets?: (answer: T) => [string, string][];
}

/** A button that opens a form, sends it, and shows once what only the answer knows. */
export function Create<T>({ label, path, initial, children, secrets }: CreateProps<T>) {
  const t = useText(text);
  const [open, setOpen] = useState(false);
  const [shown, setShown] = useState<[string, string][]>([]);
  const [form] = Form.useForm();
  const send = useChange<T>();
  const finish = (values: object) =>
    send.mutate(
      { method: "POST", path, body: { ...initial, ...values } },
      {
        onSuccess: (answer) => {
          setOpen(false);
          setShown((secrets?.(answer) ?? []).filter(([, value]) => value));
        },
      },
    );
  return (
    <>
      <Button type="primary" style={{ marginBottom: 12 }} onClick={() => setOpen(true)}>
        {label}
      </Button>
      {open && (
        <Modal
          open
          title={label}
          okText={t.create}
          cancelText={t.cancel}
          confirmLoading={send.isPending}
          onCancel={() => setOpen(false)}
          onOk={() => form.submit()}
        >
          <Form form={form} layout="vertical" initialValues={initial} onFinish={finish}>
            {children}
            {send.error && <Problem error={send.error} />}
          </Form>
        </Modal>
      )}
      {shown.length > 0 && (
        <Modal
          open
          title={label}
          footer={
            <Button type="primary" onClick={() => setShown([])}>
              {t.close}
            </Button>
          }
          onCancel={() => setShown([])}
        >
          <Alert type="warning" showIcon title={t.once} style={{ marginBottom: 12 }} />
          {shown.map(([name, value]) => (
            <Typography.Paragraph key={name}>
              {name}: <Typography.Text code copyable className="wrap">{value}</Typography.Text>
            </Typography.Paragraph>
          ))}
        </Modal>
      )}
    </>
  );
}
