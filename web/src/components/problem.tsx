import { Alert, Button } from "antd";
import { ApiError, UnreachableError } from "../api/errors";
import { useMessages, type useMessages as UseMessages } from "../app/preferences";

type Messages = ReturnType<typeof UseMessages>;

/** What happened, as one sentence for people. */
export function problemText(error: unknown, t: Messages): string {
  if (error instanceof ApiError) return error.message;
  if (error instanceof UnreachableError) return t.serviceAway;
  return error instanceof Error ? error.message : String(error);
}

/** An error where content should be, with a way to try again. */
export function Problem({ error, retry }: { error: unknown; retry?: () => void }) {
  const t = useMessages();
  return (
    <Alert
      type="error"
      showIcon
      role="alert"
      title={problemText(error, t)}
      description={error instanceof ApiError && error.code ? error.code : undefined}
      action={retry && <Button onClick={retry}>{t.tryAgain}</Button>}
    />
  );
}
