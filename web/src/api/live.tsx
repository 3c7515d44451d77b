import { useQueryClient, type QueryClient } from "@tanstack/react-query";
import { createContext, useContext, useEffect, useState, type ReactNode } from "react";
import { useProjectId } from "../app/session";
import { watchChanges } from "./changes";

/** How often a page asks by itself while it is told of changes: only for what nobody tells. */
const TOLD_MS = 30_000;
const SLOWEST_MS = 15_000;

const LiveContext = createContext(false);

/** Asks anew for what has changed as the service says so; below it, pages poll only where it cannot. */
export function LiveUpdates({ children }: { children: ReactNode }) {
  const client = useQueryClient();
  const projectId = useProjectId();
  const [told, setTold] = useState(false);
  useEffect(
    () =>
      watchChanges(`/v2/${projectId}/training-job-changes`, {
        onTold: setTold,
        onReturn: () => void client.invalidateQueries({ predicate: ({ queryKey }) => queryKey[0] !== "session" }),
        onJobs: (ids) => refresh(client, ids),
      }),
    [client, projectId],
  );
  return <LiveContext value={told}>{children}</LiveContext>;
}

function refresh(client: QueryClient, ids: string[] | null) {
  const touched = (id: unknown) => ids === null || ids.includes(id as string);
  void client.invalidateQueries({
    predicate: ({ queryKey: [what, which] }) =>
      what === "jobs" || what === "pool-use" || ((what === "job" || what === "job-detail") && touched(which)),
  });
}

interface Asked {
  state: { fetchFailureCount: number };
}

/** For `refetchInterval`: seldom while the service tells of changes, else every `ms`, and less often while it fails. */
export function useLiveInterval(ms: number): (query: Asked) => number {
  const told = useContext(LiveContext);
  return (query) => (told ? TOLD_MS : Math.min(ms * 2 ** query.state.fetchFailureCount, SLOWEST_MS));
}
