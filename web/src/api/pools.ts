import { useQuery } from "@tanstack/react-query";
import { useProjectId } from "../app/session";
import { getJson } from "./http";
import type { components } from "./schema";

type Schemas = components["schemas"];

export type Flavor = Schemas["FlavorModel"];
export type Pool = Schemas["PoolModel"];
export type PoolUse = Schemas["PoolUseModel"];

export function usePools(live = false) {
  const projectId = useProjectId();
  return useQuery({
    queryKey: ["pools"],
    queryFn: ({ signal }) => getJson<Schemas["PoolList"]>(`/v2/${projectId}/pools`, {}, signal),
    refetchInterval: live ? 5000 : false,
  });
}

export function useFlavors() {
  const projectId = useProjectId();
  return useQuery({
    queryKey: ["flavors"],
    queryFn: ({ signal }) => getJson<Schemas["FlavorList"]>(`/v2/${projectId}/training-job-flavors`, {}, signal),
  });
}

/** What of the pools is given to jobs, of all projects. */
export function usePoolUse() {
  const projectId = useProjectId();
  return useQuery({
    queryKey: ["pool-use"],
    queryFn: ({ signal }) => getJson<Schemas["PoolUseList"]>(`/v2/${projectId}/pool-use`, {}, signal),
    refetchInterval: 5000,
  });
}
