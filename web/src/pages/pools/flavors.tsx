import { Table, Typography } from "antd";
import { useFlavors, type Flavor } from "../../api/pools";
import { useText } from "../../app/preferences";
import { Problem } from "../../components/problem";
import { text } from "./text";

/** What a job may ask for in a pool. */
export function Flavors({ poolId }: { poolId: string }) {
  const t = useText(text);
  const flavors = useFlavors();
  if (flavors.error && !flavors.data) return <Problem error={flavors.error} retry={() => void flavors.refetch()} />;
  const cards = ({ flavor_info: { gpu, npu } }: Flavor) => {
    const card = gpu ?? npu;
    return card ? `${card.unit_num} × ${card.product_name} ${card.memory}` : "–";
  };
  return (
    <section>
      <Typography.Title level={3} style={{ fontSize: 15, marginTop: 0 }}>
        {t.flavors}
      </Typography.Title>
      <Typography.Paragraph type="secondary">{t.flavorsHelp}</Typography.Paragraph>
      <Table<Flavor>
        rowKey="flavor_id"
        size="small"
        scroll={{ x: 560 }}
        pagination={false}
        loading={flavors.isPending}
        dataSource={flavors.data?.flavors.filter((flavor) => flavor.pool_id === poolId) ?? []}
        columns={[
          {
            title: t.flavor,
            key: "flavor",
            className: "mono",
            // what scrolls sideways on a narrow screen must be reachable by keyboard
            render: (_, flavor) => <span tabIndex={0}>{flavor.flavor_id}</span>,
          },
          { title: t.chip, dataIndex: "flavor_type" },
          { title: t.cpus, key: "cpus", render: (_, flavor) => flavor.attributes?.cpu ?? flavor.flavor_info.cpu.core_num },
          {
            title: t.memory,
            key: "memory",
            render: (_, flavor) => `${flavor.flavor_info.memory.size} ${flavor.flavor_info.memory.unit.replace(/^GB$/, "GiB")}`,
          },
          { title: t.cards, key: "cards", render: (_, flavor) => cards(flavor) },
          { title: t.maxNodes, dataIndex: "max_num", align: "right" },
        ]}
      />
    </section>
  );
}
