import { useVirtualizer } from "@tanstack/react-virtual";
import { memo, useEffect, useLayoutEffect, useRef } from "react";
import { useMessages } from "../app/preferences";
import { parseAnsi } from "./ansi";
import type { LogLine } from "./blocks";
import { markHits } from "./highlight";
import type { LogReader } from "./reader";

export const LINE_PX = 20;
/** So near to an end of what is in memory, more is read. */
const NEAR_PX = 200 * LINE_PX;

/** Where to go: another object for another jump, be it to the same line. */
export interface Goal {
  offset: number;
  /** Whether the line is shown as the one that was looked for, in the middle; else it goes to the top. */
  mark: boolean;
}

interface Props {
  lines: LogLine[];
  reader: LogReader;
  atStart: boolean;
  atEnd: boolean;
  goal: Goal | undefined;
  matcher: RegExp | undefined;
  /** Whether the newest line is kept in view. */
  sticky: boolean;
  onSticky: (sticky: boolean) => void;
  /** Told the offset of the line at the top. */
  onTop: (offset: number) => void;
}

/** The lines that are in view, out of those that are in memory; more are read near both ends. */
export function Lines({ lines, reader, atStart, atEnd, goal, matcher, sticky, onSticky, onTop }: Props) {
  const t = useMessages();
  const box = useRef<HTMLDivElement>(null);
  /** The line at the top and how far it is scrolled out: it stays there when lines come or go above. */
  const anchor = useRef({ offset: 0, px: 0 });
  const rows = useVirtualizer({
    count: lines.length,
    getScrollElement: () => box.current,
    estimateSize: () => LINE_PX,
    overscan: 20,
  });
  const last = lines[lines.length - 1];

  useLayoutEffect(() => {
    const element = box.current;
    if (!element || lines.length === 0) return;
    if (sticky) {
      element.scrollTop = element.scrollHeight;
      return;
    }
    const index = lines.findIndex((line) => line.offset >= anchor.current.offset);
    const to = (index < 0 ? lines.length - 1 : index) * LINE_PX + anchor.current.px;
    if (Math.abs(element.scrollTop - to) > 0.5) element.scrollTop = to;
  }, [lines, last?.text, sticky]);

  useEffect(() => {
    const element = box.current;
    if (!element) return;
    const short = rows.getTotalSize() < element.clientHeight + NEAR_PX;
    if (short && !atStart) reader.extend("start");
    else if (short && !atEnd) reader.extend("end");
  }, [lines, atStart, atEnd, reader, rows]);

  useEffect(() => {
    const element = box.current;
    const index = goal ? lines.findLastIndex((line) => line.offset <= goal.offset) : -1;
    if (!element || !goal || index < 0) return;
    const above = goal.mark ? Math.floor(element.clientHeight / 2 / LINE_PX) : 0;
    const first = Math.max(0, index - above);
    anchor.current = { offset: lines[first]?.offset ?? 0, px: 0 };
    element.scrollTop = first * LINE_PX;
    // only for another goal (or the first lines), not whenever lines come
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [goal, lines.length > 0]);

  const onScroll = () => {
    const element = box.current;
    if (!element) return;
    const { scrollTop, scrollHeight, clientHeight } = element;
    const below = scrollHeight - scrollTop - clientHeight;
    const first = lines[Math.floor(scrollTop / LINE_PX)];
    if (first) {
      anchor.current = { offset: first.offset, px: scrollTop % LINE_PX };
      onTop(first.offset);
    }
    const ended = below < LINE_PX * 2 && atEnd;
    if (ended !== sticky) onSticky(ended);
    if (scrollTop < NEAR_PX && !atStart) reader.extend("start");
    else if (below < NEAR_PX && !atEnd) reader.extend("end");
  };

  return (
    <div ref={box} className="log mono" onScroll={onScroll} tabIndex={0} role="log" aria-label={t.logs.log} aria-live="off">
      {lines.length === 0 && <div className="log-empty">{t.logs.empty}</div>}
      <div style={{ height: rows.getTotalSize(), position: "relative" }}>
        {rows.getVirtualItems().map((row) => {
          const line = lines[row.index];
          if (!line) return null;
          return <Line key={line.offset} line={line} top={row.start} marked={goal?.mark === true && line.offset === goal.offset} matcher={matcher} />;
        })}
      </div>
    </div>
  );
}

const PLATFORM = "[ModelArts Service Log]";

interface LineProps {
  line: LogLine;
  top: number;
  marked: boolean;
  matcher: RegExp | undefined;
}

/** The text of one line, as text: nothing in it can become markup. */
const Line = memo(function Line({ line, top, marked, matcher }: LineProps) {
  const platform = line.text.startsWith(PLATFORM);
  const className = `log-line${platform ? " log-platform" : ""}${marked ? " log-marked" : ""}`;
  return (
    <div className={className} style={{ top }} data-offset={line.offset}>
      {markHits(parseAnsi(line.text), matcher).map((span, i) =>
        span.hit ? (
          <mark key={i} className={span.className}>
            {span.text}
          </mark>
        ) : (
          <span key={i} className={span.className}>
            {span.text}
          </span>
        ),
      )}
    </div>
  );
});
