import type { Pool, PoolUse } from "../../api/pools";

export interface UseOfPool {
  pool: string;
  kind: string;
  ready: number;
  nodes: number;
  waiting: number;
  cores: { used: number; total: number };
  cards: { used: number; total: number };
}

/** How much of each pool is given to jobs, whoever they belong to. */
export function useOf(pools: Pool[], uses: PoolUse[]): UseOfPool[] {
  return pools.map((pool) => {
    const nodes = pool.nodes ?? [];
    const use = uses.find((found) => found.pool_id === pool.metadata.name);
    const sum = (all: { cpus: number; cards: number }[], what: "cpus" | "cards") => all.reduce((total, one) => total + one[what], 0);
    const share = (what: "cpus" | "cards") => ({ used: sum(use?.nodes ?? [], what), total: sum(nodes, what) });
    return {
      pool: pool.metadata.name,
      kind: pool.spec.type,
      ready: nodes.filter((node) => node.ready).length,
      nodes: nodes.length,
      waiting: use?.waiting ?? 0,
      cores: share("cpus"),
      cards: share("cards"),
    };
  });
}

/** Midnight of today in the browser's zone, in milliseconds. */
export function startOfToday(now: Date): number {
  return new Date(now.getFullYear(), now.getMonth(), now.getDate()).getTime();
}
