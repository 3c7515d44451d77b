import { useQuery } from "@tanstack/react-query";
import { getJson } from "../../api/http";
import type { components } from "../../api/schema";
import { useProjectId } from "../../app/session";

type Schemas = components["schemas"];

export type PoolUse = Schemas["PoolUseModel"];

/** What of the pools is taken, kept fresh. */
export function usePoolUse() {
  const projectId = useProjectId();
  return useQuery({
    queryKey: ["pool-use"],
    queryFn: ({ signal }) => getJson<Schemas["PoolUseList"]>(`/v2/${projectId}/pool-use`, {}, signal),
    refetchInterval: 2000,
  });
}
