import { Card, Checkbox, Empty, Flex, Segmented, Select, Typography } from "antd";
import { useMemo, useState } from "react";
import { useComparedJobs, useTrainingMetrics } from "../../api/job-details";
import { useJobs } from "../../api/jobs";
import { formatDuration } from "../../app/format";
import { useMessages } from "../../app/preferences";
import { Chart } from "../../components/chart";
import { Problem } from "../../components/problem";
import type { TabProps } from "../job/tabs";
import { curvesOf, namesOf, newestOf, type Source, type XAxis } from "./curves";

const MOST_COMPARED = 8;

/** A chart for each number that the script printed, with the curves of other jobs laid over it. */
export function MetricsTab({ job, live }: TabProps) {
  const t = useMessages();
  const own = useTrainingMetrics(job.metadata.id, live);
  const [others, setOthers] = useState<string[]>([]);
  const [x, setX] = useState<XAxis>("step");
  const [logarithmic, setLogarithmic] = useState(false);
  const compared = useComparedJobs(others);
  const newest = compared.map((query) => query.dataUpdatedAt).join();
  const sources = useMemo<Source[]>(() => {
    const mine = own.data ? [{ label: job.metadata.name, metrics: own.data }] : [];
    const more = compared.flatMap(({ data }) => (data ? [{ label: data.job.metadata.name, metrics: data.metrics }] : []));
    return [...mine, ...more];
    // the queries are other objects with every drawing; what they hold changes with `newest`
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [own.data, newest, job.metadata.name]);
  const charts = useMemo(() => namesOf(sources).map((name) => ({ name, curves: curvesOf(sources, name, x) })), [sources, x]);

  if (own.error && !own.data) return <Problem error={own.error} retry={() => void own.refetch()} />;
  return (
    <Flex vertical gap={12}>
      <Flex gap={12} wrap align="center">
        <JobPicker self={job.metadata.id} value={others} onChange={setOthers} />
        <Segmented
          value={x}
          onChange={(value) => setX(value as XAxis)}
          aria-label={t.job.xAxis}
          options={[
            { value: "step", label: t.job.byStep },
            { value: "relative", label: t.job.byDuration },
            { value: "time", label: t.job.byTime },
          ]}
        />
        <Checkbox checked={logarithmic} onChange={(event) => setLogarithmic(event.target.checked)}>
          {t.job.logScale}
        </Checkbox>
      </Flex>
      {charts.length === 0 && <Empty description={t.job.noMetrics} />}
      <div className="charts">
        {charts.map(({ name, curves }) => (
          <Card
            key={name}
            size="small"
            title={<span className="mono">{name}</span>}
            extra={own.data && <Typography.Text type="secondary">{newestOf(own.data, name)}</Typography.Text>}
          >
            <Chart
              curves={curves}
              label={name}
              xAxis={x === "time" ? "time" : "value"}
              logarithmic={logarithmic}
              {...(x === "relative" ? { xText: secondsText } : {})}
            />
          </Card>
        ))}
      </div>
    </Flex>
  );
}

const secondsText = (seconds: number) => formatDuration(seconds * 1000);

interface PickerProps {
  self: string;
  value: string[];
  onChange: (ids: string[]) => void;
}

/** Chooses other jobs by name. */
function JobPicker({ self, value, onChange }: PickerProps) {
  const t = useMessages();
  const [typed, setTyped] = useState("");
  const [names, setNames] = useState<Record<string, string>>({});
  const found = useJobs({
    offset: 0,
    limit: 30,
    sort_by: "create_time",
    order: "desc",
    filters: typed ? [{ key: "name", operator: "like", value: [typed] }] : [],
  });
  const listed = (found.data?.items ?? []).filter((job) => job.metadata.id !== self);
  const options = [
    ...listed.map((job) => ({ value: job.metadata.id, label: job.metadata.name })),
    ...value.filter((id) => !listed.some((job) => job.metadata.id === id)).map((id) => ({ value: id, label: names[id] ?? id })),
  ];
  return (
    <Select
      mode="multiple"
      allowClear
      maxCount={MOST_COMPARED}
      value={value}
      options={options}
      showSearch={{ filterOption: false, onSearch: setTyped }}
      placeholder={t.job.compare}
      aria-label={t.job.compare}
      onChange={(ids: string[]) => {
        setNames((before) => ({ ...before, ...Object.fromEntries(options.map(({ value: id, label }) => [id, label])) }));
        onChange(ids);
      }}
      style={{ flex: "1 1 240px", maxWidth: 420 }}
    />
  );
}
