import { describe, expect, it } from "vitest";
import { parseAnsi } from "./ansi";

describe("parseAnsi", () => {
  it("keeps plain text whole", () => {
    expect(parseAnsi("epoch 1 loss=0.5")).toEqual([{ text: "epoch 1 loss=0.5", className: "" }]);
  });

  it("turns colours into class names", () => {
    expect(parseAnsi("\x1b[1;31mERROR\x1b[0m done")).toEqual([
      { text: "ERROR", className: "ansi-bold ansi-red" },
      { text: " done", className: "" },
    ]);
  });

  it("skips the arguments of 256-colour and true-colour", () => {
    expect(parseAnsi("\x1b[38;5;196mred\x1b[38;2;1;31;4mx")).toEqual([{ text: "redx", className: "" }]);
  });

  it("drops cursor moves, titles, links and control characters", () => {
    expect(parseAnsi("\x1b[2J\x1b]0;title\x07a\x1b]8;;http://x\x1b\\b\x07\x00c")).toEqual([{ text: "abc", className: "" }]);
  });

  it("shows the last state of a progress bar", () => {
    expect(parseAnsi("10%\r50%\r100%\r")).toEqual([{ text: "100%", className: "" }]);
  });

  it("leaves markup as text", () => {
    expect(parseAnsi("<img src=x onerror=alert(1)>")).toEqual([{ text: "<img src=x onerror=alert(1)>", className: "" }]);
  });
});
