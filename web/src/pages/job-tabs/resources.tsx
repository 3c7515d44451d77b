import { Checkbox, Empty, Flex, Select } from "antd";
import { useMemo, useState } from "react";
import { useResourceMetrics } from "../../api/job-details";
import type { components } from "../../api/schema";
import { useMessages } from "../../app/preferences";
import { Chart, type Curve } from "../../components/chart";
import { Problem } from "../../components/problem";
import type { TabProps } from "../job/tabs";

type Metrics = components["schemas"]["ResourceMetrics"];

const PERCENT = ["cpuUsage", "memUsage", "gpuUtil", "gpuMemUsage", "npuUtil", "npuMemUsage"];
const AMOUNT = ["memMb", "diskMb"];
const MOST_AT_FIRST = 4;

/** Processor, memory, disk and accelerators over time, node by node; each can be left out. */
export function ResourcesTab({ job, live }: TabProps) {
  const t = useMessages();
  const tasks = job.status.tasks?.length ? job.status.tasks : ["worker-0"];
  const [shown, setShown] = useState(tasks.slice(0, MOST_AT_FIRST));
  const [hidden, setHidden] = useState<string[]>([]);
  const queries = useResourceMetrics(job.metadata.id, shown, job.status.attempt ?? 0, live);
  const newest = queries.map((query) => query.dataUpdatedAt).join();
  const byTask = useMemo(
    () => shown.flatMap((task, i) => (queries[i]?.data ? [{ task, metrics: queries[i].data }] : [])),
    // the queries are other objects with every drawing; what they hold changes with `newest`
    // eslint-disable-next-line react-hooks/exhaustive-deps
    [shown, newest],
  );
  const known = [...PERCENT, ...AMOUNT].filter((name) => byTask.some(({ metrics }) => hasValues(metrics, name)));
  const label = (name: string) => t.resourceNames[name as keyof typeof t.resourceNames] ?? name;
  const wanted = known.filter((name) => !hidden.includes(name));
  const curves = (names: string[]) => curvesOf(byTask, names.filter((name) => wanted.includes(name)), label);
  const failed = queries.find((query) => query.error && !query.data);
  const percent = useMemo(() => curves(PERCENT), [byTask, hidden, t]); // eslint-disable-line react-hooks/exhaustive-deps
  const amount = useMemo(() => curves(AMOUNT), [byTask, hidden, t]); // eslint-disable-line react-hooks/exhaustive-deps

  return (
    <Flex vertical gap={12}>
      <Flex gap={16} wrap align="center">
        {tasks.length > 1 && (
          <Select
            mode="multiple"
            value={shown}
            onChange={(names: string[]) => setShown(names.length ? names : shown)}
            aria-label={t.job.nodes}
            options={tasks.map((name) => ({ value: name, label: name }))}
            maxTagCount="responsive"
            style={{ minWidth: 240 }}
          />
        )}
        <Checkbox.Group
          aria-label={t.job.curves}
          value={wanted}
          onChange={(names) => setHidden(known.filter((name) => !names.includes(name)))}
          options={known.map((name) => ({ value: name, label: label(name) }))}
        />
      </Flex>
      {failed && <Problem error={failed.error} retry={() => void failed.refetch()} />}
      {known.length === 0 && !failed && <Empty description={t.job.noResources} />}
      {percent.length > 0 && <Chart curves={percent} label={t.job.use} xAxis="time" max={100} />}
      {amount.length > 0 && <Chart curves={amount} label={t.job.amounts} xAxis="time" />}
    </Flex>
  );
}

function hasValues(metrics: Metrics, name: string): boolean {
  return metrics.metrics.some((metric) => metric.metric === name && metric.value.some((value) => value >= 0));
}

function curvesOf(byTask: { task: string; metrics: Metrics }[], names: string[], label: (name: string) => string): Curve[] {
  return byTask.flatMap(({ task, metrics }) =>
    metrics.metrics
      .filter((metric) => names.includes(metric.metric) && hasValues(metrics, metric.metric))
      .map((metric) => ({
        name: byTask.length > 1 ? `${task} · ${label(metric.metric)}` : label(metric.metric),
        points: metric.value.flatMap((value, i): [number, number][] =>
          value >= 0 ? [[(metrics.time?.[i] ?? 0) * 1000, value]] : [],
        ),
      })),
  );
}
