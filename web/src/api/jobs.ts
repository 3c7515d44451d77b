import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useProjectId } from "../app/session";
import { ApiError } from "./errors";
import { getJson, sendJson } from "./http";
import { useLiveInterval } from "./live";
import type { components } from "./schema";
import { isFinished, type Job, type JobFilter, type JobPage } from "./types";

type Schemas = components["schemas"];

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
  const refetchInterval = useLiveInterval(LIVE_MS);
  return useQuery({
    queryKey: ["jobs", search],
    queryFn: () => sendJson<JobPage>("POST", `/v2/${projectId}/training-job-searches`, search),
    placeholderData: (before) => before,
    refetchInterval,
  });
}

/** One job; asked for again while it may still change. */
export function useJob(id: string) {
  const projectId = useProjectId();
  const interval = useLiveInterval(LIVE_MS);
  return useQuery({
    queryKey: ["job", id],
    queryFn: ({ signal }) => getJson<Job>(`${jobsPath(projectId)}/${id}`, {}, signal),
    refetchInterval: (query) => (query.state.data && isFinished(query.state.data.status.phase) ? false : interval(query)),
  });
}

/** What became of several jobs: those that went well, and those that did not with the reason. */
export interface Report {
  done: string[];
  failed: { id: string; error: unknown }[];
}

export function useJobActions() {
  const projectId = useProjectId();
  const client = useQueryClient();
  const refresh = async () => {
    await client.invalidateQueries({ queryKey: ["jobs"] });
    await client.invalidateQueries({ queryKey: ["job"] });
  };
  const terminate = (id: string) => sendJson("POST", `${jobsPath(projectId)}/${id}/actions`, { action_type: "terminate" });
  return {
    stop: useMutation({ mutationFn: (ids: string[]) => each(ids, terminate), onSettled: refresh }),
    remove: useMutation({ mutationFn: (ids: string[]) => removeAll(projectId, ids), onSettled: refresh }),
  };
}

async function removeAll(projectId: string, ids: string[]): Promise<Report> {
  const body = { jobs: ids.map((id) => ({ metadata: { id } })) };
  const answer = await sendJson<Schemas["BatchAnswer"]>("POST", `${jobsPath(projectId)}/batch-delete`, body);
  const failed = answer.jobs.filter((job) => !job.success);
  return {
    done: answer.jobs.filter((job) => job.success).map((job) => job.id),
    failed: failed.map((job) => ({ id: job.id, error: new ApiError(409, job.error_code ?? "", job.error_msg ?? "") })),
  };
}

/** All of them, a few at a time. */
async function each(ids: string[], act: (id: string) => Promise<unknown>): Promise<Report> {
  const waiting = [...ids];
  const report: Report = { done: [], failed: [] };
  const worker = async () => {
    for (let id = waiting.shift(); id !== undefined; id = waiting.shift()) {
      const one = id;
      await act(one).then(
        () => report.done.push(one),
        (error: unknown) => report.failed.push({ id: one, error }),
      );
    }
  };
  await Promise.all(Array.from({ length: 4 }, worker));
  return report;
}
