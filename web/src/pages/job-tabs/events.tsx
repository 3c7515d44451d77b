import { Empty, Timeline, Typography } from "antd";
import { useEvents } from "../../api/job-details";
import { formatDuration, formatTime } from "../../app/format";
import { useMessages, usePreferences } from "../../app/preferences";
import { Problem } from "../../components/problem";
import type { TabProps } from "../job";

const COLOURS: Record<string, string> = { Error: "red", Warning: "orange" };

/** What happened, in order, with how long each stage took. */
export function EventsTab({ job, live }: TabProps) {
  const t = useMessages();
  const { language } = usePreferences();
  const events = useEvents(job.metadata.id, live);
  if (events.error && !events.data) return <Problem error={events.error} retry={() => void events.refetch()} />;
  const items = events.data?.events ?? [];
  if (items.length === 0) return <Empty description={t.job.noEvents} />;
  return (
    <Timeline
      items={items.map((event, index) => ({
        key: String(index),
        color: COLOURS[event.level] ?? "blue",
        content: (
          <>
            <div>{event.message}</div>
            <Typography.Text type="secondary">
              {formatTime(Date.parse(event.time), language)} · {event.source}
              {event.duration > 0 && ` · ${formatDuration(event.duration * 1000)}`}
            </Typography.Text>
          </>
        ),
      }))}
    />
  );
}
