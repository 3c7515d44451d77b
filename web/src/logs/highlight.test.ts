import { describe, expect, it } from "vitest";
import { markHits, matcherOf } from "./highlight";

const plain = (text: string) => ({ text, regex: false, ignoreCase: false });
const shown = (spans: ReturnType<typeof markHits>) => spans.map((s) => (s.hit ? `<${s.text}>` : s.text)).join("|");

describe("hits in a line", () => {
  it("are cut out across colours", () => {
    const spans = [
      { text: "epoch 1 lo", className: "" },
      { text: "ss=0.5 loss", className: "ansi-red" },
    ];
    expect(shown(markHits(spans, matcherOf(plain("loss"))))).toBe("epoch 1 |<lo>|<ss>|=0.5 |<loss>");
  });

  it("take text as it is, and expressions as such", () => {
    const line = [{ text: "a.b a+b AXB", className: "" }];
    expect(shown(markHits(line, matcherOf(plain("a+b"))))).toBe("a.b |<a+b>| AXB");
    expect(shown(markHits(line, matcherOf({ text: "a.b", regex: true, ignoreCase: true })))).toBe("<a.b>| |<a+b>| |<AXB>");
  });

  it("are none for nothing, and for what the browser cannot read", () => {
    expect([matcherOf(plain("")), matcherOf({ text: "(?P<x>a)", regex: true, ignoreCase: false })]).toEqual([undefined, undefined]);
    expect(shown(markHits([{ text: "x", className: "" }], undefined))).toBe("x");
    expect(shown(markHits([{ text: "abc", className: "" }], matcherOf({ text: "x*", regex: true, ignoreCase: false })))).toBe("abc");
  });
});
