import { Card, Empty, Flex, Skeleton, Statistic, Tag } from "antd";
import { usePools, type Pool } from "../../api/pools";
import { useText } from "../../app/preferences";
import { Page } from "../../components/page";
import { Problem } from "../../components/problem";
import { usePoolUse, type PoolUse } from "./api";
import { Flavors } from "./flavors";
import { Nodes } from "./nodes";
import { Offers } from "./offers";
import { text } from "./text";

/** Every pool: its machines and what of them is taken, what a job may ask for, which engines run there. */
export function PoolsPage() {
  const t = useText(text);
  const pools = usePools(true);
  const use = usePoolUse();
  if (pools.error && !pools.data) return <Problem error={pools.error} retry={() => void pools.refetch()} />;
  if (!pools.data) return <Skeleton active />;
  return (
    <Page title={t.title}>
      <Flex vertical gap={16}>
        {pools.data.items.length === 0 && <Empty description={t.none} />}
        {pools.data.items.map((pool) => (
          <PoolCard
            key={pool.metadata.name}
            pool={pool}
            use={use.data?.items.find((one) => one.pool_id === pool.metadata.name)}
          />
        ))}
      </Flex>
    </Page>
  );
}

function PoolCard({ pool, use }: { pool: Pool; use: PoolUse | undefined }) {
  const t = useText(text);
  const name = pool.metadata.name;
  return (
    <Card
      title={
        <Flex gap={8} align="center">
          <h2 className="card-title">{name}</h2>
          <Tag>{pool.spec.type}</Tag>
          {pool.status.message && <Tag color="warning">{pool.status.message}</Tag>}
        </Flex>
      }
    >
      <Flex vertical gap={20}>
        <Flex gap={32} wrap>
          <Statistic title={t.running} value={use?.running ?? 0} />
          <Statistic title={t.waiting} value={use?.waiting ?? 0} />
          <Statistic title={t.nodes} value={pool.nodes?.filter((node) => node.ready).length ?? 0} />
        </Flex>
        <Nodes nodes={pool.nodes ?? []} use={use} />
        <Flavors poolId={name} />
        <Offers poolId={name} />
      </Flex>
    </Card>
  );
}
