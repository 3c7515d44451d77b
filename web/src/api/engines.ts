import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useProjectId } from "../app/session";
import { getJson, sendJson } from "./http";
import type { components } from "./schema";
import type { EngineInfo } from "./types";

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
    mutationFn: (id: string) => sendJson<EngineInfo>("POST", `/v2/${projectId}/engines/${id}/build`, {}),
    // a build may be over before the catalogue is asked again; that it began is to be seen all the same
    onSuccess: (begun) =>
      client.setQueryData<Engines>(
        ["engines"],
        (known) => known && { ...known, items: known.items.map((engine) => (engine.id === begun.id ? begun : engine)) },
      ),
    onSettled: () => client.invalidateQueries({ queryKey: ["engines"] }),
  });
}
