import { Button, Flex } from "antd";
import { useState } from "react";
import { formatTime } from "../../app/format";
import { usePreferences, useText } from "../../app/preferences";
import { useList, type Schemas } from "./api";
import { ListTable } from "./parts";
import { text } from "./text";

/** Who changed what, newest first; for admins. */
export function Audit() {
  const t = useText(text);
  const { language } = usePreferences();
  const [before, setBefore] = useState<number>();
  const page = useList<Schemas["AuditPage"]>("/v1/audit", { limit: 50, before });
  const next = page.data?.next_before;
  return (
    <>
      <ListTable<Schemas["AuditModel"]>
        query={page}
        rowKey="id"
        columns={[
          { title: t.time, key: "time", render: (_, one) => formatTime(one.time, language) },
          { title: t.user, dataIndex: "user_name" },
          { title: t.action, dataIndex: "action", className: "mono" },
          { title: t.target, dataIndex: "target", className: "mono" },
          { title: t.status, key: "status", render: (_, one) => `${one.status} ${one.error_code}` },
          { title: t.from, dataIndex: "address", className: "mono" },
        ]}
      />
      <Flex gap={8} style={{ marginTop: 12 }}>
        <Button disabled={before === undefined} onClick={() => setBefore(undefined)}>
          {t.newest}
        </Button>
        <Button disabled={!next} onClick={() => next && setBefore(next)}>
          {t.older}
        </Button>
      </Flex>
    </>
  );
}
