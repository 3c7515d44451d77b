import { Alert, App, Button, Form, Modal, Typography } from "antd";
import { useState, type ReactNode } from "react";
import { useText } from "../../app/preferences";
import { Problem } from "../../components/problem";
import { useChange, type Change } from "./api";
import { text } from "./text";

interface FormButtonProps<Answer, Values> {
  label: string;
  path: string;
  initial: Values;
  children: ReactNode;
  method?: Change["method"];
  /** Of the dialog; the button's label where it has none of its own. */
  title?: string;
  /** What the button that sends the form says. */
  send?: string;
  /** A small button in a row of a table, not the main one of the page. */
  small?: boolean;
  /** What is sent; by default the first values with what was filled in over them. */
  body?: (values: Values) => unknown;
  /** What of the answer is shown once, with its label. */
  secrets?: (answer: Answer) => [string, string][];
  /** What is said once it is done, where nothing is shown. */
  done?: string;
}

/** A button that opens a form, sends it, and shows once what only the answer knows. */
export function FormButton<Answer, Values extends object = object>(props: FormButtonProps<Answer, Values>) {
  const [open, setOpen] = useState(false);
  const [shown, setShown] = useState<[string, string][]>([]);
  const { message } = App.useApp();
  const finish = (answer: Answer) => {
    setOpen(false);
    setShown((props.secrets?.(answer) ?? []).filter(([, value]) => value));
    if (props.done) void message.success(props.done);
  };
  const look = props.small ? ({ size: "small" } as const) : ({ type: "primary", style: { marginBottom: 12 } } as const);
  return (
    <>
      <Button {...look} aria-label={props.title ?? props.label} onClick={() => setOpen(true)}>
        {props.label}
      </Button>
      {open && <Dialog {...props} onClose={() => setOpen(false)} onDone={finish} />}
      {shown.length > 0 && <Secrets title={props.title ?? props.label} secrets={shown} onClose={() => setShown([])} />}
    </>
  );
}

interface DialogProps<Answer, Values> extends FormButtonProps<Answer, Values> {
  onClose: () => void;
  onDone: (answer: Answer) => void;
}

function Dialog<Answer, Values extends object>({ onClose, onDone, ...props }: DialogProps<Answer, Values>) {
  const t = useText(text);
  const [form] = Form.useForm<Values>();
  const change = useChange<Answer>();
  const { path, method = "POST", initial } = props;
  const finish = (given: Values) => {
    const values = { ...initial, ...given };
    change.mutate({ method, path, body: props.body ? props.body(values) : values }, { onSuccess: onDone });
  };
  return (
    <Modal
      open
      title={props.title ?? props.label}
      okText={props.send ?? t.create}
      cancelText={t.cancel}
      confirmLoading={change.isPending}
      onCancel={onClose}
      onOk={() => form.submit()}
    >
      <Form<Values> form={form} layout="vertical" initialValues={initial} onFinish={finish}>
        {props.children}
        {change.error && <Problem error={change.error} />}
      </Form>
    </Modal>
  );
}

function Secrets({ title, secrets, onClose }: { title: string; secrets: [string, string][]; onClose: () => void }) {
  const t = useText(text);
  return (
    <Modal
      open
      title={title}
      footer={
        <Button type="primary" onClick={onClose}>
          {t.close}
        </Button>
      }
      onCancel={onClose}
    >
      <Alert type="warning" showIcon title={t.once} style={{ marginBottom: 12 }} />
      {secrets.map(([name, value]) => (
        <Typography.Paragraph key={name}>
          {name}:{" "}
          <Typography.Text code copyable className="wrap">
            {value}
          </Typography.Text>
        </Typography.Paragraph>
      ))}
    </Modal>
  );
}
