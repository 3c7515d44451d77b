import { Flex, Table, Tag } from "antd";
import type { Job } from "../../api/types";
import { formatDuration, formatTime } from "../../app/format";
import { useMessages, usePreferences } from "../../app/preferences";
import { LinkButton } from "../../components/link-button";
import type { TabProps } from "../job/tabs";

type Start = NonNullable<Job["status"]["running_records"]>[number] & { number: number };

/** Every start of the job: when, for how long, why it ended, and its own log. */
export function RestartsTab({ job, live }: TabProps) {
  const t = useMessages();
  const { language } = usePreferences();
  const newest = job.status.attempt ?? 0;
  const starts: Start[] = (job.status.running_records ?? []).map((record, number) => ({ ...record, number }));
  const length = ({ start_at, end_at }: Start) => {
    if (!start_at) return "–";
    return formatDuration((end_at ?? (live ? Date.now() : start_at)) - start_at);
  };
  return (
    <Table<Start>
      rowKey="number"
      size="small"
      pagination={false}
      scroll={{ x: 720 }}
      dataSource={starts}
      locale={{ emptyText: t.job.notStarted }}
      footer={() => t.job.restartRules(Number(job.metadata.annotations?.["fault-tolerance/job-retry-num"] ?? 0))}
      columns={[
        {
          title: t.logs.attempt,
          key: "number",
          render: (_, { number }) => (
            <>
              {t.logs.attemptName(number + 1, false)} {number === newest && <Tag color="processing">{t.job.newest}</Tag>}
            </>
          ),
        },
        { title: t.job.started, key: "start", render: (_, start) => formatTime(start.start_at ?? undefined, language) },
        { title: t.jobs.duration, key: "length", render: (_, start) => length(start) },
        {
          title: t.job.endedBecause,
          key: "reason",
          render: (_, start) => (
            <span style={{ overflowWrap: "anywhere" }}>
              {[start.end_related_task, start.end_reason].filter(Boolean).join(": ") || (start.end_at ? "–" : t.job.stillRuns)}
            </span>
          ),
        },
        {
          key: "actions",
          title: <span className="sr-only">{t.job.logs}</span>,
          render: (_, { number }) => (
            <Flex gap={8}>
              <LinkButton to="/jobs/$jobId" params={{ jobId: job.metadata.id }} search={{ tab: "logs", attempt: number }} size="small">
                {t.job.logs}
              </LinkButton>
              {(number < newest || ["Failed", "Abnormal"].includes(job.status.phase)) && (
                <LinkButton to="/jobs/$jobId" params={{ jobId: job.metadata.id }} search={{ tab: "diagnosis", attempt: number }} size="small">
                  {t.job.diagnosis}
                </LinkButton>
              )}
            </Flex>
          ),
        },
      ]}
    />
  );
}
