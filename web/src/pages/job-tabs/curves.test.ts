import { describe, expect, it } from "vitest";
import { curvesOf, formatNumber, namesOf, newestOf } from "./curves";
import { placeOf } from "./diagnosis";
import { entriesOf } from "./files";
import { barsOf, placeOfBar } from "./stages";

const point = (name: string, step: number, value: number | null, task = "worker-0", attempt = 0) => ({
  name, step, value, task, attempt, time: 100 + step,
});
const metrics = (...points: ReturnType<typeof point>[]) => ({
  metrics: points,
  names: [...new Set(points.map((p) => p.name))],
});

describe("curves", () => {
  const one = { label: "a", metrics: metrics(point("loss", 0, 1), point("acc", 0, 0.5), point("loss", 1, null), point("loss", 2, 0.25)) };

  it("leave out what is no number", () => {
    expect(curvesOf([one], "loss", "step")).toEqual([{ name: "loss", points: [[0, 1], [2, 0.25]] }]);
  });

  it("are laid over each other by job, on steps or on the time since the first number", () => {
    const other = { label: "b", metrics: metrics(point("loss", 5, 2)) };
    expect(curvesOf([one, other], "loss", "relative")).toEqual([
      { name: "a", points: [[0, 1], [2, 0.25]] },
      { name: "b", points: [[0, 2]] },
    ]);
    expect(namesOf([one, other])).toEqual(["loss", "acc"]);
  });

  it("are one for each task and start", () => {
    const many = { label: "a", metrics: metrics(point("loss", 0, 1), point("loss", 0, 2, "worker-1"), point("loss", 0, 3, "worker-0", 1)) };
    expect(curvesOf([many], "loss", "time").map((c) => c.name)).toEqual([
      "loss · worker-0 · #1", "loss · worker-1 · #1", "loss · worker-0 · #2",
    ]);
  });

  it("have a newest value that fits a heading", () => {
    expect(newestOf(one.metrics, "loss")).toBe("0.25");
    expect([0, 1.23456789, 123456, 12_345_678, 0.00001234].map(formatNumber)).toEqual([
      "0", "1.2346", "123460", "1.235e+7", "1.234e-5",
    ]);
  });
});

describe("stages", () => {
  const stage = (name: string, start: string, end: string) => ({
    job_id: "", name, en_message: name, zh_message: name, start_time: start, end_time: end, stage_order: 0, sub_stages: [],
  });

  it("last until now while they are open", () => {
    const at = (second: number) => `2026-01-01T00:00:0${second}.000Z`;
    const record = { record_order: 0, stages: [stage("queue", at(0), at(2)), stage("run", at(2), ""), stage("never", "", "")] };
    const bars = barsOf(record, Date.parse(at(8)));
    expect(bars.map((bar) => [bar.name, bar.end - bar.start, bar.open])).toEqual([["queue", 2000, false], ["run", 6000, true]]);
    const early = { record_order: 0, stages: [stage("create", at(0), ""), stage("queue", at(1), ""), stage("run", at(3), "")] };
    expect(barsOf(early, Date.parse(at(9)), Date.parse(at(7))).map((bar) => [bar.end - bar.start, bar.open])).toEqual([
      [1000, false], [2000, false], [4000, false],
    ]);
    expect(bars.map((bar) => placeOfBar(bar, bars))).toEqual([{ left: 0, width: 25 }, { left: 25, width: 75 }]);
  });
});

describe("evidence", () => {
  it("leads to the log that it is from", () => {
    expect(["worker-0", "worker-1.rank-3", "worker-0.build", "kernel", "worker-0.rank-x"].map(placeOf)).toEqual([
      { task: "worker-0", stream: "" },
      { task: "worker-1", stream: "rank-3" },
      { task: "worker-0", stream: "build" },
      undefined,
      undefined,
    ]);
  });
});

describe("output files", () => {
  const file = (channel: string, key: string, size = 1) => ({ channel, key, uri: `obs://b/${channel}/${key}`, size, mtime: 0 });
  const files = [file("train_url", "a.txt"), file("train_url", "ckpt/1.pt", 10), file("train_url", "ckpt/2.pt", 20), file("logs", "x.png")];

  it("lie in folders, by channel", () => {
    expect(entriesOf(files, "").map((e) => [e.name, e.folder, e.size])).toEqual([["logs", true, 1], ["train_url", true, 31]]);
    expect(entriesOf(files, "train_url/").map((e) => [e.name, e.folder, e.size])).toEqual([["ckpt", true, 30], ["a.txt", false, 1]]);
    expect(entriesOf(files, "train_url/ckpt/").map((e) => e.name)).toEqual(["1.pt", "2.pt"]);
  });
});
