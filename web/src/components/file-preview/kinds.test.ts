import { describe, expect, it } from "vitest";
import { decodeText, grammarOf, imageTypeOf } from "./kinds";

describe("kinds of files", () => {
  it("are known by their names", () => {
    expect(["a/train.py", "x.YAML", "Dockerfile", "notes"].map(grammarOf)).toEqual(["python", "yaml", "bash", ""]);
    expect(["a.PNG", "b.svg", "py"].map(imageTypeOf)).toEqual(["image/png", "image/svg+xml", ""]);
  });

  it("text is UTF-8 without NUL; a cut character is forgiven only at a cut", () => {
    const bytes = new TextEncoder().encode("学习率");
    expect(decodeText(bytes, true)).toBe("学习率");
    expect(decodeText(bytes.slice(0, 8), false)).toBe("学习");
    expect(decodeText(bytes.slice(0, 8), true)).toBeNull();
    expect(decodeText(new Uint8Array([104, 0]), true)).toBeNull();
  });
});
