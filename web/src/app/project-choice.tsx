import { useNavigate } from "@tanstack/react-router";
import { Select } from "antd";
import { useMessages } from "./preferences";
import { useProject, useSession } from "./session";

/** Which of several projects the pages show; whoever is in one only is not asked. */
export function ProjectChoice() {
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
