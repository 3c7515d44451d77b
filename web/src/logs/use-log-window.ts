import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import type { useLogCalls } from "../api/logs";
import { blockCount, type LogLine } from "./blocks";
import { followLog } from "./follow";
import { blockOf, EMPTY_WINDOW, linesIn, missingBlock, withBlock, type LogWindow } from "./window";

export interface LogView {
  size: number;
  lines: LogLine[];
  /** Load more at an end, if there is more; resolves to the lines that came or went above. */
  extend: (near: "start" | "end") => Promise<number>;
  /** Show the surroundings of an offset; resolves when they are there. */
  jump: (offset: number) => Promise<void>;
  /** Whether the newest lines are in the window. */
  atEnd: boolean;
  following: boolean;
  waiting: boolean;
  error: unknown;
}

/**
 * A log of any size behind a window of lines.
 *
 * @param live whether the log may still grow: then it is followed, and the window's last block is
 *   read again when it did
 */
export function useLogWindow(calls: ReturnType<typeof useLogCalls>, live: boolean, at?: number): LogView {
  const [size, setSize] = useState(0);
  const [logWindow, setWindow] = useState<LogWindow>(EMPTY_WINDOW);
  const [error, setError] = useState<unknown>(null);
  const [waiting, setWaiting] = useState(false);
  const [ended, setEnded] = useState(false);
  const busy = useRef(false);
  const current = useRef(logWindow);
  const callsRef = useRef(calls);
  callsRef.current = calls;
  const grown = useRef(0);

  const load = useCallback(async (index: number, anew: boolean): Promise<number> => {
    const block = await callsRef.current.block(index);
    setSize((before) => Math.max(before, block.size));
    const change = withBlock(anew ? EMPTY_WINDOW : current.current, block);
    current.current = change.window;
    setWindow(change.window);
    return change.shift;
  }, []);

  const guarded = useCallback(async (work: () => Promise<number>): Promise<number> => {
    if (busy.current) return 0;
    busy.current = true;
    try {
      const shift = await work();
      setError(null);
      return shift;
    } catch (problem) {
      setError(problem);
      return 0;
    } finally {
      busy.current = false;
    }
  }, []);

  const extend = useCallback(
    (near: "start" | "end") =>
      guarded(async () => {
        const index = missingBlock(current.current, grown.current, near);
        return index === undefined ? 0 : load(index, false);
      }),
    [guarded, load],
  );

  const jump = useCallback(
    async (offset: number) => {
      await guarded(() => load(blockOf(offset), true));
    },
    [guarded, load],
  );

  useEffect(() => {
    let stopped = false;
    let stop = () => {};
    void guarded(async () => {
      const known = await callsRef.current.size();
      grown.current = known;
      setSize(known);
      const first = at ?? Math.max(0, known - 1);
      const shift = await load(blockOf(first), true);
      if (live && !stopped) stop = follow(known);
      return shift;
    });

    const follow = (from: number) =>
      followLog((offset) => callsRef.current.followUrl(offset), from, {
        onPiece: (piece) => {
          setWaiting(false);
          grown.current = piece.next;
          setSize(piece.next);
          const last = current.current.blocks[current.current.blocks.length - 1]?.index;
          if (last === undefined || last >= blockOf(piece.offset)) void guarded(() => load(last ?? 0, false));
        },
        onEnd: () => setEnded(true),
        onWaiting: () => setWaiting(true),
      });
    return () => {
      stopped = true;
      stop();
    };
  }, [at, guarded, live, load]);

  const lines = useMemo(() => linesIn(logWindow), [logWindow]);
  const last = logWindow.blocks[logWindow.blocks.length - 1]?.index ?? 0;
  return { size, lines, extend, jump, atEnd: last >= blockCount(size) - 1, following: live && !ended, waiting, error };
}
