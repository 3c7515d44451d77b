import { Flex, Form, Input, Select } from "antd";
import { formatTime } from "../../app/format";
import { usePreferences, useText } from "../../app/preferences";
import { useProjectId, useSession } from "../../app/session";
import { useList, type Schemas } from "./api";
import { Act, Create, ListTable, Remove } from "./parts";
import { text } from "./text";

/** Access keys (AK/SK) by which the ModelArts SDK signs its requests. */
export function Keys() {
  const t = useText(text);
  const { language } = usePreferences();
  const { projects } = useSession();
  const projectId = useProjectId();
  const path = (key: string) => `/v1/keys/${encodeURIComponent(key)}`;
  return (
    <>
      <Create<Schemas["NewKey"]>
        label={t.newKey}
        path="/v1/keys"
        initial={{ description: "", project: projectId, user: "" }}
        secrets={(made) => [
          [t.accessKey, made.access_key],
          [t.secretKey, made.secret_key],
        ]}
      >
        <Form.Item name="project" label={t.project}>
          <Select options={projects.map((one) => ({ value: one.id, label: one.name }))} />
        </Form.Item>
        <Form.Item name="description" label={t.description}>
          <Input maxLength={256} />
        </Form.Item>
      </Create>
      <ListTable<Schemas["KeyModel"]>
        query={useList("/v1/keys")}
        rowKey="access_key"
        empty={t.noKeys}
        columns={[
          { title: t.accessKey, dataIndex: "access_key", className: "mono" },
          { title: t.description, dataIndex: "description" },
          {
            title: t.project,
            key: "project",
            render: (_, one) => projects.find((project) => project.id === one.project_id)?.name ?? one.project_id,
          },
          { title: t.created, key: "created", render: (_, one) => formatTime(one.create_time, language) },
          {
            key: "actions",
            align: "right",
            render: (_, one) => (
              <Flex gap={8} justify="end">
                <Act
                  label={one.disabled ? t.enable : t.disable}
                  change={{ method: "PUT", path: path(one.access_key), body: { disabled: !one.disabled } }}
                />
                <Remove name={one.access_key} path={path(one.access_key)} />
              </Flex>
            ),
          },
        ]}
      />
    </>
  );
}
