import type { Flavor, Pool } from "../../api/pools";
import type { Job } from "../../api/types";

export interface PoolUse {
  pool: string;
  kind: string;
  ready: number;
  nodes: number;
  cores: { used: number; total: number };
  cards: { used: number; total: number };
}

/** What the running jobs take of each pool, by the flavors that they were given. */
export function useOf(pools: Pool[], flavors: Flavor[], running: Job[]): PoolUse[] {
  return pools.map((pool) => {
    const nodes = pool.nodes ?? [];
    const total = (pick: "cpus" | "cards") => nodes.reduce((sum, node) => sum + node[pick], 0);
    const mine = running.filter((job) => job.spec.resource.pool_id === pool.metadata.name);
    const taken = (amount: (flavor: Flavor) => number) =>
      mine.reduce((sum, { spec: { resource } }) => {
        const flavor = flavors.find((f) => f.pool_id === resource.pool_id && f.flavor_id === resource.flavor_id);
        return sum + (flavor ? amount(flavor) * resource.node_count : 0);
      }, 0);
    return {
      pool: pool.metadata.name,
      kind: pool.spec.type,
      ready: nodes.filter((node) => node.ready).length,
      nodes: nodes.length,
      cores: { used: taken(coresOf), total: total("cpus") },
      cards: { used: taken(cardsOf), total: total("cards") },
    };
  });
}

function coresOf(flavor: Flavor): number {
  return Number(flavor.attributes?.cpu) || flavor.flavor_info.cpu.core_num;
}

function cardsOf(flavor: Flavor): number {
  const card = flavor.flavor_info.gpu ?? flavor.flavor_info.npu;
  return card ? Number(card.unit_num) : 0;
}

/** Midnight of today in the browser's zone, in milliseconds. */
export function startOfToday(now: Date): number {
  return new Date(now.getFullYear(), now.getMonth(), now.getDate()).getTime();
}
