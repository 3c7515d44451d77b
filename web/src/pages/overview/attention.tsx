import { CheckCircleOutlined } from "@ant-design/icons";
import { Link } from "@tanstack/react-router";
import { Alert, Button, Card, Flex, Skeleton, Typography } from "antd";
import { useJobs } from "../../api/jobs";
import { usePools } from "../../api/pools";
import type { Job } from "../../api/types";
import { formatTime } from "../../app/format";
import { useMessages, usePreferences } from "../../app/preferences";
import { PhaseTag } from "../../components/phase-tag";

const DAY_MS = 24 * 3600 * 1000;
const MINUTE_MS = 60_000;
const SHOWN = 8;

/** What failed within a day and which nodes take no jobs, each one click away from its cause. */
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
  return (
    <Card size="small" title={t.overview.attention}>
      {failed.isPending && <Skeleton active />}
      {away.map(({ pool, node }) => (
        <Alert key={`${pool}/${node}`} type="warning" showIcon title={t.overview.notReady(pool, node)} style={{ marginBottom: 8 }} />
      ))}
      {!failed.isPending && jobs.length === 0 && away.length === 0 && (
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
      <Link {...to}>
        <Button size="small">{t.overview.showCause}</Button>
      </Link>
    </li>
  );
}
