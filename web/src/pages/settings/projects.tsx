import { App, Button, Form, Input, Select, Space, Typography } from "antd";
import { useState } from "react";
import { useMessages, useText } from "../../app/preferences";
import { useProjectId, useSession } from "../../app/session";
import { problemText } from "../../components/problem";
import { useChange, useList, type Schemas } from "./api";
import { Create, ListTable, Remove } from "./parts";
import { text } from "./text";

const ROLES = ["viewer", "member", "admin"];

/** One's projects, and the members of the one that the pages show. */
export function Projects() {
  const t = useText(text);
  const { admin } = useSession();
  const required = [{ required: true, message: useMessages().required }];
  return (
    <>
      {admin && (
        <Create label={t.newProject} path="/v1/projects" initial={{ name: "", description: "" }}>
          <Form.Item name="name" label={t.name} rules={required}>
            <Input maxLength={64} />
          </Form.Item>
          <Form.Item name="description" label={t.description}>
            <Input maxLength={256} />
          </Form.Item>
        </Create>
      )}
      <ListTable<Schemas["ProjectModel"]>
        query={useList("/v1/projects")}
        rowKey="id"
        columns={[
          { title: t.name, dataIndex: "name" },
          { title: "ID", dataIndex: "id", className: "mono" },
          { title: t.role, key: "role", render: (_, one) => t.roles[one.role ?? ""] },
          { title: t.description, dataIndex: "description" },
        ]}
      />
      <Members />
    </>
  );
}

function Members() {
  const t = useText(text);
  const m = useMessages();
  const { message } = App.useApp();
  const path = `/v1/projects/${useProjectId()}/members`;
  const send = useChange();
  const [name, setName] = useState("");
  const [role, setRole] = useState("member");
  const add = () =>
    send.mutate(
      { method: "PUT", path: `${path}/${encodeURIComponent(name.trim())}`, body: { role } },
      { onSuccess: () => setName(""), onError: (error) => void message.error(problemText(error, m)) },
    );
  return (
    <section>
      <Typography.Title level={2} style={{ fontSize: 16 }}>
        {t.members}
      </Typography.Title>
      <Space.Compact style={{ marginBottom: 12 }}>
        <Input aria-label={t.user} placeholder={t.user} value={name} onChange={(event) => setName(event.target.value)} />
        <Select
          aria-label={t.role}
          value={role}
          onChange={setRole}
          options={ROLES.map((value) => ({ value, label: t.roles[value] }))}
          style={{ minWidth: 110 }}
        />
        <Button disabled={!name.trim()} loading={send.isPending} onClick={add}>
          {t.addMember}
        </Button>
      </Space.Compact>
      <ListTable<Schemas["MemberModel"]>
        query={useList(path)}
        rowKey="id"
        columns={[
          { title: t.name, dataIndex: "name" },
          { title: t.email, dataIndex: "email" },
          { title: t.role, key: "role", render: (_, one) => t.roles[one.role] },
          { key: "remove", align: "right", render: (_, one) => <Remove name={one.name} path={`${path}/${one.id}`} /> },
        ]}
      />
    </section>
  );
}
