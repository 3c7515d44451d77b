import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { getJson, sendJson, url } from "../../api/http";
import type { components } from "../../api/schema";

export type Schemas = components["schemas"];

type Query = Record<string, string | number | undefined>;

/** A list of the account or the service; `path` is its address and its key. */
export function useList<T>(path: string, query: Query = {}, refreshMs?: number, enabled = true) {
  return useQuery({
    queryKey: ["settings", path, query],
    queryFn: ({ signal }) => getJson<T>(url(path, query), {}, signal),
    placeholderData: (before, asked) => (asked?.queryKey[1] === path ? before : undefined),
    enabled,
    ...(refreshMs ? { refetchInterval: refreshMs } : {}),
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
