import { Descriptions, Flex, Tag, type DescriptionsProps } from "antd";
import type { ReactNode } from "react";
import { useMessages } from "../../app/preferences";
import { CopyButton } from "../../components/copy-button";
import type { TabProps } from "../job/tabs";

/** All that was fixed when the job was created. */
export function ConfigurationTab({ job }: TabProps) {
  const t = useMessages();
  const { algorithm, spec, metadata } = job;
  const { resource } = spec;
  const stop = spec.auto_stop as { duration?: number; time_unit?: string } | null | undefined;
  const items = [
    row(t.job.id, <Copied text={metadata.id} />),
    row(t.job.description, metadata.description),
    row(t.job.algorithm, algorithm.name),
    row(t.job.codeDir, algorithm.code_dir && <Copied text={algorithm.code_dir} />),
    row(t.job.bootFile, mono(algorithm.boot_file)),
    row(t.job.command, mono(algorithm.command)),
    row(t.jobs.engine, mono(algorithm.engine.engine_id)),
    row(t.job.where, `${resource.pool_id} · ${resource.node_count} × ${resource.flavor_id}`),
    row(t.job.processes, resource.processes),
    row(t.job.priority, spec.schedule_policy.priority),
    row(t.job.autoStop, stop?.duration ? `${stop.duration} ${(stop.time_unit ?? "HOURS").toLowerCase()}` : ""),
    row(t.job.logPath, mono(spec.log_export_path?.obs_url)),
    ...(algorithm.inputs ?? []).map((c) => row(`${t.job.input} ${c.name}`, <Copied text={c.remote?.obs?.obs_url ?? ""} />)),
    ...(algorithm.outputs ?? []).map((c) => row(`${t.job.output} ${c.name}`, <Copied text={c.remote?.obs?.obs_url ?? ""} />)),
    ...(algorithm.parameters ?? []).map((p) => row(p.name ?? "", p.flag ? <Tag>{t.job.flag}</Tag> : mono(p.value || "–"))),
    ...Object.entries(algorithm.environments ?? {}).map(([name, value]) => row(`$${name}`, mono(String(value)))),
    ...Object.entries(metadata.annotations ?? {}).map(([name, value]) => row(name, mono(value))),
  ].filter((item) => item !== undefined);
  return <Descriptions bordered size="small" column={1} items={items} styles={{ label: { width: "30%", overflowWrap: "anywhere" } }} />;
}

type Item = NonNullable<DescriptionsProps["items"]>[number];

/** One line; none for what is not set. */
function row(label: string, content: ReactNode): Item | undefined {
  const empty = content === undefined || content === null || content === "" || content === 0;
  return empty ? undefined : { key: label, label, children: content };
}

function mono(content: string | null | undefined): ReactNode {
  return content ? (
    <span className="mono" style={{ overflowWrap: "anywhere" }}>
      {content}
    </span>
  ) : undefined;
}

function Copied({ text }: { text: string }) {
  return (
    <Flex gap={8} align="center" justify="space-between">
      {mono(text)}
      <CopyButton text={text} />
    </Flex>
  );
}
