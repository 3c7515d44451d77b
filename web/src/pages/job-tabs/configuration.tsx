import { Descriptions, type DescriptionsProps } from "antd";
import { useMessages } from "../../app/preferences";
import type { TabProps } from "../job";

/** All that was fixed when the job was created. */
export function ConfigurationTab({ job }: TabProps) {
  const t = useMessages();
  const { algorithm, spec } = job;
  const items: DescriptionsProps["items"] = [
    { key: "id", label: t.job.id, children: <span className="mono">{job.metadata.id}</span> },
    { key: "description", label: t.job.description, children: job.metadata.description || "–" },
    { key: "code", label: t.job.codeDir, children: <span className="mono">{algorithm.code_dir}</span> },
    { key: "boot", label: t.job.bootFile, children: <span className="mono">{algorithm.boot_file}</span> },
    { key: "priority", label: t.job.priority, children: spec.schedule_policy.priority },
    ...(algorithm.inputs ?? []).map((channel) => ({
      key: `in-${channel.name}`,
      label: `${t.job.input} ${channel.name}`,
      children: <span className="mono">{channel.remote?.obs?.obs_url}</span>,
    })),
    ...(algorithm.outputs ?? []).map((channel) => ({
      key: `out-${channel.name}`,
      label: `${t.job.output} ${channel.name}`,
      children: <span className="mono">{channel.remote?.obs?.obs_url}</span>,
    })),
    ...(algorithm.parameters ?? []).map((parameter) => ({
      key: `parameter-${parameter.name}`,
      label: parameter.name,
      children: <span className="mono">{parameter.value}</span>,
    })),
    ...Object.entries(algorithm.environments ?? {}).map(([name, value]) => ({
      key: `env-${name}`,
      label: `$${name}`,
      children: <span className="mono">{String(value)}</span>,
    })),
  ];
  return <Descriptions bordered size="small" column={1} items={items} />;
}
