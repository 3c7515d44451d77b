import { Link, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { Alert, App, Button, Descriptions, Flex, Popconfirm, Skeleton, Tabs } from "antd";
import { lazy, Suspense, type ReactNode } from "react";
import { useJob, useJobActions } from "../../api/jobs";
import { useWhy } from "../../api/job-details";
import { isFinished, type Job } from "../../api/types";
import { formatDuration, formatTime } from "../../app/format";
import { useMessages, usePreferences } from "../../app/preferences";
import { Page } from "../../components/page";
import { PhaseTag } from "../../components/phase-tag";
import { Problem, problemText } from "../../components/problem";

const LogsTab = lazy(() => import("../job-tabs/logs").then((m) => ({ default: m.LogsTab })));
const EventsTab = lazy(() => import("../job-tabs/events").then((m) => ({ default: m.EventsTab })));
const ResourcesTab = lazy(() => import("../job-tabs/resources").then((m) => ({ default: m.ResourcesTab })));
const MetricsTab = lazy(() => import("../job-tabs/metrics").then((m) => ({ default: m.MetricsTab })));
const OutputsTab = lazy(() => import("../job-tabs/outputs").then((m) => ({ default: m.OutputsTab })));
const ConfigurationTab = lazy(() => import("../job-tabs/configuration").then((m) => ({ default: m.ConfigurationTab })));

export interface TabProps {
  job: Job;
  live: boolean;
}

/** One job: where it is, why, and everything it printed, wrote and used. */
export function JobPage() {
  const { jobId } = useParams({ from: "/jobs/$jobId" });
  const t = useMessages();
  const query = useJob(jobId);
  if (query.error && !query.data) return <Problem error={query.error} retry={() => void query.refetch()} />;
  if (!query.data) return <Skeleton active />;
  const job = query.data;
  return (
    <Page title={job.metadata.name} actions={<Actions job={job} />}>
      <Header job={job} />
      <JobTabs job={job} />
      <Link to="/jobs">{t.job.allJobs}</Link>
    </Page>
  );
}

function Header({ job }: { job: Job }) {
  const t = useMessages();
  const { language } = usePreferences();
  const { status, spec } = job;
  const queued = status.phase === "Pending" || status.phase === "Creating";
  return (
    <>
      <Descriptions
        size="small"
        column={{ xs: 1, sm: 2, lg: 3 }}
        items={[
          { key: "phase", label: t.jobs.phase, children: <PhaseTag phase={status.phase} /> },
          { key: "duration", label: t.jobs.duration, children: formatDuration(status.duration) },
          { key: "engine", label: t.jobs.engine, children: job.algorithm.engine?.engine_id },
          { key: "where", label: t.job.where, children: `${spec.resource.pool_id ?? ""} · ${spec.resource.node_count} × ${spec.resource.flavor_id}` },
          { key: "created", label: t.jobs.created, children: formatTime(job.metadata.create_time, language) },
          { key: "user", label: t.jobs.user, children: job.metadata.user_name },
        ]}
      />
      {queued && <WhyWaiting jobId={job.metadata.id} />}
      {status.outcome && status.phase !== "Completed" && <Ending job={job} />}
    </>
  );
}

function WhyWaiting({ jobId }: { jobId: string }) {
  const { language } = usePreferences();
  const why = useWhy(jobId, true).data;
  if (!why?.sentence) return null;
  const chinese = language === "zh";
  return (
    <Alert
      type="info"
      showIcon
      style={{ margin: "8px 0" }}
      title={chinese ? why.sentence_zh || why.sentence : why.sentence}
      description={chinese ? why.unblock_zh || why.unblock : why.unblock}
    />
  );
}

function Ending({ job }: { job: Job }) {
  const t = useMessages();
  const outcome = job.status.outcome;
  if (!outcome) return null;
  const facts = [
    outcome.rank >= 0 ? t.job.rank(outcome.rank) : "",
    outcome.exit_code !== null && outcome.exit_code !== undefined ? t.job.exitCode(outcome.exit_code) : "",
    outcome.signal ? t.job.signal(outcome.signal) : "",
  ].filter(Boolean);
  return (
    <Alert
      type={job.status.phase === "Terminated" ? "warning" : "error"}
      showIcon
      style={{ margin: "8px 0" }}
      title={outcome.message || job.status.reason}
      description={facts.join(" · ")}
      action={
        outcome.log_offset >= 0 && (
          <Link to="/jobs/$jobId" params={{ jobId: job.metadata.id }} search={{ tab: "logs", at: outcome.log_offset }}>
            <Button size="small">{t.job.showInLog}</Button>
          </Link>
        )
      }
    />
  );
}

function JobTabs({ job }: { job: Job }) {
  const t = useMessages();
  const search = useSearch({ from: "/jobs/$jobId" });
  const navigate = useNavigate({ from: "/jobs/$jobId" });
  const props: TabProps = { job, live: !isFinished(job.status.phase) };
  const tab = (key: string, label: string, content: ReactNode) => ({
    key,
    label,
    children: <Suspense fallback={<Skeleton active />}>{content}</Suspense>,
  });
  return (
    <Tabs
      activeKey={search.tab ?? "logs"}
      onChange={(key) => void navigate({ search: { tab: key } })}
      destroyOnHidden
      items={[
        tab("logs", t.job.logs, <LogsTab {...props} at={search.at} />),
        tab("events", t.job.events, <EventsTab {...props} />),
        tab("resources", t.job.resources, <ResourcesTab {...props} />),
        tab("metrics", t.job.metrics, <MetricsTab {...props} />),
        tab("outputs", t.job.outputs, <OutputsTab {...props} />),
        tab("configuration", t.job.configuration, <ConfigurationTab {...props} />),
      ]}
    />
  );
}

function Actions({ job }: { job: Job }) {
  const t = useMessages();
  const navigate = useNavigate();
  const { message } = App.useApp();
  const { stop, remove } = useJobActions();
  const complain = (error: unknown) => void message.error(problemText(error, t));
  const ids = [job.metadata.id];
  return (
    <Flex gap={8}>
      {isFinished(job.status.phase) ? (
        <Popconfirm
          title={t.jobs.deleteQuestion(1)}
          onConfirm={() => remove.mutate(ids, { onSuccess: () => void navigate({ to: "/jobs" }), onError: complain })}
        >
          <Button danger loading={remove.isPending}>
            {t.jobs.delete}
          </Button>
        </Popconfirm>
      ) : (
        <Popconfirm title={t.jobs.stopQuestion(1)} onConfirm={() => stop.mutate(ids, { onError: complain })}>
          <Button danger loading={stop.isPending || job.status.phase === "Terminating"}>
            {t.jobs.stop}
          </Button>
        </Popconfirm>
      )}
    </Flex>
  );
}
