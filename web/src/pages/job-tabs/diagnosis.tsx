import { Link } from "@tanstack/react-router";
import { Alert, Card, Descriptions, Empty, Flex, Skeleton, Tag, Typography, type DescriptionsProps } from "antd";
import { useDiagnosis, type Diagnosis } from "../../api/job-details";
import { useMessages, usePreferences } from "../../app/preferences";
import { Problem } from "../../components/problem";
import type { TabProps } from "../job/tabs";

type Found = NonNullable<Diagnosis["diagnosis"]>;

const CONFIDENCE: Record<string, string> = { HIGH: "success", MEDIUM: "warning", LOW: "default" };

/** Why an attempt failed: the cause, what to do, and the lines that show it. */
export function DiagnosisTab({ job, live, attempt }: TabProps & { attempt?: number | undefined }) {
  const t = useMessages();
  const chinese = usePreferences().language === "zh";
  const newest = job.status.attempt ?? 0;
  // while it runs again, the attempt before is the last that failed
  const chosen = Math.min(attempt ?? (live ? Math.max(0, newest - 1) : newest), newest);
  const query = useDiagnosis(job.metadata.id, chosen, true);
  if (query.error && !query.data) return <Problem error={query.error} retry={() => void query.refetch()} />;
  if (!query.data) return <Skeleton active />;
  const found = query.data.diagnosis;
  const sentence = chinese ? query.data.sentence_zh : query.data.sentence;
  if (!found) return <Empty description={sentence} />;
  return (
    <Flex vertical gap={16} style={{ maxWidth: 960 }}>
      {newest > 0 && <Typography.Text type="secondary">{t.logs.attemptName(chosen + 1, chosen === newest)}</Typography.Text>}
      <Alert
        type="error"
        showIcon
        title={
          <Flex gap={8} align="center" wrap>
            <Typography.Title level={2} style={{ fontSize: 16, margin: 0 }}>
              {chinese ? found.title_zh || found.title : found.title}
            </Typography.Title>
            <Tag color={CONFIDENCE[found.confidence] ?? "default"}>{t.job.confidence[found.confidence as "HIGH"] ?? found.confidence}</Tag>
          </Flex>
        }
        description={<span style={{ overflowWrap: "anywhere" }}>{chinese ? found.cause_zh || found.cause : found.cause}</span>}
      />
      <Card size="small" title={t.job.advice}>
        <Typography.Paragraph style={{ margin: 0, whiteSpace: "pre-line", overflowWrap: "anywhere" }}>
          {chinese ? found.advice_zh || found.advice : found.advice}
        </Typography.Paragraph>
      </Card>
      <Facts found={found} />
      {found.evidence && found.evidence.length > 0 && <Evidence found={found} jobId={job.metadata.id} attempt={chosen} />}
      {found.traceback && (
        <Card size="small" title={t.job.traceback}>
          <pre role="group" className="code-block" style={{ margin: 0 }} tabIndex={0} aria-label={t.job.traceback}>
            {found.traceback}
          </pre>
        </Card>
      )}
    </Flex>
  );
}

function Facts({ found }: { found: Found }) {
  const t = useMessages();
  const others = found.consequences ?? [];
  const items: DescriptionsProps["items"] = [
    ...(found.rank >= 0 ? [{ key: "rank", label: t.job.first, children: `${t.job.rank(found.rank)} · worker-${found.task}` }] : []),
    ...(found.exit_code !== null && found.exit_code !== undefined
      ? [{ key: "exit", label: t.job.ended, children: t.job.exitCode(found.exit_code) }]
      : []),
    ...(found.signal ? [{ key: "signal", label: t.job.ended, children: t.job.signal(found.signal) }] : []),
    ...(found.location ? [{ key: "location", label: t.job.location, children: <span className="mono">{found.location}</span> }] : []),
    ...(others.length ? [{ key: "others", label: t.job.tookAlong, children: others.map((rank) => t.job.rank(rank)).join(", ") }] : []),
  ];
  return items.length > 0 ? <Descriptions size="small" column={{ xs: 1, md: 2 }} items={items} /> : null;
}

function Evidence({ found, jobId, attempt }: { found: Found; jobId: string; attempt: number }) {
  const t = useMessages();
  return (
    <Card size="small" title={t.job.evidence}>
      <ul className="evidence">
        {(found.evidence ?? []).map((line, i) => {
          const place = placeOf(line.stream);
          const content = <code className="mono">{line.text}</code>;
          return (
            <li key={i}>
              {place && line.offset >= 0 ? (
                <Link
                  to="/jobs/$jobId"
                  params={{ jobId }}
                  search={{ tab: "logs", ...place, attempt, at: line.offset }}
                  title={t.job.showInLog}
                >
                  {content}
                </Link>
              ) : (
                content
              )}
              <Typography.Text type="secondary"> {line.stream}</Typography.Text>
            </li>
          );
        })}
      </ul>
    </Card>
  );
}

/** The task and stream of `worker-0.rank-1`; undefined for what is no log of the job. */
export function placeOf(stream: string): { task: string; stream: string } | undefined {
  const match = /^(worker-\d+)(?:\.(rank-\d+|build))?$/.exec(stream);
  return match ? { task: match[1] ?? "", stream: match[2] ?? "" } : undefined;
}
