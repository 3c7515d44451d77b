import type { LogQuestion } from "../api/logs";
import type { Span } from "./ansi";

/** A run of text, perhaps one that was searched for. */
export interface MarkedSpan extends Span {
  hit: boolean;
}

/** What finds the searched text in a line; undefined where the browser cannot tell. */
export function matcherOf({ text, regex, ignoreCase }: LogQuestion): RegExp | undefined {
  if (!text) return undefined;
  const source = regex ? text : text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  try {
    return new RegExp(source, ignoreCase ? "gi" : "g");
  } catch {
    return undefined; // the service's expressions are Python's; most are the browser's too
  }
}

/** The spans of a line, cut where the searched text begins and ends, whatever its colours are. */
export function markHits(spans: Span[], matcher: RegExp | undefined): MarkedSpan[] {
  if (!matcher) return spans.map((span) => ({ ...span, hit: false }));
  const whole = spans.map((span) => span.text).join("");
  const hits = [...whole.matchAll(matcher)].filter((hit) => hit[0] !== "").slice(0, 100);
  const edges = hits.flatMap((hit) => [hit.index, hit.index + hit[0].length]);
  const found: MarkedSpan[] = [];
  let start = 0;
  for (const span of spans) {
    const end = start + span.text.length;
    const cuts = [start, ...edges.filter((edge) => edge > start && edge < end), end];
    for (let i = 0; i + 1 < cuts.length; i += 1) {
      const [from = 0, to = 0] = [cuts[i], cuts[i + 1]];
      const hit = hits.some((h) => from >= h.index && to <= h.index + h[0].length);
      if (to > from) found.push({ text: whole.slice(from, to), className: span.className, hit });
    }
    start = end;
  }
  return found;
}
