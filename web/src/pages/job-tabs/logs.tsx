import { Flex, Select } from "antd";
import { useState } from "react";
import { useMessages } from "../../app/preferences";
import { LogViewer } from "../../logs/log-viewer";
import type { TabProps } from "../job";

/** The log of one task; opens where a failure was, if it is asked to. */
export function LogsTab({ job, live, at }: TabProps & { at?: number | undefined }) {
  const t = useMessages();
  const tasks = job.status.tasks?.length ? job.status.tasks : ["worker-0"];
  const [task, setTask] = useState(tasks[0] ?? "worker-0");
  return (
    <Flex vertical gap={8} style={{ height: "calc(100vh - 280px)", minHeight: 420 }}>
      {tasks.length > 1 && (
        <Select
          value={task}
          onChange={setTask}
          aria-label={t.logs.task}
          options={tasks.map((name) => ({ value: name, label: name }))}
          style={{ width: 160 }}
        />
      )}
      <LogViewer key={`${job.metadata.id}/${task}`} jobId={job.metadata.id} task={task} live={live} at={at} />
    </Flex>
  );
}
