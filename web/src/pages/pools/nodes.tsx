import { Flex, Progress, Table, Tag, Typography } from "antd";
import type { Pool } from "../../api/pools";
import { formatBytes } from "../../app/format";
import { useText } from "../../app/preferences";
import type { PoolUse } from "./api";
import { text } from "./text";

type Node = NonNullable<Pool["nodes"]>[number];

const MIB = 1024 * 1024;

/** The machines of a pool, and what of each is given to tasks. */
export function Nodes({ nodes, use }: { nodes: Node[]; use: PoolUse | undefined }) {
  const t = useText(text);
  if (nodes.length === 0) return <Typography.Text type="secondary">{t.ownQueue}</Typography.Text>;
  const taken = (node: Node) => use?.nodes.find((one) => one.name === node.name);
  const memory = (mib: number) => formatBytes(mib * MIB);
  return (
    <Table<Node>
      rowKey="name"
      size="small"
      scroll={{ x: 720 }}
      pagination={{ pageSize: 20, hideOnSinglePage: true }}
      dataSource={nodes}
      columns={[
        {
          title: t.node,
          key: "name",
          render: (_, node) => (
            <Flex gap={8} align="center" wrap>
              <span tabIndex={0}>{node.name}</span>
              <Tag color={node.ready ? "success" : "error"}>{node.ready ? t.ready : t.away}</Tag>
            </Flex>
          ),
        },
        { title: t.chip, key: "chip", render: (_, node) => `${node.chip} · ${node.arch}` },
        {
          title: t.cpus,
          key: "cpus",
          render: (_, node) => <Bar label={t.cpus} used={taken(node)?.cpus ?? 0} all={node.cpus} text={String} />,
        },
        {
          title: t.memory,
          key: "memory",
          render: (_, node) => (
            <Bar label={t.memory} used={taken(node)?.memory_mb ?? 0} all={node.memory_mb} text={memory} />
          ),
        },
        {
          title: t.cards,
          key: "cards",
          render: (_, node) =>
            node.cards > 0 ? <Bar label={t.cards} used={taken(node)?.cards ?? 0} all={node.cards} text={String} /> : "–",
        },
        { title: t.tasks, key: "tasks", align: "right", render: (_, node) => taken(node)?.tasks ?? 0 },
      ]}
    />
  );
}

interface BarProps {
  label: string;
  used: number;
  all: number;
  text: (amount: number) => string;
}

function Bar({ label, used, all, text: show }: BarProps) {
  const t = useText(text);
  const words = t.used(show(used), show(all));
  return (
    <div style={{ minWidth: 110 }}>
      <div>{words}</div>
      <Progress
        aria-label={`${label}: ${words}`}
        percent={all > 0 ? Math.round((100 * used) / all) : 0}
        showInfo={false}
        size="small"
      />
    </div>
  );
}
