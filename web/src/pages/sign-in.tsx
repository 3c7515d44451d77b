import { Alert, Button, Card, Flex, Form, Input, Segmented, Typography } from "antd";
import { useState } from "react";
import { ApiError } from "../api/errors";
import { PreferenceButtons } from "../components/preference-buttons";
import { useMessages } from "../app/preferences";
import { useSignIn, type SignIn } from "../app/session";

type Way = "token" | "password";

/** Sign in by a token (`trainshed up` prints where it is) or by name and password. */
export function SignInPage() {
  const t = useMessages();
  const signIn = useSignIn();
  const [way, setWay] = useState<Way>("token");
  const [problem, setProblem] = useState("");
  const [busy, setBusy] = useState(false);

  const submit = async (values: SignIn) => {
    setBusy(true);
    setProblem("");
    try {
      await signIn(values);
    } catch (error) {
      setProblem(error instanceof ApiError ? error.message : t.serviceAway);
      setBusy(false);
    }
  };

  return (
    <Flex component="main" align="center" justify="center" style={{ minHeight: "100vh", padding: 16 }}>
      <Card style={{ width: "100%", maxWidth: 400 }}>
        <Flex align="center" justify="space-between" style={{ marginBottom: 16 }}>
          <Flex align="center" gap={10}>
            <img src="/console/icon.svg" alt="" width={32} height={32} />
            <Typography.Title level={1} style={{ fontSize: 22, margin: 0 }}>
              {t.appName}
            </Typography.Title>
          </Flex>
          <PreferenceButtons />
        </Flex>
        <Segmented<Way>
          block
          value={way}
          onChange={setWay}
          options={[
            { value: "token", label: t.signIn.byToken },
            { value: "password", label: t.signIn.byPassword },
          ]}
          style={{ marginBottom: 16 }}
        />
        <Form<SignIn> layout="vertical" requiredMark={false} onFinish={(values) => void submit(values)} key={way}>
          {way === "token" ? <TokenField /> : <PasswordFields />}
          {problem && <Alert type="error" showIcon title={problem} role="alert" style={{ marginBottom: 16 }} />}
          <Button type="primary" htmlType="submit" block loading={busy}>
            {t.signIn.submit}
          </Button>
        </Form>
      </Card>
    </Flex>
  );
}

function TokenField() {
  const t = useMessages();
  return (
    <Form.Item name="token" label={t.signIn.token} extra={t.signIn.tokenHelp} rules={[{ required: true, message: t.required }]}>
      <Input.Password autoFocus autoComplete="off" maxLength={256} />
    </Form.Item>
  );
}

function PasswordFields() {
  const t = useMessages();
  return (
    <>
      <Form.Item name="name" label={t.signIn.name} rules={[{ required: true, message: t.required }]}>
        <Input autoFocus autoComplete="username" maxLength={64} />
      </Form.Item>
      <Form.Item name="password" label={t.signIn.password} rules={[{ required: true, message: t.required }]}>
        <Input.Password autoComplete="current-password" maxLength={256} />
      </Form.Item>
    </>
  );
}
