import { Link } from "@tanstack/react-router";
import { Card, Col, Empty, List, Row, Statistic, Typography } from "antd";
import { useJobs, type JobSearch } from "../../api/jobs";
import type { Phase } from "../../api/types";
import { formatTime } from "../../app/format";
import { useMessages, usePreferences } from "../../app/preferences";
import { Page } from "../../components/page";
import { PhaseTag } from "../../components/phase-tag";
import { Problem } from "../../components/problem";

const DAY_MS = 24 * 3600 * 1000;

function searchOf(phases: Phase[], limit: number): JobSearch {
  return {
    offset: 0,
    limit,
    sort_by: "create_time",
    order: "desc",
    filters: phases.length ? [{ key: "phase", operator: "in", value: phases }] : [],
  };
}

/** What runs, what waits, what failed, and what was created last. */
export function OverviewPage() {
  const t = useMessages();
  const latest = useJobs(searchOf([], 8));
  if (latest.error && !latest.data) return <Problem error={latest.error} retry={() => void latest.refetch()} />;
  return (
    <Page title={t.places.overview}>
      <Row gutter={[16, 16]} style={{ marginBottom: 16 }}>
        <Count title={t.overview.running} phases={["Running", "Terminating"]} />
        <Count title={t.overview.queued} phases={["Creating", "Pending"]} />
        <Count title={t.overview.failed} phases={["Failed", "Abnormal"]} />
        <Count title={t.overview.completed} phases={["Completed"]} />
      </Row>
      <Row gutter={[16, 16]}>
        <Col xs={24} lg={12}>
          <JobsCard title={t.overview.latest} search={searchOf([], 8)} empty={t.jobs.none} />
        </Col>
        <Col xs={24} lg={12}>
          <JobsCard title={t.overview.attention} search={searchOf(["Failed", "Abnormal"], 8)} empty={t.overview.allWell} recent />
        </Col>
      </Row>
    </Page>
  );
}

function Count({ title, phases }: { title: string; phases: Phase[] }) {
  const jobs = useJobs(searchOf(phases, 1));
  return (
    <Col xs={12} lg={6}>
      <Link to="/jobs" search={{ phase: phases }}>
        <Card hoverable size="small">
          <Statistic title={title} value={jobs.data?.total ?? 0} loading={jobs.isPending} />
        </Card>
      </Link>
    </Col>
  );
}

interface JobsCardProps {
  title: string;
  search: JobSearch;
  empty: string;
  /** Only jobs of the last day. */
  recent?: boolean;
}

function JobsCard({ title, search, empty, recent }: JobsCardProps) {
  const { language } = usePreferences();
  const jobs = useJobs(search).data?.items ?? [];
  const shown = recent ? jobs.filter((job) => job.metadata.create_time > Date.now() - DAY_MS) : jobs;
  return (
    <Card title={title} size="small">
      <List
        dataSource={shown}
        locale={{ emptyText: <Empty description={empty} /> }}
        renderItem={(job) => (
          <List.Item key={job.metadata.id} extra={<PhaseTag phase={job.status.phase} />}>
            <List.Item.Meta
              title={
                <Link to="/jobs/$jobId" params={{ jobId: job.metadata.id }}>
                  {job.metadata.name}
                </Link>
              }
              description={
                <Typography.Text type="secondary" ellipsis>
                  {job.status.outcome?.message || formatTime(job.metadata.create_time, language)}
                </Typography.Text>
              }
            />
          </List.Item>
        )}
      />
    </Card>
  );
}
