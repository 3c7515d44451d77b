import { describe, expect, it } from "vitest";
import type { Pool, PoolUse } from "../../api/pools";
import { useOf } from "./usage";

const node = (name: string, ready: boolean) => ({ name, ready, chip: "GPU", arch: "x86_64", cpus: 16, memory_mb: 1, cards: 4 });
const pool = (name: string) =>
  ({ metadata: { name }, spec: { type: "slurm" }, nodes: [node("a", true), node("b", false)] }) as unknown as Pool;
const use: PoolUse = {
  pool_id: "lab",
  running: 2,
  waiting: 3,
  nodes: [
    { name: "a", tasks: 1, cpus: 7.5, memory_mb: 1, cards: 2 },
    { name: "b", tasks: 1, cpus: 15, memory_mb: 1, cards: 4 },
  ],
};

describe("use of pools", () => {
  it("is what jobs hold of the nodes", () => {
    const size = { kind: "slurm", ready: 1, nodes: 2 };
    expect(useOf([pool("lab"), pool("idle")], [use])).toEqual([
      { ...size, pool: "lab", waiting: 3, cores: { used: 22.5, total: 32 }, cards: { used: 6, total: 8 } },
      { ...size, pool: "idle", waiting: 0, cores: { used: 0, total: 32 }, cards: { used: 0, total: 8 } },
    ]);
  });
});
