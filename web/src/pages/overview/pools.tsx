import { Card, Empty, Flex, Progress, Skeleton, Typography } from "antd";
import { useJobs } from "../../api/jobs";
import { useFlavors, usePools } from "../../api/pools";
import { useMessages } from "../../app/preferences";
import { Problem } from "../../components/problem";
import { useOf, type PoolUse } from "./usage";

/** How much of each pool is taken by running jobs. */
export function PoolsCard() {
  const t = useMessages();
  const pools = usePools(true);
  const flavors = useFlavors();
  const running = useJobs({
    offset: 0,
    limit: 1000,
    sort_by: "create_time",
    order: "desc",
    filters: [{ key: "phase", operator: "in", value: ["Running", "Terminating"] }],
  });
  const found = pools.data && flavors.data && running.data ? useOf(pools.data.items, flavors.data.flavors, running.data.items) : undefined;
  return (
    <Card size="small" title={t.overview.pools}>
      {pools.error && !pools.data ? <Problem error={pools.error} retry={() => void pools.refetch()} /> : !found && <Skeleton active />}
      {found?.length === 0 && <Empty description={t.overview.noPools} />}
      <Flex vertical gap={16}>
        {found?.map((use) => <OnePool key={use.pool} use={use} />)}
      </Flex>
    </Card>
  );
}

function OnePool({ use }: { use: PoolUse }) {
  const t = useMessages();
  return (
    <div>
      <Flex justify="space-between" gap={8} wrap>
        <Typography.Text strong>
          {use.kind === use.pool ? use.pool : `${use.pool} · ${use.kind}`}
        </Typography.Text>
        <Typography.Text type={use.ready < use.nodes ? "warning" : "secondary"}>{t.overview.nodesReady(use.ready, use.nodes)}</Typography.Text>
      </Flex>
      {use.cards.total > 0 && <Bar label={t.overview.cards} {...use.cards} />}
      <Bar label={t.overview.cores} {...use.cores} />
    </div>
  );
}

function Bar({ label, used, total }: { label: string; used: number; total: number }) {
  const t = useMessages();
  const words = t.overview.use(used, total);
  return (
    <div>
      <Flex justify="space-between">
        <span>{label}</span>
        <Typography.Text type="secondary">{words}</Typography.Text>
      </Flex>
      <Progress percent={total > 0 ? Math.min(100, Math.round((used / total) * 100)) : 0} showInfo={false} size="small" aria-label={`${label}: ${words}`} />
    </div>
  );
}
