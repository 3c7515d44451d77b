import { describe, expect, it } from "vitest";
import { BLOCK_BYTES, linesOf, OVERHANG_BYTES, rangeOf } from "./blocks";
import { LogReader } from "./reader";

/** A log in memory that answers as the service does. */
class FakeLog {
  bytes = new Uint8Array();
  reads: number[] = [];
  fail = false;

  write(text: string): void {
    const more = new TextEncoder().encode(text);
    const all = new Uint8Array(this.bytes.length + more.length);
    all.set(this.bytes);
    all.set(more, this.bytes.length);
    this.bytes = all;
  }

  readonly read = async (index: number) => {
    this.reads.push(index);
    await Promise.resolve();
    if (this.fail) throw new Error("away");
    const { offset, length } = rangeOf(index, this.bytes.length);
    return { index, lines: linesOf(index, this.bytes.slice(offset, offset + length)), size: this.bytes.length };
  };
}

const lines = (count: number, from = 0) =>
  Array.from({ length: count }, (_, i) => `line ${String(from + i).padStart(8, "0")}\n`).join("");

function until(reader: LogReader, fine: () => boolean): Promise<void> {
  return new Promise((resolve) => {
    const stop = reader.subscribe(check);
    function check() {
      if (!fine()) return;
      stop();
      resolve();
    }
    check();
  });
}

const lastOf = (reader: LogReader) => reader.snapshot().lines.at(-1)?.text;

describe("log reader", () => {
  it("opens a long log at its end with one request", async () => {
    const log = new FakeLog();
    log.write(lines(100_000));
    const reader = new LogReader(log.read);
    reader.grew(log.bytes.length);
    await until(reader, () => reader.snapshot().lines.length > 0);
    expect(lastOf(reader)).toBe("line 00099999");
    expect(log.reads).toHaveLength(1);
    expect(reader.snapshot()).toMatchObject({ atEnd: true, atStart: false, size: log.bytes.length });
  });

  it("shows every line of a log that grows fast, the last included", async () => {
    const log = new FakeLog();
    const reader = new LogReader(log.read);
    for (let i = 0; i < 50; i += 1) {
      log.write(lines(500, i * 500));
      reader.grew(log.bytes.length);
      if (i % 7 === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    }
    await until(reader, () => lastOf(reader) === "line 00024999");
    const shown = reader.snapshot().lines.map((line) => line.text);
    const first = Number(shown[0]?.slice(5));
    expect(shown).toEqual(Array.from({ length: shown.length }, (_, i) => `line ${String(first + i).padStart(8, "0")}`));
  });

  it("stays where a person reads while the log grows", async () => {
    const log = new FakeLog();
    log.write(lines(60_000));
    const reader = new LogReader(log.read);
    reader.grew(log.bytes.length);
    reader.tail = false;
    await reader.jump(0);
    const before = log.reads.length;
    log.write(lines(60_000, 60_000));
    reader.grew(log.bytes.length);
    await Promise.resolve();
    expect(log.reads).toHaveLength(before);
    expect(reader.snapshot().lines[0]?.text).toBe("line 00000000");
    expect(reader.snapshot().atEnd).toBe(false);
  });

  it("goes to the newest of several jumps", async () => {
    const log = new FakeLog();
    log.write(lines(100_000));
    const reader = new LogReader(log.read);
    reader.tail = false;
    void reader.jump(0);
    void reader.jump(5 * BLOCK_BYTES);
    await reader.jump(9 * BLOCK_BYTES + 10);
    const { lines: shown } = reader.snapshot();
    expect(Math.floor((shown[0]?.offset ?? 0) / BLOCK_BYTES)).toBe(9);
    expect(log.reads).not.toContain(5);
  });

  it("grows at both ends until there is no more", async () => {
    const log = new FakeLog();
    log.write(lines(3 * (BLOCK_BYTES / 14) + OVERHANG_BYTES / 14));
    const reader = new LogReader(log.read);
    reader.tail = false;
    await reader.jump(2 * BLOCK_BYTES);
    reader.extend("start");
    await until(reader, () => (reader.snapshot().lines[0]?.offset ?? 0) < 2 * BLOCK_BYTES);
    reader.extend("start");
    await until(reader, () => reader.snapshot().atStart);
    reader.extend("end");
    await until(reader, () => reader.snapshot().atEnd);
    expect(reader.snapshot().lines.at(-1)?.text).toBe(lines(1, reader.snapshot().lines.length - 1).trim());
  });

  it("says what went wrong, and goes on when it is asked again", async () => {
    const log = new FakeLog();
    log.write("one\n");
    log.fail = true;
    const reader = new LogReader(log.read);
    await reader.jump(0);
    expect(String(reader.snapshot().error)).toContain("away");
    log.fail = false;
    await reader.jump(0);
    expect(reader.snapshot()).toMatchObject({ error: null, lines: [{ text: "one", offset: 0 }] });
  });
});
