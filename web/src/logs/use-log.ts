import { useEffect, useMemo, useState, useSyncExternalStore } from "react";
import type { useLogCalls } from "../api/logs";
import { followLog } from "./follow";
import { LogReader, type LogState } from "./reader";

export interface LogView extends LogState {
  reader: LogReader;
  following: boolean;
  waiting: boolean;
}

interface Options {
  /** Whether the log may still grow: then it is followed. */
  live: boolean;
  attempt: number;
  /** Byte offset of the line to show first; the end of the log if not given. */
  at: number | undefined;
}

/** One stream of a log for as long as the page shows it; `calls` must stay the same stream. */
export function useLog(calls: ReturnType<typeof useLogCalls>, { live, attempt, at }: Options): LogView {
  const reader = useMemo(() => new LogReader(calls.block), [calls]);
  const state = useSyncExternalStore(reader.subscribe, reader.snapshot);
  const [waiting, setWaiting] = useState(false);
  const [ended, setEnded] = useState(false);

  useEffect(() => {
    let stopped = false;
    let stop = () => {};
    reader.open();
    reader.tail = at === undefined;
    const open = async () => {
      const size = await calls.size().catch(() => 0);
      if (stopped) return;
      if (at === undefined) reader.grew(size);
      else void reader.jump(at);
      if (!live) return;
      stop = followLog(calls.followUrl, size, attempt, {
        onPiece: (piece) => {
          setWaiting(false);
          reader.grew(piece.next);
        },
        onEnd: () => setEnded(true),
        onWaiting: () => setWaiting(true),
      });
    };
    void open();
    return () => {
      stopped = true;
      stop();
      reader.close();
    };
  }, [reader, calls, live, attempt, at]);

  return { ...state, reader, following: live && !ended, waiting };
}
