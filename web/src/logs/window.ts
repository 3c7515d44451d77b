import { BLOCK_BYTES, blockCount, type LogLine } from "./blocks";

/** How many blocks are kept; far more than any screen shows, far less than a page may hold. */
export const KEPT_BLOCKS = 24;

export interface Block {
  index: number;
  lines: LogLine[];
}

/**
 * A contiguous run of blocks out of a log of any size, which grows at either end as a person
 * scrolls and is cut at the other. Never changed in place.
 */
export interface LogWindow {
  blocks: Block[];
}

export const EMPTY_WINDOW: LogWindow = { blocks: [] };

export function linesIn(window: LogWindow): LogLine[] {
  return window.blocks.flatMap((block) => block.lines);
}

/** Which block to load next when the person is near an end of the window, if there is one. */
export function missingBlock(window: LogWindow, size: number, near: "start" | "end"): number | undefined {
  const first = window.blocks[0]?.index;
  const last = window.blocks[window.blocks.length - 1]?.index;
  if (first === undefined || last === undefined) return undefined;
  if (near === "start") return first > 0 ? first - 1 : undefined;
  return last + 1 < blockCount(size) ? last + 1 : undefined;
}

export interface Change {
  window: LogWindow;
  /** Lines that came (positive) or went (negative) above those that stayed. */
  shift: number;
}

/** The window with `block` put at its end or start, or in the place of an older reading of it. */
export function withBlock(window: LogWindow, block: Block): Change {
  const at = window.blocks.findIndex((b) => b.index === block.index);
  if (at >= 0) {
    const blocks = window.blocks.map((b, i) => (i === at ? block : b));
    return { window: { blocks }, shift: 0 };
  }
  const first = window.blocks[0]?.index;
  if (first !== undefined && block.index === first - 1) {
    return { window: { blocks: [block, ...window.blocks].slice(0, KEPT_BLOCKS) }, shift: block.lines.length };
  }
  const last = window.blocks[window.blocks.length - 1]?.index;
  if (last !== undefined && block.index !== last + 1) return { window: { blocks: [block] }, shift: 0 };
  const all = [...window.blocks, block];
  const gone = all.slice(0, Math.max(0, all.length - KEPT_BLOCKS));
  const shift = -gone.reduce((count, b) => count + b.lines.length, 0);
  return { window: { blocks: all.slice(gone.length) }, shift };
}

/** The block in which the line at `offset` starts. */
export function blockOf(offset: number): number {
  return Math.floor(offset / BLOCK_BYTES);
}
