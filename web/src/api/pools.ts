import { useQuery } from "@tanstack/react-query";
import { useProjectId } from "../app/session";
import { getJson } from "./http";
import type { components } from "./schema";

type Schemas = components["schemas"];

export type Flavor = Schemas["FlavorModel"];
export type Pool = Schemas["PoolModel"];

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
