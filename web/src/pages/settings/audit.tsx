import { Button, Flex, Input, Tag, Tooltip } from "antd";
import { useState } from "react";
import { formatTime } from "../../app/format";
import { usePreferences, useText } from "../../app/preferences";
import { useProjectId, useSession } from "../../app/session";
import { useList, type Schemas } from "./api";
import { ListTable } from "./parts";
import { text } from "./text";

type Filter = Record<"user" | "action" | "target" | "start_time" | "end_time", string>;

const ALL: Filter = { user: "", action: "", target: "", start_time: "", end_time: "" };
const DAY_MS = 24 * 3600 * 1000;

/** Who changed what, newest first: in the service for its admins, in the project for the project's. */
export function Audit() {
  const t = useText(text);
  const { language } = usePreferences();
  const { admin } = useSession();
  const project = useProjectId();
  const [filter, setFilter] = useState(ALL);
  const [before, setBefore] = useState<number>();
  const narrow = (change: Partial<Filter>) => {
    setBefore(undefined);
    setFilter((now) => ({ ...now, ...change }));
  };
  const page = useList<Schemas["AuditPage"]>(admin ? "/v1/audit" : `/v1/projects/${project}/audit`, { ...filter, limit: 50, before });
  const next = page.data?.next_before;
  return (
    <>
      <Filters onChange={narrow} />
      <ListTable<Schemas["AuditModel"]>
        query={page}
        rowKey="id"
        empty={filter === ALL ? t.noAudit : t.noAuditMatch}
        columns={[
          { title: t.time, key: "time", render: (_, one) => formatTime(one.time, language) },
          { title: t.user, key: "user", render: (_, one) => <Tooltip title={one.credential}>{one.user_name || "–"}</Tooltip> },
          { title: t.action, dataIndex: "action", className: "mono" },
          { title: t.target, dataIndex: "target", className: "mono" },
          {
            title: t.status,
            key: "status",
            render: (_, one) => (
              <Tag color={one.status < 400 ? "success" : "error"}>
                {one.status} {one.error_code}
              </Tag>
            ),
          },
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

function Filters({ onChange }: { onChange: (change: Partial<Filter>) => void }) {
  const t = useText(text);
  const box = (key: "user" | "action" | "target", label: string) => (
    <Input.Search
      allowClear
      aria-label={label}
      placeholder={label}
      maxLength={64}
      onSearch={(value) => onChange({ [key]: value.trim() })}
      style={{ width: 200 }}
    />
  );
  const day = (key: "start_time" | "end_time", label: string, later: number) => (
    <Input
      type="date"
      aria-label={label}
      title={label}
      onChange={(event) => {
        const at = new Date(`${event.target.value}T00:00:00`).getTime();
        onChange({ [key]: Number.isNaN(at) ? "" : String(at + later) });
      }}
      style={{ width: 142 }}
    />
  );
  return (
    <Flex gap={8} wrap role="search" style={{ marginBottom: 12 }}>
      {box("user", t.user)}
      {box("action", t.action)}
      {box("target", t.target)}
      {day("start_time", t.fromDay, 0)}
      {day("end_time", t.toDay, DAY_MS)}
    </Flex>
  );
}
