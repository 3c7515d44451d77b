import { useNavigate } from "@tanstack/react-router";
import { Select, Tag, Tooltip } from "antd";
import { useMessages } from "./preferences";
import { useMayChange, useProject, useSession } from "./session";

/** Which project the pages show, where there are several, and whether it may only be looked at. */
export function ProjectChoice() {
  return (
    <>
      <Choice />
      <ReadOnly />
    </>
  );
}

function ReadOnly() {
  const t = useMessages();
  if (useMayChange()) return null;
  return (
    <Tooltip title={t.readOnlyHelp}>
      <Tag color="warning" tabIndex={0}>
        {t.readOnly}
      </Tag>
    </Tooltip>
  );
}

function Choice() {
  const t = useMessages();
  const { projects } = useSession();
  const { project, choose } = useProject();
  const navigate = useNavigate();
  if (!project || projects.length < 2) return null;
  return (
    <Select
      aria-label={t.project}
      value={project.id}
      variant="borderless"
      popupMatchSelectWidth={false}
      options={projects.map((one) => ({ value: one.id, label: one.name }))}
      onChange={(id) => {
        choose(id);
        // what the page shows is of the other project
        void navigate({ to: "/" });
      }}
      style={{ maxWidth: 180 }}
    />
  );
}
