import { Button, Flex, Form, Input, Tag } from "antd";
import { useState } from "react";
import { useMessages, useText } from "../../app/preferences";
import { useProjectId, useSession } from "../../app/session";
import { useList, type Schemas } from "./api";
import { FormButton } from "./form-button";
import { Members } from "./members";
import { ListTable, Remove } from "./parts";
import { Quota } from "./quota";
import { text } from "./text";

type Project = Schemas["ProjectModel"];

/** One's projects; of the chosen one its quota and its members. */
export function Projects() {
  const t = useText(text);
  const { admin } = useSession();
  const shown = useProjectId();
  const [chosen, setChosen] = useState(shown);
  const projects = useList<Schemas["ProjectPage"]>("/v1/projects");
  const project = projects.data?.items.find((one) => one.id === chosen) ?? projects.data?.items[0];
  return (
    <>
      {admin && (
        <FormButton<Project, Schemas["ProjectRequest"]> label={t.newProject} path="/v1/projects" initial={{ name: "", description: "" }}>
          <Fields />
        </FormButton>
      )}
      <ListTable<Project>
        query={projects}
        rowKey="id"
        columns={[
          {
            title: t.name,
            key: "name",
            render: (_, one) => (
              <Flex gap={8} align="center">
                <Button type="link" className="link-text" aria-pressed={one.id === project?.id} onClick={() => setChosen(one.id)}>
                  {one.name}
                </Button>
                {one.id === shown && <Tag color="blue">{t.shownHere}</Tag>}
              </Flex>
            ),
          },
          { title: t.role, key: "role", render: (_, one) => t.roles[one.role ?? ""] ?? (admin ? t.roles.admin : "") },
          { title: t.description, dataIndex: "description" },
          { title: "ID", dataIndex: "id", className: "mono" },
          { key: "actions", align: "right", render: (_, one) => <Actions project={one} /> },
        ]}
      />
      {project && (
        <section aria-label={project.name}>
          <Quota project={project} />
          <Members project={project} />
        </section>
      )}
    </>
  );
}

function Fields() {
  const t = useText(text);
  const required = [{ required: true, message: useMessages().required }];
  return (
    <>
      <Form.Item name="name" label={t.name} rules={required}>
        <Input maxLength={64} />
      </Form.Item>
      <Form.Item name="description" label={t.description}>
        <Input maxLength={256} />
      </Form.Item>
    </>
  );
}

function Actions({ project }: { project: Project }) {
  const t = useText(text);
  const { admin } = useSession();
  const path = `/v1/projects/${project.id}`;
  return (
    <Flex gap={8} justify="end">
      {(admin || project.role === "admin") && (
        <FormButton<Project, Schemas["ProjectUpdate"]>
          small
          label={t.edit}
          title={t.editTitle(project.name)}
          send={t.save}
          method="PUT"
          path={path}
          initial={{ name: project.name, description: project.description ?? "" }}
        >
          <Fields />
        </FormButton>
      )}
      {admin && <Remove name={project.name} path={path} loss={t.projectLoss} />}
    </Flex>
  );
}
