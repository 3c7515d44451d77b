import type { JobSearch } from "../../api/jobs";
import type { JobFilter } from "../../api/types";
import type { ListSearch } from "./search";

export const PAGE_SIZE = 20;

/** Midnight at the start of a day (`2026-01-31`) in the browser's zone, in milliseconds. */
function startOf(day: string, plus = 0): number {
  const [year = 1970, month = 1, date = 1] = day.split("-").map(Number);
  return new Date(year, month - 1, date + plus).getTime();
}

/** The conditions that an address means; `user` is the id of the person who looks. */
export function filtersOf(search: ListSearch, user: string): JobFilter[] {
  const filters: JobFilter[] = [];
  if (search.name) filters.push({ key: "name", operator: "like", value: [search.name] });
  if (search.phase?.length) filters.push({ key: "phase", operator: "in", value: search.phase });
  if (search.algorithm) filters.push({ key: "algorithm_id", operator: "in", value: [search.algorithm] });
  if (search.mine) filters.push({ key: "user_id", operator: "in", value: [user] });
  if (search.from || search.to) {
    const first = search.from ? String(startOf(search.from)) : "";
    const last = search.to ? String(startOf(search.to, 1) - 1) : "";
    filters.push({ key: "create_time", operator: "between", value: [first, last] });
  }
  return filters;
}

/** The page of jobs that an address means. */
export function pageOf(search: ListSearch, user: string): JobSearch {
  const limit = search.size ?? PAGE_SIZE;
  return {
    offset: ((search.page ?? 1) - 1) * limit,
    limit,
    sort_by: search.sort ?? "create_time",
    order: search.order ?? "desc",
    filters: filtersOf(search, user),
  };
}

export function isFiltered(search: ListSearch): boolean {
  return Boolean(search.name || search.phase?.length || search.algorithm || search.mine || search.from || search.to);
}
