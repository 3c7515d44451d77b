import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useProjectId } from "../app/session";
import { getJson, sendJson } from "./http";
import { isFinished, type Job, type JobFilter, type JobPage } from "./types";

export interface JobSearch {
  offset: number;
  limit: number;
  sort_by: string;
  order: "asc" | "desc";
  filters: JobFilter[];
}

const LIVE_MS = 2000;

export function jobsPath(projectId: string): string {
  return `/v2/${projectId}/training-jobs`;
}

/** One page of jobs, kept fresh while it is looked at. */
export function useJobs(search: JobSearch) {
  const projectId = useProjectId();
  return useQuery({
    queryKey: ["jobs", search],
    queryFn: () => sendJson<JobPage>("POST", `/v2/${projectId}/training-job-searches`, search),
    placeholderData: (before) => before,
    refetchInterval: LIVE_MS,
  });
}

/** One job; asked for again while it may still change. */
export function useJob(id: string) {
  const projectId = useProjectId();
  return useQuery({
    queryKey: ["job", id],
    queryFn: ({ signal }) => getJson<Job>(`${jobsPath(projectId)}/${id}`, {}, signal),
    refetchInterval: (query) => (query.state.data && isFinished(query.state.data.status.phase) ? false : 1000),
  });
}

export function useJobActions() {
  const projectId = useProjectId();
  const client = useQueryClient();
  const refresh = async () => {
    await client.invalidateQueries({ queryKey: ["jobs"] });
    await client.invalidateQueries({ queryKey: ["job"] });
  };
  const stop = useMutation({
    mutationFn: (ids: string[]) => each(ids, (id) => sendJson("POST", `${jobsPath(projectId)}/${id}/actions`, { action_type: "terminate" })),
    onSettled: refresh,
  });
  const remove = useMutation({
    mutationFn: (ids: string[]) => each(ids, (id) => sendJson("DELETE", `${jobsPath(projectId)}/${id}`)),
    onSettled: refresh,
  });
  return { stop, remove };
}

/** All of them, a few at a time; the first failure is thrown after the others have been tried. */
async function each(ids: string[], act: (id: string) => Promise<unknown>): Promise<void> {
  const waiting = [...ids];
  const failures: unknown[] = [];
  const worker = async () => {
    for (let id = waiting.shift(); id !== undefined; id = waiting.shift()) {
      await act(id).catch((error: unknown) => failures.push(error));
    }
  };
  await Promise.all(Array.from({ length: 4 }, worker));
  if (failures.length > 0) throw failures[0];
}
