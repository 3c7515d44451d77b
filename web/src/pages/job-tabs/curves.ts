import type { PrintedMetrics } from "../../api/job-details";
import type { Curve } from "../../components/chart";

/** Steps as the script counts them, seconds since its first number, or the time of day. */
export type XAxis = "step" | "relative" | "time";

export interface Source {
  /** What the curves of this job are called in a comparison. */
  label: string;
  metrics: PrintedMetrics;
}

type Point = PrintedMetrics["metrics"][number];

/** The names of all metrics of several jobs, in the order in which they were first printed. */
export function namesOf(sources: Source[]): string[] {
  return [...new Set(sources.flatMap((source) => source.metrics.names))];
}

/** One metric of several jobs: a curve for each task and start that printed it. */
export function curvesOf(sources: Source[], name: string, x: XAxis): Curve[] {
  return sources.flatMap(({ label, metrics }) => {
    const points = metrics.metrics.filter((point) => point.name === name && typeof point.value === "number");
    const groups = new Map<string, Point[]>();
    for (const point of points) {
      const key = `${point.task}/${point.attempt}`;
      const group = groups.get(key);
      if (group) group.push(point);
      else groups.set(key, [point]);
    }
    const severalTasks = new Set(points.map((point) => point.task)).size > 1;
    const severalStarts = new Set(points.map((point) => point.attempt)).size > 1;
    const began = Math.min(...metrics.metrics.map((point) => point.time));
    return [...groups.values()].map((group) => {
      const [first] = group;
      const parts = [
        sources.length > 1 ? label : name,
        severalTasks ? first?.task : "",
        severalStarts ? `#${(first?.attempt ?? 0) + 1}` : "",
      ];
      return {
        name: parts.filter(Boolean).join(" · "),
        points: group.map((point): [number, number] => [xOf(point, x, began), point.value ?? 0]),
      };
    });
  });
}

function xOf(point: Point, x: XAxis, began: number): number {
  if (x === "step") return point.step;
  return x === "time" ? point.time * 1000 : point.time - began;
}

/** The newest value of a metric, as text. */
export function newestOf(metrics: PrintedMetrics, name: string): string {
  const point = metrics.metrics.findLast((p) => p.name === name && typeof p.value === "number");
  return point?.value === undefined || point.value === null ? "" : formatNumber(point.value);
}

/** A number short enough for a heading: at most five digits that say something. */
export function formatNumber(value: number): string {
  const size = Math.abs(value);
  if (size !== 0 && (size >= 1e6 || size < 1e-4)) return value.toExponential(3);
  return String(Number(value.toPrecision(5)));
}
