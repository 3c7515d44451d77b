import { describe, expect, it } from "vitest";
import { crumbs, folderOf, isPlainName, parts } from "./uri";

describe("places in buckets", () => {
  it("are taken apart", () => {
    expect(parts("obs://data/a/b c?.txt")).toEqual({ bucket: "data", key: "a/b c?.txt" });
    expect(parts("s3://data")).toEqual({ bucket: "data", key: "" });
    expect(["", "/tmp/x", "file:///x", "obs://"].map(parts)).toEqual([undefined, undefined, undefined, undefined]);
  });

  it("have a way to them", () => {
    expect(crumbs("obs://data/a/b/")).toEqual([
      { name: "data", uri: "obs://data/" },
      { name: "a", uri: "obs://data/a/" },
      { name: "b", uri: "obs://data/a/b/" },
    ]);
    expect(crumbs("")).toEqual([]);
  });

  it("lie in a folder", () => {
    expect(["obs://d/a/x.txt", "obs://d/a/", "obs://d", "/tmp/x"].map(folderOf)).toEqual([
      "obs://d/a/",
      "obs://d/a/",
      "obs://d/",
      "",
    ]);
  });

  it("have parts that people may name", () => {
    expect(["run 1", "数据", "", ".", "..", "a/b", "a\\b"].map(isPlainName)).toEqual([
      true, true, false, false, false, false, false,
    ]);
  });
});
