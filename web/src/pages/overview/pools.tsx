import { Card, Empty, Flex, Progress, Skeleton, Typography } from "antd";
import { usePools, usePoolUse } from "../../api/pools";
import { useMessages } from "../../app/preferences";
import { Problem } from "../../components/problem";
import { useOf, type UseOfPool } from "./usage";

/** How much of each pool is taken. */
export function PoolsCard() {
  const t = useMessages();
  const pools = usePools(true);
  const use = usePoolUse();
  const found = pools.data && use.data ? useOf(pools.data.items, use.data.items) : undefined;
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

function OnePool({ use }: { use: UseOfPool }) {
  const t = useMessages();
  return (
    <div>
      <Flex justify="space-between" gap={8} wrap>
        <Typography.Text strong>
          {use.kind === use.pool ? use.pool : `${use.pool} · ${use.kind}`}
        </Typography.Text>
        {use.waiting > 0 && <Typography.Text type="secondary">{t.overview.waiting(use.waiting)}</Typography.Text>}
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
