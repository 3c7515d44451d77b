import type { StageRecord } from "../../api/job-details";

export interface StageBar {
  name: string;
  en: string;
  zh: string;
  /** Milliseconds since the epoch. */
  start: number;
  end: number;
  /** Whether it goes on still. */
  open: boolean;
}

/**
 * The stages of one start with their times. One that says no end lasted until the next began; the
 * last lasts until `now`, or until the job ended.
 */
export function barsOf(record: StageRecord, now: number, ended?: number): StageBar[] {
  const starts = record.stages.map((stage) => Date.parse(stage.start_time));
  return record.stages
    .map((stage, i) => {
      const start = starts[i] ?? NaN;
      const said = Date.parse(stage.end_time);
      const next = Math.min(...starts.slice(i + 1).filter((later) => later >= start));
      const until = Number.isFinite(next) ? next : ended;
      const open = Number.isNaN(said) && until === undefined;
      const end = Number.isNaN(said) ? (until ?? now) : said;
      return { name: stage.name, en: stage.en_message, zh: stage.zh_message, start, end: Math.max(start, end), open };
    })
    .filter((bar) => !Number.isNaN(bar.start));
}

/** Left edge and width of a bar in per cent of the whole start; none is too small to be seen. */
export function placeOfBar(bar: StageBar, bars: StageBar[]): { left: number; width: number } {
  const first = Math.min(...bars.map((b) => b.start));
  const whole = Math.max(1, Math.max(...bars.map((b) => b.end)) - first);
  const width = Math.max(0.6, ((bar.end - bar.start) / whole) * 100);
  return { left: Math.min(100 - width, ((bar.start - first) / whole) * 100), width };
}
