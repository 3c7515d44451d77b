import { Link } from "@tanstack/react-router";
import { App, Button, Empty, Flex, Popconfirm, Table, Tag } from "antd";
import { useState } from "react";
import { useBucketActions, useBuckets, type Bucket } from "../../api/storage";
import { formatTime } from "../../app/format";
import { useMessages, usePreferences, useText } from "../../app/preferences";
import { useProjectRole } from "../../app/session";
import { Page } from "../../components/page";
import { Problem, problemText } from "../../components/problem";
import { AddBucket } from "./add";
import { NewKeys } from "./keys";
import { text } from "./text";

/** The project's buckets: add one, try it, look into it, take it away. */
export function BucketsPage() {
  const t = useText(text);
  const { language } = usePreferences();
  const buckets = useBuckets();
  const [adding, setAdding] = useState(false);
  const add = (
    <Button type="primary" onClick={() => setAdding(true)}>
      {t.add}
    </Button>
  );
  return (
    <Page title={t.title} actions={add}>
      {buckets.error && !buckets.data ? (
        <Problem error={buckets.error} retry={() => void buckets.refetch()} />
      ) : (
        <Table<Bucket>
          rowKey="name"
          size="middle"
          scroll={{ x: "max-content" }}
          pagination={false}
          loading={buckets.isPending}
          dataSource={buckets.data?.items ?? []}
          locale={{ emptyText: <Empty description={t.none} /> }}
          columns={[
            { title: t.name, key: "name", render: (_, bucket) => <Name bucket={bucket} /> },
            { title: t.kind, key: "kind", render: (_, bucket) => (bucket.kind === "folder" ? t.folder : "S3") },
            { title: t.place, key: "place", className: "mono", render: (_, bucket) => bucket.endpoint || "–" },
            { title: t.created, key: "created", render: (_, bucket) => formatTime(bucket.create_time, language) },
            { key: "actions", align: "right", render: (_, bucket) => <Actions bucket={bucket} /> },
          ]}
        />
      )}
      {adding && <AddBucket onClose={() => setAdding(false)} />}
    </Page>
  );
}

function Name({ bucket }: { bucket: Bucket }) {
  const t = useText(text);
  return (
    <Flex gap={8} align="center">
      <Link to="/buckets/$bucket" params={{ bucket: bucket.name }}>
        {bucket.name}
      </Link>
      {bucket.is_default && <Tag>{t.default}</Tag>}
    </Flex>
  );
}

function Actions({ bucket }: { bucket: Bucket }) {
  const t = useText(text);
  const m = useMessages();
  const admin = useProjectRole() === "admin";
  const { message } = App.useApp();
  const { test, remove } = useBucketActions();
  const [changing, setChanging] = useState(false);
  const complain = (error: unknown) => void message.error(problemText(error, m));
  return (
    <Flex gap={8} justify="end">
      <Button
        size="small"
        loading={test.isPending}
        onClick={() =>
          test.mutate(bucket.name, { onSuccess: () => void message.success(t.testGood(bucket.name)), onError: complain })
        }
      >
        {t.test}
      </Button>
      {bucket.kind !== "folder" && (
        <Button size="small" disabled={!admin} title={admin ? "" : t.adminsOnly} onClick={() => setChanging(true)}>
          {t.keys}
        </Button>
      )}
      <Popconfirm
        title={t.removeQuestion(bucket.name)}
        description={t.removeHelp}
        okText={t.remove}
        cancelText={t.cancel}
        disabled={!admin || bucket.is_default}
        onConfirm={() => remove.mutate(bucket.name, { onError: complain })}
      >
        <Button size="small" danger disabled={!admin || bucket.is_default} title={admin ? "" : t.adminsOnly}>
          {t.remove}
        </Button>
      </Popconfirm>
      {changing && <NewKeys name={bucket.name} onClose={() => setChanging(false)} />}
    </Flex>
  );
}
