import { useQuery } from "@tanstack/react-query";
import { getJson } from "./http";
import type { components } from "./schema";

/** Whether the service takes jobs, and how much room it has. */
export function useServiceHealth() {
  return useQuery({
    queryKey: ["health"],
    queryFn: ({ signal }) => getJson<components["schemas"]["ServiceHealth"]>("/v1/health", {}, signal),
    refetchInterval: 15_000,
  });
}
