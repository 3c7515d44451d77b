import { Alert, App, Button, Card, Collapse, Empty, Flex, Skeleton, Tag, Typography } from "antd";
import { useStacks, useTakeStacks, type Stacks } from "../../api/job-details";
import { formatDuration, formatTime } from "../../app/format";
import { useMessages, usePreferences } from "../../app/preferences";
import { Problem, problemText } from "../../components/problem";
import type { TabProps } from "../job/tabs";

type Check = NonNullable<Stacks["checks"]>[number];

/** Whether the job hangs, and where each rank stood when its stack was taken. */
export function StacksTab({ job, live, attempt }: TabProps & { attempt?: number | undefined }) {
  const t = useMessages();
  const { message } = App.useApp();
  const newest = job.status.attempt ?? 0;
  const chosen = Math.min(attempt ?? newest, newest);
  const stacks = useStacks(job.metadata.id, chosen, live);
  const take = useTakeStacks(job.metadata.id);
  if (stacks.error && !stacks.data) return <Problem error={stacks.error} retry={() => void stacks.refetch()} />;
  if (!stacks.data) return <Skeleton active />;
  const checks = [...(stacks.data.checks ?? [])].reverse();
  return (
    <Flex vertical gap={12}>
      <Verdict stacks={stacks.data} />
      {live && chosen === newest && (
        <Flex gap={12} align="center" wrap>
          <Button
            loading={take.isPending || checks.some((check) => check.waiting && check.waiting.length > 0)}
            onClick={() => take.mutate(undefined, { onError: (error) => void message.error(problemText(error, t)) })}
          >
            {t.job.takeStacks}
          </Button>
          <Typography.Text type="secondary">{t.job.takeStacksHelp}</Typography.Text>
        </Flex>
      )}
      {checks.length === 0 && <Empty description={t.job.noStacks} />}
      {checks.map((check) => (
        <OneCheck key={check.id} check={check} odd={stacks.data.odd_rank ?? -1} />
      ))}
    </Flex>
  );
}

function Verdict({ stacks }: { stacks: Stacks }) {
  const t = useMessages();
  const { language } = usePreferences();
  if (!stacks.state) return null;
  const reason = language === "zh" ? stacks.reason_zh || stacks.reason : stacks.reason;
  const odd = (stacks.odd_rank ?? -1) >= 0 ? t.job.oddRank(stacks.odd_rank ?? -1) : "";
  const quiet = stacks.quiet_s ? t.job.quiet(formatDuration(stacks.quiet_s * 1000)) : "";
  return (
    <Alert
      type={stacks.state === "hung" ? "error" : stacks.state === "suspect" ? "warning" : "success"}
      showIcon
      title={t.job.hangStates[stacks.state as keyof typeof t.job.hangStates] ?? stacks.state}
      description={[reason, odd, quiet].filter(Boolean).join(" ")}
    />
  );
}

function OneCheck({ check, odd }: { check: Check; odd: number }) {
  const t = useMessages();
  const { language } = usePreferences();
  const ranks = check.ranks ?? [];
  return (
    <Card size="small" title={`${formatTime(check.time * 1000, language)} · ${check.why === "asked" ? t.job.stacksAsked : t.job.stacksSuspected}`}>
      {check.waiting && check.waiting.length > 0 && (
        <Typography.Paragraph type="secondary">{t.job.stacksWaiting(check.waiting.map((task) => `worker-${task}`).join(", "))}</Typography.Paragraph>
      )}
      <Collapse
        size="small"
        defaultActiveKey={[String(odd >= 0 ? odd : (ranks[0]?.rank ?? 0))]}
        items={ranks.map((rank) => ({
          key: String(rank.rank),
          label: (
            <>
              {t.job.rank(rank.rank)} · worker-{rank.task} · pid {rank.pid} {rank.rank === odd && <Tag color="error">{t.job.odd}</Tag>}
            </>
          ),
          children: (
            <pre role="group" className="code-block" style={{ margin: 0 }} tabIndex={0} aria-label={t.job.rank(rank.rank)}>
              {rank.text || rank.error}
            </pre>
          ),
        }))}
      />
    </Card>
  );
}
