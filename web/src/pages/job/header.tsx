import { useSearch } from "@tanstack/react-router";
import { Alert, Descriptions, Flex, Progress, Typography, type DescriptionsProps } from "antd";
import { useEngines } from "../../api/engines";
import { useStacks, useTasks, useWhy } from "../../api/job-details";
import { isFinished, type Job } from "../../api/types";
import { formatTime } from "../../app/format";
import { useMessages, usePreferences } from "../../app/preferences";
import { JobDuration } from "../../components/job-duration";
import { PhaseTag } from "../../components/phase-tag";
import { LinkButton } from "../../components/link-button";
import { shownTab } from "./shown-tab";

/** Where the job is, why, for how long, and on what. */
export function Header({ job }: { job: Job }) {
  const { phase, outcome } = job.status;
  const { tab } = useSearch({ from: "/jobs/$jobId" });
  const diagnosed = shownTab(job, tab) === "diagnosis"; // which says more
  const queued = phase === "Pending" || phase === "Creating";
  return (
    <>
      <Facts job={job} />
      {queued && <WhyWaiting job={job} />}
      {phase === "Running" && <Hanging job={job} />}
      {outcome && isFinished(phase) && phase !== "Completed" && !diagnosed && <Ending job={job} />}
    </>
  );
}

function Facts({ job }: { job: Job }) {
  const t = useMessages();
  const { language } = usePreferences();
  const { status, algorithm, metadata } = job;
  const attempt = status.attempt ?? 0;
  const items: DescriptionsProps["items"] = [
    {
      key: "phase",
      label: t.jobs.phase,
      children: (
        <Flex gap={4} align="center" wrap>
          <PhaseTag phase={status.phase} />
          {status.phase === "Running" && status.stage && status.stage !== "run" && (
            <Typography.Text type="secondary">{t.job.stages[status.stage as keyof typeof t.job.stages] ?? status.stage}</Typography.Text>
          )}
          {attempt > 0 && <Typography.Text type="secondary">{t.job.restarted(attempt)}</Typography.Text>}
        </Flex>
      ),
    },
    { key: "duration", label: t.jobs.duration, children: <JobDuration status={status} /> },
    { key: "where", label: t.job.where, children: <Where job={job} /> },
    {
      key: "what",
      label: algorithm.name ? t.job.algorithm : t.job.bootFile,
      children: <span style={{ overflowWrap: "anywhere" }}>{algorithm.name ?? (algorithm.boot_file || algorithm.command)}</span>,
    },
    { key: "engine", label: t.jobs.engine, children: <span style={{ overflowWrap: "anywhere" }}>{algorithm.engine.engine_id}</span> },
    {
      key: "created",
      label: t.jobs.created,
      children: `${formatTime(metadata.create_time, language)} · ${metadata.user_name ?? ""}`,
    },
  ];
  return <Descriptions size="small" column={{ xs: 1, sm: 1, md: 2, xl: 3 }} items={items} />;
}

/** Pool and size, and the nodes once there are some. */
function Where({ job }: { job: Job }) {
  const { resource } = job.spec;
  const attempt = job.status.attempt ?? 0;
  const started = Boolean(job.status.start_time);
  const tasks = useTasks(job.metadata.id, started && !isFinished(job.status.phase)).data ?? [];
  const nodes = [...new Set(tasks.filter((task) => task.schedule_count === attempt).map((task) => task.node || task.host_ip))];
  const size = `${resource.pool_id} · ${resource.node_count} × ${resource.flavor_id}`;
  const shown = nodes.filter((node) => node && node !== resource.pool_id);
  return <span style={{ overflowWrap: "anywhere" }}>{shown.length ? `${size} · ${shown.join(", ")}` : size}</span>;
}

/** Its place in the queue, what it waits for, and what would change that. */
function WhyWaiting({ job }: { job: Job }) {
  const t = useMessages();
  const { language } = usePreferences();
  const why = useWhy(job.metadata.id, true).data;
  const engine = useEngines().data?.items.find((item) => item.id === job.algorithm.engine.engine_id);
  if (!why?.sentence) return null;
  const chinese = language === "zh";
  const building = engine?.environment.state === "building";
  const unblock = chinese ? why.unblock_zh || why.unblock : why.unblock;
  return (
    <Alert
      type="info"
      showIcon
      style={{ margin: "8px 0" }}
      title={chinese ? why.sentence_zh || why.sentence : why.sentence}
      description={
        <>
          {why.position > 0 && <div>{t.job.position(why.position, why.queued)}</div>}
          {unblock && <div>{unblock}</div>}
          {why.eta ? <div>{t.job.eta(formatTime(why.eta * 1000, language))}</div> : null}
          {building && (
            <Progress percent={Math.round(engine.environment.percent ?? 0)} size="small" aria-label={t.job.building} style={{ maxWidth: 360 }} />
          )}
        </>
      }
    />
  );
}

/** Whether the job is suspected to hang, with the way to its stacks. */
function Hanging({ job }: { job: Job }) {
  const t = useMessages();
  const { language } = usePreferences();
  const stacks = useStacks(job.metadata.id, job.status.attempt ?? 0, true).data;
  if (!stacks || !["suspect", "hung"].includes(stacks.state ?? "")) return null;
  return (
    <Alert
      type="warning"
      showIcon
      style={{ margin: "8px 0" }}
      title={t.job.hangStates[stacks.state as "hung"]}
      description={language === "zh" ? stacks.reason_zh || stacks.reason : stacks.reason}
      action={
        <LinkButton to="/jobs/$jobId" params={{ jobId: job.metadata.id }} search={{ tab: "stacks" }} size="small">
          {t.job.stacks}
        </LinkButton>
      }
    />
  );
}

function Ending({ job }: { job: Job }) {
  const t = useMessages();
  const { outcome, phase, reason, attempt } = job.status;
  if (!outcome) return null;
  const id = job.metadata.id;
  const failed = phase !== "Terminated";
  const facts = [
    outcome.rank >= 0 ? t.job.firstRank(outcome.rank) : "",
    outcome.exit_code !== null && outcome.exit_code !== undefined ? t.job.exitCode(outcome.exit_code) : "",
    outcome.signal ? t.job.signal(outcome.signal) : "",
  ].filter(Boolean);
  return (
    <Alert
      type={failed ? "error" : "warning"}
      showIcon
      style={{ margin: "8px 0" }}
      title={<span style={{ overflowWrap: "anywhere" }}>{outcome.message || reason}</span>}
      description={facts.join(" · ")}
      action={
        <Flex gap={8} wrap justify="end">
          {failed && (
            <LinkButton to="/jobs/$jobId" params={{ jobId: id }} search={{ tab: "diagnosis" }} size="small">
              {t.job.diagnosis}
            </LinkButton>
          )}
          {outcome.log_offset >= 0 && (
            <LinkButton to="/jobs/$jobId" params={{ jobId: id }} search={{ tab: "logs", at: outcome.log_offset, attempt: attempt ?? 0 }} size="small">
              {t.job.showInLog}
            </LinkButton>
          )}
        </Flex>
      }
    />
  );
}
