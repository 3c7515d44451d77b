import { App, AutoComplete, Button, Select, Space, Typography } from "antd";
import { useState } from "react";
import { useMessages, useText } from "../../app/preferences";
import { useSession } from "../../app/session";
import { problemText } from "../../components/problem";
import { useChange, useList, type Schemas } from "./api";
import { ListTable, Remove } from "./parts";
import { text } from "./text";

const ROLES = ["viewer", "member", "admin"] as const;

/** Who is in a project and as what; its admins take people in and out. */
export function Members({ project }: { project: Schemas["ProjectModel"] }) {
  const t = useText(text);
  const { admin } = useSession();
  const may = admin || project.role === "admin";
  const path = `/v1/projects/${project.id}/members`;
  return (
    <section>
      <Typography.Title level={2} style={{ fontSize: 16 }}>
        {t.membersOf(project.name)}
      </Typography.Title>
      {may && <Add path={path} />}
      <ListTable<Schemas["MemberModel"]>
        query={useList(path)}
        rowKey="id"
        empty={may ? t.noMembers : t.noMembersHere}
        columns={[
          { title: t.name, dataIndex: "name" },
          { title: t.email, dataIndex: "email" },
          {
            title: t.role,
            key: "role",
            render: (_, one) => (may ? <Role name={one.name} role={one.role} path={`${path}/${one.id}`} /> : t.roles[one.role]),
          },
          { key: "remove", align: "right", render: (_, one) => may && <Remove name={one.name} path={`${path}/${one.id}`} loss={t.memberLoss} /> },
        ]}
      />
    </section>
  );
}

function useRoleChange() {
  const m = useMessages();
  const t = useText(text);
  const { message } = App.useApp();
  const send = useChange();
  const change = (path: string, name: string, role: string, done?: () => void) =>
    send.mutate(
      { method: "PUT", path, body: { role } },
      {
        onSuccess: () => {
          void message.success(t.isNow(name, t.roles[role] ?? role));
          done?.();
        },
        onError: (error) => void message.error(problemText(error, m)),
      },
    );
  return { change, pending: send.isPending };
}

function Role({ name, role, path }: { name: string; role: string; path: string }) {
  const t = useText(text);
  const { change, pending } = useRoleChange();
  return (
    <Select
      size="small"
      aria-label={t.roleOf(name)}
      value={role}
      loading={pending}
      disabled={pending}
      onChange={(next) => change(path, name, next)}
      options={ROLES.map((value) => ({ value, label: t.roles[value] }))}
      style={{ minWidth: 110 }}
    />
  );
}

function Add({ path }: { path: string }) {
  const t = useText(text);
  const { admin } = useSession();
  const users = useList<Schemas["UserList"]>("/v1/users", {}, undefined, admin);
  const [name, setName] = useState("");
  const [role, setRole] = useState("member");
  const { change, pending } = useRoleChange();
  const add = () => change(`${path}/${encodeURIComponent(name.trim())}`, name.trim(), role, () => setName(""));
  return (
    <Space.Compact style={{ marginBottom: 12 }}>
      <AutoComplete
        aria-label={t.user}
        placeholder={t.user}
        value={name}
        onChange={setName}
        options={(users.data?.items ?? []).map((user) => ({ value: user.name }))}
        showSearch={{ filterOption: (typed, option) => (option?.value ?? "").includes(typed) }}
        style={{ minWidth: 180 }}
      />
      <Select
        aria-label={t.role}
        value={role}
        onChange={setRole}
        options={ROLES.map((value) => ({ value, label: t.roles[value] }))}
        style={{ minWidth: 110 }}
      />
      <Button type="primary" disabled={!name.trim()} loading={pending} onClick={add}>
        {t.addMember}
      </Button>
    </Space.Compact>
  );
}
