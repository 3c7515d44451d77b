import { describe, expect, it } from "vitest";
import { BLOCK_BYTES } from "./blocks";
import { blockOf, EMPTY_WINDOW, KEPT_BLOCKS, linesIn, missingBlock, withBlock, type LogWindow } from "./window";

const block = (index: number, count = 2) => ({
  index,
  lines: Array.from({ length: count }, (_, i) => ({ offset: index * BLOCK_BYTES + i, text: `${index}.${i}` })),
});

function windowOf(...indices: number[]): LogWindow {
  return indices.reduce((window, index) => withBlock(window, block(index)).window, EMPTY_WINDOW);
}

describe("log window", () => {
  it("grows at the end", () => {
    expect(linesIn(windowOf(3, 4)).map((l) => l.text)).toEqual(["3.0", "3.1", "4.0", "4.1"]);
  });

  it("grows at the start, and says by how many lines", () => {
    const change = withBlock(windowOf(3), block(2, 5));
    expect(change.shift).toBe(5);
    expect(change.window.blocks.map((b) => b.index)).toEqual([2, 3]);
  });

  it("is cut at the start when it grows too long at the end", () => {
    const full = windowOf(...Array.from({ length: KEPT_BLOCKS }, (_, i) => i));
    const change = withBlock(full, block(KEPT_BLOCKS));
    expect(change.shift).toBe(-2);
    expect(change.window.blocks).toHaveLength(KEPT_BLOCKS);
    expect(change.window.blocks[0]?.index).toBe(1);
  });

  it("starts anew at a block far away", () => {
    expect(withBlock(windowOf(1, 2), block(900)).window.blocks.map((b) => b.index)).toEqual([900]);
  });

  it("takes a newer reading of a block that it has", () => {
    const change = withBlock(windowOf(1, 2), block(2, 7));
    expect(linesIn(change.window)).toHaveLength(9);
    expect(change.shift).toBe(0);
  });

  it("knows what is missing, and that nothing is at either end of the log", () => {
    const window = windowOf(1, 2);
    expect(missingBlock(window, 5 * BLOCK_BYTES, "start")).toBe(0);
    expect(missingBlock(window, 5 * BLOCK_BYTES, "end")).toBe(3);
    expect(missingBlock(window, 3 * BLOCK_BYTES, "end")).toBeUndefined();
    expect(missingBlock(windowOf(0), 1, "start")).toBeUndefined();
    expect(missingBlock(EMPTY_WINDOW, 1, "end")).toBeUndefined();
  });

  it("finds the block of an offset", () => {
    expect([0, BLOCK_BYTES - 1, BLOCK_BYTES].map(blockOf)).toEqual([0, 0, 1]);
  });
});
