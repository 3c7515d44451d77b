import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import type { Algorithm } from "../../api/algorithms";
import { getJson, sendJson } from "../../api/http";
import type { components } from "../../api/schema";
import { useProjectId } from "../../app/session";

type Schemas = components["schemas"];

export type AlgorithmRequest = Schemas["AlgorithmRequest"];
export type Version = Schemas["AlgorithmVersion"];
/** What an algorithm declares, whether in its newest version or an older one. */
export type Declared = Pick<Version, "job_config" | "resource_requirements" | "advanced_config">;

export interface ListSearch {
  name: string;
  offset: number;
  limit: number;
}

function usePath() {
  const projectId = useProjectId();
  return (id?: string) => `/v2/${projectId}/algorithms${id === undefined ? "" : `/${encodeURIComponent(id)}`}`;
}

/** One page of algorithms, newest first. */
export function useAlgorithms({ name, offset, limit }: ListSearch) {
  const path = usePath();
  return useQuery({
    queryKey: ["algorithms", name, offset, limit],
    queryFn: ({ signal }) => getJson<Schemas["AlgorithmList"]>(path(), { searches: name, offset, limit }, signal),
    placeholderData: (before) => before,
  });
}

/** All versions of an algorithm, newest first. */
export function useVersions(id: string) {
  const path = usePath();
  return useQuery({
    queryKey: ["algorithm", id, "versions"],
    enabled: id !== "",
    queryFn: ({ signal }) => getJson<Schemas["AlgorithmVersionList"]>(`${path(id)}/versions`, {}, signal),
  });
}

/** Search algorithms with the default of every setting. */
export function useSearchAlgorithms() {
  const projectId = useProjectId();
  return useQuery({
    queryKey: ["search-algorithms"],
    staleTime: Infinity,
    queryFn: ({ signal }) => getJson<Schemas["SearchAlgorithmList"]>(`/v2/${projectId}/search-algorithms`, {}, signal),
  });
}

export function useAlgorithmActions() {
  const path = usePath();
  const client = useQueryClient();
  const onSettled = async () => {
    await client.invalidateQueries({ queryKey: ["algorithms"] });
    await client.invalidateQueries({ queryKey: ["algorithm"] });
  };
  return {
    /** A new algorithm, or the next version of the one with this id. */
    save: useMutation({
      mutationFn: ({ id, request }: { id: string; request: AlgorithmRequest }) =>
        id ? sendJson<Algorithm>("PUT", path(id), request) : sendJson<Algorithm>("POST", path(), request),
      onSettled,
    }),
    remove: useMutation({
      mutationFn: (id: string) => sendJson("DELETE", path(id)),
      onSettled: () => client.invalidateQueries({ queryKey: ["algorithms"] }),
    }),
  };
}
