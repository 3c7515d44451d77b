import { describe, expect, it } from "vitest";
import { formatBytes, formatDuration, formatTime } from "./format";

describe("format", () => {
  it("sizes", () => {
    expect([0, 999, 1024, 1536, 1024 ** 3, 200 * 1024 ** 2].map(formatBytes)).toEqual([
      "0 B",
      "999 B",
      "1.0 KiB",
      "1.5 KiB",
      "1.0 GiB",
      "200 MiB",
    ]);
  });

  it("durations", () => {
    expect([0, 8.4, 0.01, 420, 12_000, 125_000, 3_723_000].map(formatDuration)).toEqual(["0 s", "8 ms", "1 ms", "0.4 s", "12 s", "2:05", "1:02:03"]);
  });

  it("no time is a dash", () => {
    expect(formatTime(undefined, "en")).toBe("–");
  });

  it("times are short in both languages", () => {
    const noon = new Date(2026, 0, 2, 12, 3, 4).getTime();
    expect(formatTime(noon, "zh")).toBe("2026/01/02 12:03:04");
    expect(formatTime(noon, "en")).toMatch(/^2 Jan 2026,? 12:03:04$/);
    expect(formatTime(new Date(2026, 0, 2, 0, 3, 4).getTime(), "zh")).toBe("2026/01/02 00:03:04");
  });
});
