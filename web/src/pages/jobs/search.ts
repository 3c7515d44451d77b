/**
 * What the addresses of the pages about jobs say after `?`. Everything that comes from an address
 * is checked here: what is no sense is left out.
 */

export const SORTS = ["create_time", "name", "phase", "duration", "priority"] as const;
export type Sort = (typeof SORTS)[number];
/** What the list is sorted by where its address says nothing. */
export const DEFAULT_SORT: Sort = "create_time";

export interface ListSearch {
  name?: string;
  phase?: string[];
  algorithm?: string;
  mine?: boolean;
  /** First and last day, as `2026-01-31`, in the browser's zone. */
  from?: string;
  to?: string;
  sort?: Sort;
  order?: "asc";
  page?: number;
  size?: number;
}

export interface JobSearchState {
  tab?: string;
  task?: string;
  stream?: string;
  attempt?: number;
  /** Byte offset of a line in the log. */
  at?: number;
}

export interface CreateSearch {
  /** Id of the algorithm to start from. */
  algorithm?: string;
  /** Id of the job to build again. */
  from?: string;
}

type Raw = Record<string, unknown>;

const DAY = /^\d{4}-\d{2}-\d{2}$/;

function text(value: unknown): string | undefined {
  const found = typeof value === "number" ? String(value) : value;
  return typeof found === "string" && found !== "" ? found : undefined;
}

function count(value: unknown, least: number): number | undefined {
  const found = value === undefined || value === "" ? NaN : Number(value);
  return Number.isFinite(found) && found >= least ? Math.floor(found) : undefined;
}

/** `fields` without those that are undefined. */
function known<T extends object>(fields: { [K in keyof T]: T[K] | undefined }): T {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as T;
}

function day(value: unknown): string | undefined {
  const found = text(value);
  return found && DAY.test(found) && !Number.isNaN(Date.parse(found)) ? found : undefined;
}

export function listSearch(raw: Raw): ListSearch {
  const phases = Array.isArray(raw.phase) ? raw.phase.map(String) : undefined;
  const page = count(raw.page, 2);
  const size = count(raw.size, 1);
  return known<ListSearch>({
    name: text(raw.name),
    phase: phases?.length ? phases : undefined,
    algorithm: text(raw.algorithm),
    mine: raw.mine === true || undefined,
    from: day(raw.from),
    to: day(raw.to),
    sort: SORTS.find((sort) => sort === raw.sort),
    order: raw.order === "asc" ? "asc" : undefined,
    page,
    size: size === undefined ? undefined : Math.min(size, 100),
  });
}

export function jobSearch(raw: Raw): JobSearchState {
  return known<JobSearchState>({
    tab: text(raw.tab),
    task: text(raw.task),
    stream: text(raw.stream),
    attempt: count(raw.attempt, 0),
    at: count(raw.at, 0),
  });
}

export function createSearch(raw: Raw): CreateSearch {
  return known<CreateSearch>({ algorithm: text(raw.algorithm), from: text(raw.from) });
}
