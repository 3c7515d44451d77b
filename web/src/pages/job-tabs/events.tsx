import { Card, Empty, Flex, Segmented, Timeline, Tooltip, Typography } from "antd";
import { useState } from "react";
import { useEvents, useStages } from "../../api/job-details";
import { formatDuration, formatTime } from "../../app/format";
import { useMessages, usePreferences } from "../../app/preferences";
import { Problem } from "../../components/problem";
import type { TabProps } from "../job/tabs";
import { barsOf, placeOfBar } from "./stages";

const COLOURS: Record<string, string> = { Error: "red", Warning: "orange" };

/** How long each stage took, and what happened in order. */
export function EventsTab({ job, live }: TabProps) {
  const t = useMessages();
  const { language } = usePreferences();
  const events = useEvents(job.metadata.id, live);
  const [level, setLevel] = useState("all");
  if (events.error && !events.data) return <Problem error={events.error} retry={() => void events.refetch()} />;
  const all = events.data?.events ?? [];
  const items = level === "all" ? all : all.filter((event) => event.level !== "Info");
  return (
    <Flex vertical gap={16}>
      <Stages job={job} live={live} />
      <Segmented
        style={{ alignSelf: "start" }}
        value={level}
        onChange={(value) => setLevel(String(value))}
        options={[
          { value: "all", label: t.job.allEvents },
          { value: "problems", label: t.job.problemsOnly },
        ]}
      />
      {items.length === 0 ? (
        <Empty description={all.length ? t.job.noProblems : t.job.noEvents} />
      ) : (
        <Timeline
          items={items.map((event, index) => ({
            key: String(index),
            color: COLOURS[event.level] ?? "blue",
            content: (
              <>
                <div style={{ overflowWrap: "anywhere" }}>{event.message}</div>
                <Typography.Text type="secondary">
                  {formatTime(Date.parse(event.time), language)} · {event.source === "service" ? t.job.ofService : event.source}
                  {event.duration > 0 && ` · ${formatDuration(event.duration * 1000)}`}
                </Typography.Text>
              </>
            ),
          }))}
        />
      )}
    </Flex>
  );
}

function Stages({ job, live }: TabProps) {
  const t = useMessages();
  const { language } = usePreferences();
  const records = useStages(job.metadata.id, live).data?.running_records ?? [];
  return records.map((record) => {
    const bars = barsOf(record, Date.now(), live ? undefined : (job.status.end_time ?? undefined));
    if (bars.length === 0) return null;
    const title = records.length > 1 ? `${t.job.stagesTitle} · ${t.logs.attemptName(record.record_order + 1, false)}` : t.job.stagesTitle;
    return (
      <Card key={record.record_order} size="small" title={title}>
        <ul className="stages" aria-label={title}>
          {bars.map((bar, i) => {
            const { left, width } = placeOfBar(bar, bars);
            const took = formatDuration(bar.end - bar.start);
            const name = language === "zh" ? bar.zh : bar.en;
            return (
              <li key={i}>
                <span className="stage-name">{name}</span>
                <Tooltip title={`${name}: ${took} · ${formatTime(bar.start, language)}`}>
                  <span className="stage-track">
                    <span className={bar.open ? "stage-bar stage-open" : "stage-bar"} style={{ left: `${left}%`, width: `${width}%` }} />
                  </span>
                </Tooltip>
                <span className="stage-time">{took}</span>
              </li>
            );
          })}
        </ul>
      </Card>
    );
  });
}
