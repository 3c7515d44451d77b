import { useQuery } from "@tanstack/react-query";
import { useProjectId } from "../app/session";
import { getJson } from "./http";
import type { components } from "./schema";

type Schemas = components["schemas"];

export type Algorithm = Schemas["AlgorithmModel"];

/** The first hundred algorithms with a text in them, newest first. */
export function useAlgorithmChoices(text: string) {
  const projectId = useProjectId();
  return useQuery({
    queryKey: ["algorithms", "choices", text],
    queryFn: ({ signal }) =>
      getJson<Schemas["AlgorithmList"]>(`/v2/${projectId}/algorithms`, { searches: text, limit: 100 }, signal),
    placeholderData: (before) => before,
  });
}

/** One algorithm with the tree of its code; nothing is asked while there is no id. */
export function useAlgorithm(id: string) {
  const projectId = useProjectId();
  return useQuery({
    queryKey: ["algorithm", id],
    enabled: id !== "",
    queryFn: ({ signal }) => getJson<Algorithm>(`/v2/${projectId}/algorithms/${encodeURIComponent(id)}`, {}, signal),
  });
}
