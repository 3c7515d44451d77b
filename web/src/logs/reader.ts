import { blockCount, type LogLine } from "./blocks";
import { blockOf, EMPTY_WINDOW, linesIn, missingBlock, withBlock, type Block, type LogWindow } from "./window";

/** Reads a block of a log; the answer also says how long the whole log is by now. */
export type ReadBlock = (index: number) => Promise<Block & { size: number }>;

export interface LogState {
  size: number;
  lines: LogLine[];
  /** Whether the first and the newest lines are in the window. */
  atStart: boolean;
  atEnd: boolean;
  error: unknown;
}

/** So many blocks behind, the end is jumped to, not scrolled to. */
const FAR_BEHIND = 4;
/** Between two readings of the newest block, in milliseconds. */
const PAUSE_MS = 80;

/**
 * A log of any size behind a window of lines that grows where a person scrolls.
 *
 * One request at a time; what is wished for meanwhile is kept, and the newest wish counts. So
 * neither the last lines of a log nor the last jump of a person can be forgotten.
 */
export class LogReader {
  private window: LogWindow = EMPTY_WINDOW;
  private size = 0;
  private error: unknown = null;
  private busy = false;
  private closed = false;
  private target: number | undefined;
  private wanted: "start" | "end" | undefined;
  private stale = false;
  private readAt = 0;
  private arrived: (() => void)[] = [];
  private state: LogState = { size: 0, lines: [], atStart: true, atEnd: true, error: null };
  private readonly listeners = new Set<() => void>();

  /** Whether the newest lines are to be shown as they come. */
  tail = true;

  constructor(private readonly read: ReadBlock) {}

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  readonly snapshot = (): LogState => this.state;

  /** Nothing is read or told while the log is closed. */
  open(): void {
    this.closed = false;
  }

  close(): void {
    this.closed = true;
  }

  /** Show what is around a byte; resolves when it, or what was wished for later, is there. */
  jump(offset: number): Promise<void> {
    this.target = Math.max(0, offset);
    const done = new Promise<void>((resolve) => this.arrived.push(resolve));
    void this.work();
    return done;
  }

  /** Show the newest lines from now on. */
  async toEnd(): Promise<void> {
    this.tail = true;
    await this.jump(Math.max(0, this.size - 1));
  }

  /** Load more at an end of the window, if there is more. */
  extend(near: "start" | "end"): void {
    this.wanted = near;
    void this.work();
  }

  /** The log is `size` bytes long by now. */
  grew(size: number): void {
    if (size <= this.size) return;
    this.size = size;
    this.stale = this.tail || this.isLast();
    if (this.stale) void this.work();
    this.tell();
  }

  private isLast(): boolean {
    const last = this.window.blocks[this.window.blocks.length - 1];
    return last === undefined || last.index >= blockCount(this.size) - 2;
  }

  private async work(): Promise<void> {
    if (this.busy || this.closed) return;
    this.busy = true;
    try {
      while (!this.closed && (await this.step())) {
        this.error = null;
        this.tell();
      }
    } catch (error) {
      this.error = error;
      this.target = this.wanted = undefined;
      this.stale = false;
    }
    this.busy = false;
    this.tell();
    if (this.target !== undefined || this.wanted || this.stale) void this.work();
  }

  /** One request for the most urgent wish; false when there is none. */
  private async step(): Promise<boolean> {
    if (this.target !== undefined) {
      const offset = this.target;
      const block = await this.read(blockOf(offset));
      if (this.target === offset) this.target = undefined;
      this.take(block, EMPTY_WINDOW);
      return true;
    }
    if (this.stale) return this.catchUp();
    const near = this.wanted;
    this.wanted = undefined;
    const index = near && missingBlock(this.window, this.size, near);
    if (index === undefined) return false;
    this.take(await this.read(index), this.window);
    return true;
  }

  /** Read the newest block again, and those that came after it. */
  private async catchUp(): Promise<boolean> {
    const pause = this.readAt + PAUSE_MS - Date.now();
    if (pause > 0) await new Promise((resolve) => setTimeout(resolve, pause));
    this.readAt = Date.now();
    const newest = Math.max(0, blockCount(this.size) - 1);
    const last = this.window.blocks[this.window.blocks.length - 1]?.index;
    if (last === undefined || (this.tail && newest - last > FAR_BEHIND)) {
      this.stale = false;
      this.take(await this.read(newest), EMPTY_WINDOW);
      return true;
    }
    const known = this.size;
    this.take(await this.read(last), this.window);
    for (let next = last + 1; this.tail && next <= newest && this.target === undefined; next += 1) {
      this.take(await this.read(next), this.window);
    }
    if (this.size === known) this.stale = false;
    return true;
  }

  private take(block: Block & { size: number }, before: LogWindow): void {
    this.size = Math.max(this.size, block.size);
    this.window = withBlock(before, block).window;
  }

  private tell(): void {
    if (this.closed) return;
    const blocks = this.window.blocks;
    this.state = {
      size: this.size,
      lines: this.state.lines,
      atStart: (blocks[0]?.index ?? 0) === 0,
      atEnd: (blocks[blocks.length - 1]?.index ?? 0) >= blockCount(this.size) - 1,
      error: this.error,
    };
    if (this.shown !== this.window) {
      this.shown = this.window;
      this.state.lines = linesIn(this.window);
    }
    for (const listener of this.listeners) listener();
    if (this.target === undefined) for (const resolve of this.arrived.splice(0)) resolve();
  }

  private shown: LogWindow = EMPTY_WINDOW;
}
