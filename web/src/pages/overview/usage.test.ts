import { describe, expect, it } from "vitest";
import type { Flavor, Pool } from "../../api/pools";
import type { Job } from "../../api/types";
import { useOf } from "./usage";

const node = (name: string, ready: boolean) => ({ name, ready, chip: "GPU", arch: "x86_64", cpus: 16, memory_mb: 1, cards: 4 });
const pool = { metadata: { name: "lab" }, spec: { type: "slurm" }, nodes: [node("a", true), node("b", false)] } as unknown as Pool;
const flavor = {
  pool_id: "lab",
  flavor_id: "gpu-2",
  flavor_type: "GPU",
  attributes: { cpu: "7.5" },
  flavor_info: { cpu: { core_num: 7 }, gpu: { unit_num: 2 } },
} as unknown as Flavor;
const job = (pool_id: string, node_count: number) => ({ spec: { resource: { pool_id, flavor_id: "gpu-2", node_count } } }) as unknown as Job;

describe("use of pools", () => {
  it("is what the running jobs were given", () => {
    expect(useOf([pool], [flavor], [job("lab", 2), job("lab", 1), job("other", 9)])).toEqual([
      { pool: "lab", kind: "slurm", ready: 1, nodes: 2, cores: { used: 22.5, total: 32 }, cards: { used: 6, total: 8 } },
    ]);
  });
});
