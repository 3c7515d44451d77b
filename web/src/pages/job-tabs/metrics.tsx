import { Empty, Flex } from "antd";
import { useMemo } from "react";
import { useTrainingMetrics } from "../../api/job-details";
import { useMessages } from "../../app/preferences";
import { Chart } from "../../components/chart";
import type { TabProps } from "../job";

/** A curve for each number that the script printed. */
export function MetricsTab({ job, live }: TabProps) {
  const t = useMessages();
  const metrics = useTrainingMetrics(job.metadata.id, live).data;
  const charts = useMemo(
    () =>
      (metrics?.names ?? []).map((name) => ({
        name,
        points: (metrics?.metrics ?? [])
          .filter((m) => m.name === name && typeof m.value === "number")
          .map((m): [number, number] => [m.step, m.value ?? 0]),
      })),
    [metrics],
  );
  if (charts.length === 0) return <Empty description={t.job.noMetrics} />;
  return (
    <Flex wrap gap={16}>
      {charts.map((curve) => (
        <div key={curve.name} style={{ flex: "1 1 360px", minWidth: 0 }}>
          <Chart curves={[curve]} label={curve.name} xAxis="value" />
        </div>
      ))}
    </Flex>
  );
}
