import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { useProjectId } from "../app/session";
import { linesOf, rangeOf } from "../logs/blocks";
import type { Block } from "../logs/window";
import { getBytes, getJson, url } from "./http";
import { jobsPath } from "./jobs";
import type { components } from "./schema";

type Schemas = components["schemas"];

/** Names one stream: `rank-1`, `build`, or nothing for all that the task prints. */
export interface LogStream {
  task: string;
  stream: string;
  attempt: number;
}

export interface LogQuestion {
  text: string;
  regex: boolean;
  ignoreCase: boolean;
}

export type SearchResult = Schemas["LogMatches"];

/** The calls that a log viewer makes for one stream of a job; the same object for the same stream. */
export function useLogCalls(jobId: string, { task, stream, attempt }: LogStream) {
  const projectId = useProjectId();
  return useMemo(() => {
    const base = `${jobsPath(projectId)}/${jobId}/tasks/${task}/logs`;
    const query = { stream, attempt };
    return {
      async size(): Promise<number> {
        const { headers } = await getBytes(base, { ...query, offset: 0, limit: 1 });
        return Number(headers.get("X-Log-Size") ?? 0);
      },
      async block(index: number): Promise<Block & { size: number }> {
        const { offset, length } = rangeOf(index, Number.MAX_SAFE_INTEGER);
        const { bytes, headers } = await getBytes(base, { ...query, offset, limit: length });
        return { index, lines: linesOf(index, bytes), size: Number(headers.get("X-Log-Size") ?? 0) };
      },
      search: ({ text, regex, ignoreCase }: LogQuestion) =>
        getJson<SearchResult>(`${base}/search`, {
          ...query,
          ...(regex ? { regex: text } : { q: text }),
          ignore_case: ignoreCase,
          limit: 1000,
        }),
      followUrl: (offset: number) => url(`${base}/follow`, { ...query, offset }),
      downloadUrl: url(base, query),
    };
  }, [projectId, jobId, task, stream, attempt]);
}

/** The streams of a task: one for all that it prints, and one for each rank where there are several. */
export function useLogStreams(jobId: string, task: string, attempt: number, live: boolean) {
  const projectId = useProjectId();
  return useQuery({
    queryKey: ["log-streams", jobId, task, attempt],
    queryFn: ({ signal }) =>
      getJson<Schemas["LogStreams"]>(`${jobsPath(projectId)}/${jobId}/tasks/${task}/logs/streams`, { attempt }, signal),
    refetchInterval: live ? 5000 : false,
  });
}
