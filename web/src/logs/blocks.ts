/**
 * Lines out of a log that is read by byte ranges.
 *
 * The log is cut into blocks of equal size. A line belongs to the block in which it starts, so
 * each block can be loaded and shown by itself, in any order, with no line shown twice or lost.
 */
export const BLOCK_BYTES = 64 * 1024;
/** How far past its end a block looks for the end of its last line. */
export const OVERHANG_BYTES = 16 * 1024;

export interface LogLine {
  /** Byte offset in the log, the line's identity. */
  offset: number;
  text: string;
}

export interface ByteRange {
  offset: number;
  length: number;
}

/** The bytes to fetch for block `index`: one before it (was that a newline?) and its overhang. */
export function rangeOf(index: number, size: number): ByteRange {
  const start = index * BLOCK_BYTES;
  const offset = Math.max(0, start - 1);
  const end = Math.min(size, start + BLOCK_BYTES + OVERHANG_BYTES);
  return { offset, length: Math.max(0, end - offset) };
}

export function blockCount(size: number): number {
  return Math.ceil(size / BLOCK_BYTES);
}

const NEWLINE = 10;

/**
 * The lines that start in block `index`.
 *
 * @param bytes what the server gave for `rangeOf(index, …)`, perhaps less at the end of the log
 */
export function linesOf(index: number, bytes: Uint8Array): LogLine[] {
  const start = index * BLOCK_BYTES;
  const end = start + BLOCK_BYTES;
  const base = Math.max(0, start - 1);
  let at = start === 0 ? 0 : bytes.indexOf(NEWLINE) + 1;
  if (start > 0 && at === 0) return [];
  const decoder = new TextDecoder();
  const lines: LogLine[] = [];
  while (at < bytes.length && base + at < end) {
    const newline = bytes.indexOf(NEWLINE, at);
    const stop = newline === -1 ? bytes.length : newline;
    lines.push({ offset: base + at, text: decoder.decode(bytes.subarray(at, stop)) });
    at = stop + 1;
  }
  return lines;
}
