import { Empty, Flex, Segmented } from "antd";
import { useMemo, useState } from "react";
import { useResourceMetrics } from "../../api/job-details";
import { useMessages } from "../../app/preferences";
import { Chart } from "../../components/chart";
import type { TabProps } from "../job";

/** Processor, memory and accelerators of one task over time, in per cent. */
export function ResourcesTab({ job, live }: TabProps) {
  const t = useMessages();
  const tasks = job.status.tasks ?? [];
  const [task, setTask] = useState(tasks[0] ?? "worker-0");
  const metrics = useResourceMetrics(job.metadata.id, task, live).data;
  const curves = useMemo(() => {
    if (!metrics) return [];
    return metrics.metrics
      .filter((metric) => metric.value.some((value) => value >= 0))
      .map((metric) => ({
        name: t.resourceNames[metric.metric as keyof typeof t.resourceNames] ?? metric.metric,
        points: metric.value.map((value, i): [number, number] => [(metrics.time?.[i] ?? 0) * 1000, value]),
      }));
  }, [metrics, t]);
  return (
    <Flex vertical gap={12}>
      {tasks.length > 1 && <Segmented options={tasks} value={task} onChange={setTask} />}
      {curves.length === 0 ? <Empty description={t.job.noResources} /> : <Chart curves={curves} label={t.job.resources} xAxis="time" />}
    </Flex>
  );
}
