import { Link } from "@tanstack/react-router";
import { Collapse, Flex, Table, Tag, Typography } from "antd";
import { useEngines } from "../../api/engines";
import { useText } from "../../app/preferences";
import { text } from "./text";

interface Refusal {
  engine: string;
  reason: string;
}

/** Which engines run in a pool, and why the others do not. */
export function Offers({ poolId }: { poolId: string }) {
  const t = useText(text);
  const engines = useEngines().data?.items ?? [];
  const offers = engines.flatMap((engine) =>
    engine.pools.filter((offer) => offer.pool_id === poolId).map((offer) => ({ ...offer, engine: engine.id })),
  );
  const refused = offers.filter((offer) => !offer.available);
  const title = (
    <Flex gap={8} align="center" wrap>
      {t.engines}
      <Tag color="success">{t.offered(offers.length - refused.length)}</Tag>
      {refused.length > 0 && <Tag>{t.refused(refused.length)}</Tag>}
    </Flex>
  );
  return (
    <section>
      <Collapse
        items={[
          {
            key: "why",
            label: title,
            children: (
              <Table<Refusal>
                rowKey="engine"
                size="small"
                scroll={{ x: 560 }}
                pagination={false}
                dataSource={refused}
                columns={[
                  { title: t.engine, dataIndex: "engine", className: "mono" },
                  { title: t.reason, dataIndex: "reason" },
                ]}
              />
            ),
          },
        ]}
      />
      <Typography.Paragraph style={{ margin: "8px 0 0" }}>
        <Link to="/engines">{t.allEngines}</Link>
      </Typography.Paragraph>
    </section>
  );
}
