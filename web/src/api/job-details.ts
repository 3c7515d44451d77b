import { useQuery } from "@tanstack/react-query";
import { useProjectId } from "../app/session";
import { usePreferences } from "../app/preferences";
import { getJson } from "./http";
import { jobsPath } from "./jobs";
import type { components } from "./schema";
import type { Why } from "./types";

type Schemas = components["schemas"];

/** A detail of a job, asked for again every two seconds while the job may still change. */
function useDetail<T>(jobId: string, path: string, live: boolean, language = "") {
  const projectId = useProjectId();
  return useQuery({
    queryKey: ["job-detail", jobId, path, language],
    queryFn: async ({ signal }) => {
      const headers: Record<string, string> = language ? { "X-Language": language === "zh" ? "zh-cn" : "en-us" } : {};
      return getJson<T>(`${jobsPath(projectId)}/${jobId}/${path}`, {}, signal, headers);
    },
    refetchInterval: live ? 2000 : false,
  });
}

export function useEvents(jobId: string, live: boolean) {
  const { language } = usePreferences();
  return useDetail<Schemas["EventList"]>(jobId, "events?limit=1000&order=asc", live, language);
}

export const useWhy = (jobId: string, live: boolean) => useDetail<Why>(jobId, "why", live);

export const useResourceMetrics = (jobId: string, task: string, live: boolean) =>
  useDetail<Schemas["ResourceMetrics"]>(jobId, `metrics/${task}`, live);

export const useTrainingMetrics = (jobId: string, live: boolean) =>
  useDetail<Schemas["PrintedMetrics"]>(jobId, "training-metrics", live);

export const useOutputs = (jobId: string, live: boolean) =>
  useDetail<Schemas["OutputList"]>(jobId, "outputs", live);
