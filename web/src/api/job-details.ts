import { useMutation, useQueries, useQuery, useQueryClient } from "@tanstack/react-query";
import { useProjectId } from "../app/session";
import { usePreferences } from "../app/preferences";
import { getJson, sendJson } from "./http";
import { jobsPath } from "./jobs";
import { useLiveInterval } from "./live";
import type { components } from "./schema";
import { isFinished, type Job, type Why } from "./types";

type Schemas = components["schemas"];

export type Diagnosis = Schemas["DiagnosisAnswer"];
export type PrintedMetrics = Schemas["PrintedMetrics"];
export type StageRecord = Schemas["StageRecord"];

interface Asked {
  live: boolean;
  query?: Record<string, string | number | undefined>;
  language?: string;
  enabled?: boolean;
  /** Nobody tells of its changes: it is asked for every two seconds. */
  untold?: boolean;
}

const POLL_MS = 2000;

/** A detail of a job, asked for again while the job may still change. */
function useDetail<T>(jobId: string, path: string, { live, query = {}, language = "", enabled = true, untold = false }: Asked) {
  const projectId = useProjectId();
  const told = useLiveInterval(POLL_MS);
  return useQuery({
    queryKey: ["job-detail", jobId, path, query, language, live],
    enabled,
    queryFn: async ({ signal }) => {
      const headers: Record<string, string> = language ? { "X-Language": language === "zh" ? "zh-cn" : "en-us" } : {};
      return getJson<T>(`${jobsPath(projectId)}/${jobId}/${path}`, query, signal, headers);
    },
    placeholderData: (before) => before,
    refetchInterval: (asked) => live && (untold ? POLL_MS : told(asked)),
  });
}

export function useEvents(jobId: string, live: boolean) {
  const { language } = usePreferences();
  return useDetail<Schemas["EventList"]>(jobId, "events", { live, language, query: { limit: 1000, order: "asc" } });
}

export const useWhy = (jobId: string, live: boolean) => useDetail<Why>(jobId, "why", { live, untold: true });

export const useStages = (jobId: string, live: boolean) => useDetail<Schemas["StageList"]>(jobId, "stages", { live });

export const useTasks = (jobId: string, live: boolean) => useDetail<Schemas["TaskHistory"][]>(jobId, "tasks", { live });

export const useDiagnosis = (jobId: string, attempt: number, enabled: boolean) =>
  useDetail<Diagnosis>(jobId, "diagnosis", { live: false, query: { attempt }, enabled });

export type Stacks = Schemas["StacksAnswer"];

/** Whether an attempt hangs, and the stacks of its ranks that were taken. */
export const useStacks = (jobId: string, attempt: number, live: boolean) =>
  useDetail<Stacks>(jobId, "stacks", { live, query: { attempt }, untold: true });

/** The verdict on each of several running jobs; looked at less often than a job whose page is open. */
export function useHangVerdicts(jobIds: string[]) {
  const projectId = useProjectId();
  return useQueries({
    queries: jobIds.map((id) => ({
      queryKey: ["hang", id],
      queryFn: ({ signal }: { signal: AbortSignal }) => getJson<Stacks>(`${jobsPath(projectId)}/${id}/stacks`, {}, signal),
      staleTime: 10_000,
      refetchInterval: 15_000,
    })),
  });
}

/** Asks for the stacks of all ranks now. */
export function useTakeStacks(jobId: string) {
  const projectId = useProjectId();
  const client = useQueryClient();
  return useMutation({
    mutationFn: () => sendJson<Schemas["StacksAsked"]>("POST", `${jobsPath(projectId)}/${jobId}/stacks`),
    onSettled: () => client.invalidateQueries({ queryKey: ["job-detail", jobId, "stacks"] }),
  });
}

export const useTrainingMetrics = (jobId: string, live: boolean) =>
  useDetail<PrintedMetrics>(jobId, "training-metrics", { live, untold: true });

export const useOutputs = (jobId: string, live: boolean) => useDetail<Schemas["OutputList"]>(jobId, "outputs", { live, untold: true });

/** What each of several tasks uses of its node. */
export function useResourceMetrics(jobId: string, tasks: string[], attempt: number, live: boolean) {
  const projectId = useProjectId();
  return useQueries({
    queries: tasks.map((task) => ({
      queryKey: ["job-detail", jobId, "metrics", task, attempt],
      queryFn: ({ signal }: { signal: AbortSignal }) =>
        getJson<Schemas["ResourceMetrics"]>(`${jobsPath(projectId)}/${jobId}/metrics/${task}`, { attempt }, signal),
      refetchInterval: live ? 2000 : (false as const),
    })),
  });
}

export interface Compared {
  job: Job;
  metrics: PrintedMetrics;
}

/** Other jobs with the numbers that they printed, to be laid over this one's. */
export function useComparedJobs(ids: string[]) {
  const projectId = useProjectId();
  return useQueries({
    queries: ids.map((id) => ({
      queryKey: ["compared", id],
      queryFn: async ({ signal }: { signal: AbortSignal }): Promise<Compared> => {
        const [job, metrics] = await Promise.all([
          getJson<Job>(`${jobsPath(projectId)}/${id}`, {}, signal),
          getJson<PrintedMetrics>(`${jobsPath(projectId)}/${id}/training-metrics`, {}, signal),
        ]);
        return { job, metrics };
      },
      refetchInterval: (query: { state: { data?: Compared | undefined } }) =>
        query.state.data && isFinished(query.state.data.job.status.phase) ? (false as const) : 3000,
    })),
  });
}
