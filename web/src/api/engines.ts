import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useProjectId } from "../app/session";
import { getJson, sendJson } from "./http";
import type { components } from "./schema";

type Engines = components["schemas"]["EngineInfoList"];

/** The catalogue; asked for more often while an environment is being built. */
export function useEngines() {
  const projectId = useProjectId();
  return useQuery({
    queryKey: ["engines"],
    queryFn: ({ signal }) => getJson<Engines>(`/v2/${projectId}/engines`, {}, signal),
    refetchInterval: (query) =>
      query.state.data?.items.some((engine) => engine.environment.state === "building") ? 1000 : 15_000,
  });
}

export function useBuildEngine() {
  const projectId = useProjectId();
  const client = useQueryClient();
  return useMutation({
    mutationFn: (id: string) => sendJson("POST", `/v2/${projectId}/engines/${id}/build`, {}),
    onSettled: () => client.invalidateQueries({ queryKey: ["engines"] }),
  });
}
