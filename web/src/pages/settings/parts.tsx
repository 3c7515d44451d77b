import { App, Button, Empty, Popconfirm, Table, Tag, type TableProps } from "antd";
import { useMessages, useText } from "../../app/preferences";
import { Problem, problemText } from "../../components/problem";
import { useChange, type Change } from "./api";
import { text } from "./text";

interface ListProps<T> {
  query: { data: { items: T[] } | undefined; error: unknown; isPending: boolean; refetch: () => unknown };
  rowKey: keyof T & string;
  columns: NonNullable<TableProps<T>["columns"]>;
  /** What to do where the list is empty. */
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
export function Act({ label, name, change, done }: { label: string; name: string; change: Change; done?: string }) {
  const m = useMessages();
  const { message } = App.useApp();
  const send = useChange();
  return (
    <Button
      size="small"
      aria-label={`${label}: ${name}`}
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

/** A button that asks once more before it removes something. */
export function Remove({ name, path, loss }: { name: string; path: string; loss?: string }) {
  const t = useText(text);
  const m = useMessages();
  const { message } = App.useApp();
  const send = useChange();
  return (
    <Popconfirm
      title={t.removeQuestion(name)}
      {...(loss ? { description: loss } : {})}
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

/** When something ends: a date, in red once it is over; or that it does not. */
export function Expiry({ at, shown }: { at: number | null | undefined; shown: string }) {
  const t = useText(text);
  if (!at) return t.never;
  return at < Date.now() ? <Tag color="error">{t.expired(shown)}</Tag> : shown;
}
