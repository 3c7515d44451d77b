import { CheckCircleOutlined } from "@ant-design/icons";
import { Link } from "@tanstack/react-router";
import { Alert, Card, Flex, Skeleton, Typography } from "antd";
import { useServiceHealth } from "../../api/health";
import { useHangVerdicts, type Stacks } from "../../api/job-details";
import { useJobs } from "../../api/jobs";
import { usePools } from "../../api/pools";
import type { components } from "../../api/schema";
import type { Job } from "../../api/types";
import { formatBytes, formatTime } from "../../app/format";
import { useMessages, usePreferences } from "../../app/preferences";
import { PhaseTag } from "../../components/phase-tag";
import { LinkButton } from "../../components/link-button";

const DAY_MS = 24 * 3600 * 1000;
const MINUTE_MS = 60_000;
const SHOWN = 8;
const MOST_LOOKED_AT = 20;

/** What failed within a day, hangs, or has no room left; each one click away from its cause. */
export function Attention() {
  const t = useMessages();
  // by the minute, so that the question stays the same from one drawing to the next
  const since = Math.floor((Date.now() - DAY_MS) / MINUTE_MS) * MINUTE_MS;
  const failed = useJobs({
    offset: 0,
    limit: SHOWN,
    sort_by: "end_time",
    order: "desc",
    filters: [
      { key: "phase", operator: "in", value: ["Failed", "Abnormal"] },
      { key: "end_time", operator: "between", value: [String(since), ""] },
    ],
  });
  const pools = usePools(true).data?.items ?? [];
  const away = pools.flatMap((pool) => (pool.nodes ?? []).filter((node) => !node.ready).map((node) => ({ pool: pool.metadata.name, node: node.name })));
  const jobs = failed.data?.items ?? [];
  const hanging = useHanging();
  const health = useServiceHealth().data;
  const well = jobs.length + away.length + hanging.length === 0 && !health?.disk.low && health?.accepting_jobs !== false;
  return (
    <Card size="small" title={t.overview.attention}>
      {failed.isPending && <Skeleton active />}
      {away.map(({ pool, node }) => (
        <Alert key={`${pool}/${node}`} type="warning" showIcon title={t.overview.notReady(pool, node)} style={{ marginBottom: 8 }} />
      ))}
      {health && <Disk health={health} />}
      {hanging.map(({ job, stacks }) => (
        <Alert
          key={job.metadata.id}
          type="warning"
          showIcon
          style={{ marginBottom: 8 }}
          title={
            <Link to="/jobs/$jobId" params={{ jobId: job.metadata.id }} search={{ tab: "stacks" }}>
              {job.metadata.name}: {t.job.hangStates[stacks.state as "hung"]}
            </Link>
          }
        />
      ))}
      {!failed.isPending && well && (
        <Flex gap={8} align="center" style={{ padding: "16px 4px" }}>
          <CheckCircleOutlined style={{ color: "#12a150", fontSize: 20 }} />
          {t.overview.allWell}
        </Flex>
      )}
      <ul className="attention">
        {jobs.map((job) => (
          <Failed key={job.metadata.id} job={job} />
        ))}
      </ul>
    </Card>
  );
}

/** Of the jobs that have run longest, those that are suspected to hang. */
function useHanging(): { job: Job; stacks: Stacks }[] {
  const running = useJobs({
    offset: 0,
    limit: MOST_LOOKED_AT,
    sort_by: "start_time",
    order: "asc",
    filters: [{ key: "phase", operator: "in", value: ["Running"] }],
  });
  const jobs = running.data?.items ?? [];
  const verdicts = useHangVerdicts(jobs.map((job) => job.metadata.id));
  return jobs.flatMap((job, i) => {
    const stacks = verdicts[i]?.data;
    return stacks && ["suspect", "hung"].includes(stacks.state ?? "") ? [{ job, stacks }] : [];
  });
}

function Disk({ health }: { health: components["schemas"]["ServiceHealth"] }) {
  const t = useMessages();
  const { language } = usePreferences();
  const { disk, accepting_jobs: accepting } = health;
  if (!disk.low && accepting) return null;
  const reason = language === "zh" ? health.reason_zh || health.reason : health.reason;
  return (
    <Alert
      type="error"
      showIcon
      style={{ marginBottom: 8 }}
      title={disk.low ? t.overview.diskLow(formatBytes(disk.free_bytes), disk.path) : t.overview.noJobsTaken}
      description={reason}
    />
  );
}

function Failed({ job }: { job: Job }) {
  const t = useMessages();
  const { language } = usePreferences();
  const { outcome, phase, reason, end_time } = job.status;
  const to = { to: "/jobs/$jobId", params: { jobId: job.metadata.id }, search: { tab: "diagnosis" } } as const;
  return (
    <li>
      <div style={{ minWidth: 0 }}>
        <Flex gap={8} align="center" wrap>
          <Link {...to} style={{ overflowWrap: "anywhere" }}>
            {job.metadata.name}
          </Link>
          <PhaseTag phase={phase} />
          <Typography.Text type="secondary">{formatTime(end_time ?? undefined, language)}</Typography.Text>
        </Flex>
        <Typography.Text type="secondary" ellipsis title={outcome?.message || reason}>
          {outcome?.message || reason}
        </Typography.Text>
      </div>
      <LinkButton {...to} size="small">
        {t.overview.showCause}
      </LinkButton>
    </li>
  );
}
