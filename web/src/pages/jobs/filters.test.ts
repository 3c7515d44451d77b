import { describe, expect, it } from "vitest";
import { filtersOf, isFiltered, pageOf } from "./filters";
import { createSearch, jobSearch, listSearch } from "./search";

describe("the list's address", () => {
  it("keeps what makes sense and drops the rest", () => {
    const raw = { name: 12, phase: ["Failed"], mine: true, from: "2026-02-01", to: "soon", sort: "id", page: "3", size: 5000 };
    expect(listSearch(raw)).toEqual({ name: "12", phase: ["Failed"], mine: true, from: "2026-02-01", page: 3, size: 100 });
    expect(listSearch({ phase: "Failed", mine: "yes", page: -1, order: "sideways", name: "" })).toEqual({});
    expect(jobSearch({ tab: "logs", at: "0", attempt: "x", task: "worker-1" })).toEqual({ tab: "logs", at: 0, task: "worker-1" });
    expect(createSearch({ from: "a", algorithm: 7 })).toEqual({ from: "a", algorithm: "7" });
  });

  it("becomes the service's search", () => {
    const search = { name: "mn", phase: ["Running"], algorithm: "a1", mine: true, page: 3, size: 50, sort: "name", order: "asc" } as const;
    expect(pageOf({ ...search, phase: ["Running"] }, "u1")).toEqual({
      offset: 100,
      limit: 50,
      sort_by: "name",
      order: "asc",
      filters: [
        { key: "name", operator: "like", value: ["mn"] },
        { key: "phase", operator: "in", value: ["Running"] },
        { key: "algorithm_id", operator: "in", value: ["a1"] },
        { key: "user_id", operator: "in", value: ["u1"] },
      ],
    });
  });

  it("counts whole days in the browser's zone", () => {
    const [filter] = filtersOf({ from: "2026-03-01", to: "2026-03-01" }, "");
    const [first, last] = (filter?.value ?? []).map(Number);
    expect(new Date(first ?? 0).getHours()).toBe(0);
    expect((last ?? 0) - (first ?? 0)).toBe(24 * 3600 * 1000 - 1);
    expect(filtersOf({ to: "2026-03-01" }, "")[0]?.value?.[0]).toBe("");
  });

  it("knows whether it narrows the list", () => {
    expect([{}, { page: 2, sort: "name" as const }, { mine: true }, { to: "2026-01-01" }].map(isFiltered)).toEqual([
      false, false, true, true,
    ]);
  });
});
