import { describe, expect, it } from "vitest";
import { BLOCK_BYTES, blockCount, linesOf, rangeOf, type LogLine } from "./blocks";

function readAll(log: Uint8Array): LogLine[] {
  const lines: LogLine[] = [];
  for (let index = 0; index < blockCount(log.length); index += 1) {
    const { offset, length } = rangeOf(index, log.length);
    lines.push(...linesOf(index, log.subarray(offset, offset + length)));
  }
  return lines;
}

function logOf(lineLengths: number[]): { bytes: Uint8Array; texts: string[] } {
  const texts = lineLengths.map((length, i) => String(i % 10).repeat(length));
  return { bytes: new TextEncoder().encode(texts.map((t) => `${t}\n`).join("")), texts };
}

describe("blocks", () => {
  it("gives every line once and in order, wherever the cuts fall", () => {
    for (const step of [1, 7, 63, 64, 100, 1000, 4093]) {
      const { bytes, texts } = logOf(Array.from({ length: 400 }, (_, i) => (i * step) % 1500));
      expect(readAll(bytes).map((l) => l.text)).toEqual(texts);
    }
  });

  it("knows a line that starts exactly at a block's first byte", () => {
    const { bytes, texts } = logOf([BLOCK_BYTES - 1, 5, 6]);
    const lines = readAll(bytes);
    expect(lines.map((l) => l.text)).toEqual(texts);
    expect(lines[1]?.offset).toBe(BLOCK_BYTES);
  });

  it("keeps a last line without its newline", () => {
    expect(readAll(new TextEncoder().encode("a\nb")).map((l) => l.text)).toEqual(["a", "b"]);
  });

  it("decodes text of any script", () => {
    expect(readAll(new TextEncoder().encode("训练开始\nloss=0.1\n"))[0]?.text).toBe("训练开始");
  });

  it("is empty for an empty log", () => {
    expect(readAll(new Uint8Array())).toEqual([]);
  });
});
