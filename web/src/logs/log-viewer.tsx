import { DownloadOutlined, LeftOutlined, RightOutlined, VerticalAlignBottomOutlined, VerticalAlignTopOutlined } from "@ant-design/icons";
import { useVirtualizer } from "@tanstack/react-virtual";
import { Button, Flex, Input, Switch, Tooltip, Typography } from "antd";
import { useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } from "react";
import { useLogCalls, type SearchResult } from "../api/logs";
import { formatBytes } from "../app/format";
import { useMessages } from "../app/preferences";
import { Problem } from "../components/problem";
import { parseAnsi } from "./ansi";
import type { LogLine } from "./blocks";
import { useLogWindow } from "./use-log-window";

const LINE_PX = 20;
const NEAR_PX = 40 * LINE_PX;
const PLATFORM = "[ModelArts Service Log]";

interface Props {
  jobId: string;
  task: string;
  stream?: string | undefined;
  live: boolean;
  /** Byte offset of the line to show first; the end of the log if not given. */
  at?: number | undefined;
}

/** One stream of a job's log: opens at once whatever its size, follows, searches, jumps. */
export function LogViewer({ jobId, task, stream, live, at }: Props) {
  const t = useMessages();
  const calls = useLogCalls(jobId, stream ? { task, stream } : { task });
  const view = useLogWindow(calls, live, at);
  const [platform, setPlatform] = useState(true);
  const [marked, setMarked] = useState<number | undefined>(at);
  const [sticky, setSticky] = useState(at === undefined);
  const lines = useMemo(
    () => (platform ? view.lines : view.lines.filter((line) => !line.text.startsWith(PLATFORM))),
    [view.lines, platform],
  );

  const go = useCallback(
    async (offset: number) => {
      setSticky(false);
      await view.jump(offset);
      setMarked(offset);
    },
    [view],
  );

  return (
    <Flex vertical gap={8} style={{ height: "100%" }}>
      <Flex gap={8} wrap align="center">
        <LogSearch search={calls.search} onHit={(offset) => void go(offset)} />
        <Flex gap={6} align="center">
          <Switch size="small" checked={platform} onChange={setPlatform} aria-label={t.logs.platformLines} />
          <span>{t.logs.platformLines}</span>
        </Flex>
        <div style={{ flex: 1 }} />
        <Typography.Text type="secondary" role="status">
          {view.waiting ? t.logs.reconnecting : view.following ? t.logs.live(formatBytes(view.size)) : formatBytes(view.size)}
        </Typography.Text>
        <Tooltip title={t.logs.toStart}>
          <Button icon={<VerticalAlignTopOutlined />} aria-label={t.logs.toStart} onClick={() => void go(0)} />
        </Tooltip>
        <Tooltip title={t.logs.toEnd}>
          <Button
            icon={<VerticalAlignBottomOutlined />}
            aria-label={t.logs.toEnd}
            onClick={() => void go(Math.max(0, view.size - 1)).then(() => setSticky(true))}
          />
        </Tooltip>
        <Tooltip title={t.logs.download}>
          <Button icon={<DownloadOutlined />} aria-label={t.logs.download} href={calls.downloadUrl} download={`${task}.log`} />
        </Tooltip>
      </Flex>
      {view.error !== null && <Problem error={view.error} />}
      <Lines lines={lines} extend={view.extend} marked={marked} sticky={sticky} setSticky={setSticky} />
    </Flex>
  );
}

interface LinesProps {
  lines: LogLine[];
  extend: (near: "start" | "end") => Promise<number>;
  marked: number | undefined;
  sticky: boolean;
  setSticky: (sticky: boolean) => void;
}

function Lines({ lines, extend, marked, sticky, setSticky }: LinesProps) {
  const t = useMessages();
  const box = useRef<HTMLDivElement>(null);
  const rows = useVirtualizer({
    count: lines.length,
    getScrollElement: () => box.current,
    estimateSize: () => LINE_PX,
    overscan: 20,
  });

  useLayoutEffect(() => {
    if (sticky && lines.length > 0) rows.scrollToIndex(lines.length - 1, { align: "end" });
  }, [sticky, lines.length, rows]);

  useEffect(() => {
    if (marked === undefined) return;
    const index = lines.findLastIndex((line) => line.offset <= marked);
    if (index >= 0) rows.scrollToIndex(index, { align: "center" });
    // only when another line is marked, not whenever lines come
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [marked]);

  const onScroll = () => {
    const element = box.current;
    if (!element) return;
    const below = element.scrollHeight - element.scrollTop - element.clientHeight;
    setSticky(below < LINE_PX * 2);
    if (element.scrollTop < NEAR_PX) void grow("start");
    else if (below < NEAR_PX) void grow("end");
  };
  const grow = async (near: "start" | "end") => {
    const shift = await extend(near);
    if (shift !== 0 && box.current) box.current.scrollTop += shift * LINE_PX;
  };

  return (
    <div ref={box} className="log mono" onScroll={onScroll} tabIndex={0} role="log" aria-label={t.logs.log} aria-live="off">
      {lines.length === 0 && <div className="log-empty">{t.logs.empty}</div>}
      <div style={{ height: rows.getTotalSize(), position: "relative" }}>
        {rows.getVirtualItems().map((row) => {
          const line = lines[row.index];
          if (!line) return null;
          return <Line key={line.offset} line={line} top={row.start} marked={line.offset === marked} />;
        })}
      </div>
    </div>
  );
}

function Line({ line, top, marked }: { line: LogLine; top: number; marked: boolean }) {
  const platform = line.text.startsWith(PLATFORM);
  const className = `log-line${platform ? " log-platform" : ""}${marked ? " log-marked" : ""}`;
  return (
    <div className={className} style={{ top }} data-offset={line.offset}>
      {parseAnsi(line.text).map((span, i) => (
        <span key={i} className={span.className}>
          {span.text}
        </span>
      ))}
    </div>
  );
}

function LogSearch({ search, onHit }: { search: (q: string) => Promise<SearchResult>; onHit: (offset: number) => void }) {
  const t = useMessages();
  const [result, setResult] = useState<SearchResult | null>(null);
  const [index, setIndex] = useState(0);
  const [busy, setBusy] = useState(false);

  const run = async (q: string) => {
    if (!q) {
      setResult(null);
      return;
    }
    setBusy(true);
    try {
      const found = await search(q);
      setResult(found);
      show(found, 0);
    } finally {
      setBusy(false);
    }
  };
  const show = (found: SearchResult, to: number) => {
    const hit = found.matches[to];
    if (!hit) return;
    setIndex(to);
    onHit(hit.offset);
  };

  return (
    <Flex gap={4} align="center" wrap>
      <Input.Search
        allowClear
        loading={busy}
        placeholder={t.logs.search}
        aria-label={t.logs.search}
        onSearch={(q) => void run(q)}
        style={{ width: 240 }}
      />
      {result && (
        <>
          <Typography.Text role="status">
            {result.matches.length === 0 ? t.logs.noHit : t.logs.hit(index + 1, result.matches.length, result.truncated)}
          </Typography.Text>
          <Button size="small" icon={<LeftOutlined />} aria-label={t.logs.previousHit} disabled={index <= 0} onClick={() => show(result, index - 1)} />
          <Button
            size="small"
            icon={<RightOutlined />}
            aria-label={t.logs.nextHit}
            disabled={index >= result.matches.length - 1}
            onClick={() => show(result, index + 1)}
          />
        </>
      )}
    </Flex>
  );
}
