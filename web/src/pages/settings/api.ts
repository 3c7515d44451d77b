import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { getJson, sendJson, url } from "../../api/http";
import type { components } from "../../api/schema";

export type Schemas = components["schemas"];

/** A list of the account or the service; `path` is its address and its key. */
export function useList<T>(path: string, query: Record<string, string | number | undefined> = {}) {
  return useQuery({
    queryKey: ["settings", path, query],
    queryFn: ({ signal }) => getJson<T>(url(path, query), {}, signal),
  });
}

export interface Change {
  method: "POST" | "PUT" | "DELETE";
  path: string;
  body?: unknown;
}

/** Sends a change, then reads all lists of the settings again. */
export function useChange<T = unknown>() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: ({ method, path, body }: Change) => sendJson<T>(method, path, body),
    onSettled: () => client.invalidateQueries({ queryKey: ["settings"] }),
  });
}
