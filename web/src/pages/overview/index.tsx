import { PlusOutlined } from "@ant-design/icons";
import { Link } from "@tanstack/react-router";
import { Card, Col, Row, Statistic } from "antd";
import { useJobs } from "../../api/jobs";
import type { JobFilter, Phase } from "../../api/types";
import { useMessages } from "../../app/preferences";
import { Page } from "../../components/page";
import { Problem } from "../../components/problem";
import { LinkButton } from "../../components/link-button";
import type { ListSearch } from "../jobs/search";
import { Attention } from "./attention";
import { LatestJobs } from "./latest";
import { PoolsCard } from "./pools";
import { startOfToday } from "./usage";

/** What runs, what waits, what needs somebody, and how full the pools are. */
export function OverviewPage() {
  const t = useMessages();
  const latest = useJobs({ offset: 0, limit: 8, sort_by: "create_time", order: "desc", filters: [] });
  if (latest.error && !latest.data) return <Problem error={latest.error} retry={() => void latest.refetch()} />;
  return (
    <Page
      title={t.places.overview}
      actions={
        <LinkButton to="/jobs/new" color="primary" variant="solid" icon={<PlusOutlined />}>
          {t.jobs.create}
        </LinkButton>
      }
    >
      <Row gutter={[16, 16]} style={{ marginBottom: 16 }}>
        <Count title={t.overview.running} phases={["Running", "Terminating"]} />
        <Count title={t.overview.queued} phases={["Creating", "Pending"]} />
        <Count title={t.overview.failed} phases={["Failed", "Abnormal"]} today />
        <Count title={t.overview.completed} phases={["Completed"]} today />
      </Row>
      <Row gutter={[16, 16]}>
        <Col xs={24} xl={14}>
          <Attention />
        </Col>
        <Col xs={24} xl={10}>
          <PoolsCard />
        </Col>
        <Col xs={24}>
          <LatestJobs jobs={latest.data?.items} />
        </Col>
      </Row>
    </Page>
  );
}

/** How many jobs are in some phases (or ended in them today), with a way to them. */
function Count({ title, phases, today = false }: { title: string; phases: Phase[]; today?: boolean }) {
  const since = String(startOfToday(new Date()));
  const filters: JobFilter[] = [
    { key: "phase", operator: "in", value: phases },
    ...(today ? [{ key: "end_time", operator: "between", value: [since, ""] }] : []),
  ];
  const jobs = useJobs({ offset: 0, limit: 1, sort_by: "create_time", order: "desc", filters });
  const search: ListSearch = { phase: phases };
  return (
    <Col xs={12} lg={6}>
      <Link to="/jobs" search={search}>
        <Card hoverable size="small">
          <Statistic title={title} value={jobs.data?.total ?? 0} loading={jobs.isPending} />
        </Card>
      </Link>
    </Col>
  );
}
