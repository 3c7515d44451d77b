import { Button, Drawer, Empty, Flex, Skeleton, Tag, Timeline, Typography } from "antd";
import { useState } from "react";
import { formatTime } from "../../app/format";
import { usePreferences, useText } from "../../app/preferences";
import { Problem } from "../../components/problem";
import { useList, type Schemas } from "./api";
import { Act } from "./parts";
import { text } from "./text";

type Delivery = Schemas["DeliveryModel"];

const COLOURS: Record<Delivery["state"], string> = { waiting: "processing", delivered: "success", failed: "error" };
const REFRESH_MS = 3000;

/** A button that opens what became of the messages of a notification. */
export function Deliveries({ name, path }: { name: string; path: string }) {
  const t = useText(text);
  const [open, setOpen] = useState(false);
  return (
    <>
      <Button size="small" aria-label={`${t.deliveries}: ${name}`} onClick={() => setOpen(true)}>
        {t.deliveries}
      </Button>
      <Drawer
        open={open}
        destroyOnHidden
        size={560}
        title={t.deliveriesTitle(name)}
        extra={<Act label={t.test} name={name} done={t.tested} change={{ method: "POST", path: `${path}/test` }} />}
        onClose={() => setOpen(false)}
      >
        {open && <Sent path={path} />}
      </Drawer>
    </>
  );
}

function Sent({ path }: { path: string }) {
  const t = useText(text);
  const { language } = usePreferences();
  const sent = useList<Schemas["DeliveryList"]>(`${path}/deliveries`, { limit: 50 }, REFRESH_MS);
  if (sent.error && !sent.data) return <Problem error={sent.error} retry={() => void sent.refetch()} />;
  if (!sent.data) return <Skeleton active />;
  if (sent.data.items.length === 0) return <Empty description={t.noDeliveries} />;
  return (
    <Timeline
      items={sent.data.items.map((one) => ({
        key: one.id,
        content: (
          <>
            <Flex gap={8} align="center" wrap>
              <Tag color={COLOURS[one.state]}>{t.deliveryStates[one.state]}</Tag>
              <Typography.Text strong>{one.title}</Typography.Text>
            </Flex>
            {one.error && <Typography.Paragraph type="danger" className="wrap" style={{ margin: "4px 0" }}>{one.error}</Typography.Paragraph>}
            <Typography.Text type="secondary">
              {formatTime(one.create_time, language)} · {t.tries(one.tries)}
              {one.next_time ? ` · ${t.nextTry(formatTime(one.next_time, language))}` : ""}
            </Typography.Text>
          </>
        ),
      }))}
    />
  );
}
