import { useNavigate } from "@tanstack/react-router";
import { Flex, Select } from "antd";
import { useLogStreams } from "../../api/logs";
import { useMessages } from "../../app/preferences";
import { LogViewer } from "../../logs/log-viewer";
import type { TabProps } from "../job/tabs";
import type { JobSearchState } from "../jobs/search";

/** Instead of a task's name: all tasks beside each other. */
const ALL = "all";
const MOST_TOGETHER = 8;

/** The log of a task, of one of its ranks, of all tasks, or of an earlier start; which one is in the address. */
export function LogsTab({ job, live, search }: TabProps & { search: JobSearchState }) {
  const t = useMessages();
  const navigate = useNavigate({ from: "/jobs/$jobId" });
  const { id } = job.metadata;
  const tasks = job.status.tasks?.length ? job.status.tasks : ["worker-0"];
  const task = search.task && [ALL, ...tasks].includes(search.task) ? search.task : (tasks[0] ?? "worker-0");
  const together = task === ALL;
  const newest = job.status.attempt ?? 0;
  const attempt = Math.min(search.attempt ?? newest, newest);
  const growing = live && attempt === newest;
  const streams = useLogStreams(id, together ? (tasks[0] ?? "") : task, attempt, growing).data?.streams ?? [];
  const names = together ? [] : streams.map(({ name }) => name.slice(task.length + 1));
  const stream = together ? "" : (search.stream ?? "");
  const choose = (change: JobSearchState) => void navigate({ search: { tab: "logs", task, attempt, stream, ...change } });
  const parts = [...new Set(["", ...names, stream])];

  return (
    <Flex vertical gap={8} className="log-tab">
      {(tasks.length > 1 || newest > 0 || parts.length > 1) && (
        <Flex gap={8} wrap>
          {tasks.length > 1 && (
            <Select
              value={task}
              onChange={(name) => choose({ task: name, stream: "" })}
              aria-label={t.logs.task}
              options={[...tasks.map((name) => ({ value: name, label: name })), { value: ALL, label: t.logs.allTasks }]}
              style={{ minWidth: 170 }}
            />
          )}
          {parts.length > 1 && (
            <Select
              value={stream}
              onChange={(name) => choose({ stream: name })}
              aria-label={t.logs.stream}
              options={parts.map((name) => ({ value: name, label: t.logs.streamName(name) }))}
              style={{ minWidth: 170 }}
            />
          )}
          {newest > 0 && (
            <Select
              value={attempt}
              onChange={(number) => choose({ attempt: number })}
              aria-label={t.logs.attempt}
              options={Array.from({ length: newest + 1 }, (_, i) => ({ value: i, label: t.logs.attemptName(i + 1, i === newest) }))}
              style={{ minWidth: 170 }}
            />
          )}
        </Flex>
      )}
      {together ? (
        <div className="log-grid">
          {tasks.slice(0, MOST_TOGETHER).map((name) => (
            <section key={`${name}/${attempt}`} aria-label={name}>
              <h3>{name}</h3>
              <LogViewer jobId={id} task={name} stream="" attempt={attempt} live={growing} />
            </section>
          ))}
        </div>
      ) : (
        <LogViewer
          key={`${id}/${task}/${stream}/${attempt}/${search.at ?? ""}`}
          jobId={id}
          task={task}
          stream={stream}
          attempt={attempt}
          live={growing}
          at={search.at}
        />
      )}
    </Flex>
  );
}
