import { DownloadOutlined, VerticalAlignBottomOutlined, VerticalAlignTopOutlined } from "@ant-design/icons";
import { Button, Flex, Switch, Tooltip, Typography } from "antd";
import { useCallback, useMemo, useState } from "react";
import { useLogCalls, type LogQuestion, type SearchResult } from "../api/logs";
import { formatBytes } from "../app/format";
import { useMessages } from "../app/preferences";
import { Problem } from "../components/problem";
import { matcherOf } from "./highlight";
import { Lines, type Goal } from "./lines";
import { LogSearch } from "./log-search";
import { Ruler } from "./ruler";
import { useLog } from "./use-log";

const PLATFORM = "[ModelArts Service Log]";

interface Props {
  jobId: string;
  task: string;
  /** `rank-1`, `build`, or empty for all that the task prints. */
  stream: string;
  attempt: number;
  live: boolean;
  /** Byte offset of the line to show first; the end of the log if not given. */
  at?: number | undefined;
}

/** One stream of a job's log: opens at once whatever its size, follows, searches, jumps. */
export function LogViewer({ jobId, task, stream, attempt, live, at }: Props) {
  const t = useMessages();
  const calls = useLogCalls(jobId, { task, stream, attempt });
  const view = useLog(calls, { live, attempt, at });
  const { reader } = view;
  const [platform, setPlatform] = useState(true);
  const [goal, setGoal] = useState<Goal | undefined>(at === undefined ? undefined : { offset: at, mark: true });
  const [sticky, setSticky] = useState(at === undefined);
  const [top, setTop] = useState(0);
  const [found, setFound] = useState<{ question: LogQuestion; result: SearchResult } | null>(null);
  const lines = useMemo(
    () => (platform ? view.lines : view.lines.filter((line) => !line.text.startsWith(PLATFORM))),
    [view.lines, platform],
  );
  const matcher = useMemo(() => (found ? matcherOf(found.question) : undefined), [found]);

  const stick = useCallback(
    (wanted: boolean) => {
      reader.tail = wanted;
      setSticky(wanted);
    },
    [reader],
  );
  const go = useCallback(
    async (offset: number, mark = true) => {
      stick(false);
      await reader.jump(offset);
      setGoal({ offset, mark });
      setTop(offset);
    },
    [reader, stick],
  );
  const toEnd = () => {
    setGoal(undefined);
    void reader.toEnd().then(() => stick(true));
  };

  return (
    <Flex vertical gap={8} style={{ height: "100%" }}>
      <Flex gap={8} wrap align="center">
        <LogSearch search={calls.search} onFound={setFound} onHit={(offset) => void go(offset)} />
        <label style={{ display: "inline-flex", gap: 6, alignItems: "center" }}>
          <Switch size="small" checked={platform} onChange={setPlatform} />
          {t.logs.platformLines}
        </label>
        <div style={{ flex: 1 }} />
        <Typography.Text type="secondary" role="status">
          {view.waiting ? t.logs.reconnecting : view.following ? t.logs.live(formatBytes(view.size)) : formatBytes(view.size)}
        </Typography.Text>
        <Tooltip title={t.logs.toStart}>
          <Button icon={<VerticalAlignTopOutlined />} aria-label={t.logs.toStart} onClick={() => void go(0, false)} />
        </Tooltip>
        <Tooltip title={t.logs.toEnd}>
          <Button icon={<VerticalAlignBottomOutlined />} aria-label={t.logs.toEnd} onClick={toEnd} />
        </Tooltip>
        <Tooltip title={t.logs.download}>
          <Button
            icon={<DownloadOutlined />}
            aria-label={t.logs.download}
            href={calls.downloadUrl}
            download={`${task}${stream ? `.${stream}` : ""}.log`}
          />
        </Tooltip>
      </Flex>
      {view.error !== null && <Problem error={view.error} retry={() => void go(top, false)} />}
      <div className="log-frame">
        <Lines
          lines={lines}
          reader={reader}
          atStart={view.atStart}
          atEnd={view.atEnd}
          goal={goal}
          matcher={matcher}
          sticky={sticky}
          onSticky={stick}
          onTop={setTop}
        />
        <Ruler size={view.size} top={sticky ? view.size : top} hits={found?.result.matches ?? []} onGo={(offset) => void go(offset, false)} />
      </div>
    </Flex>
  );
}
