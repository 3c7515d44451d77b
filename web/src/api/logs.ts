import type { components } from "./schema";
import { useProjectId } from "../app/session";
import { linesOf, rangeOf } from "../logs/blocks";
import type { Block } from "../logs/window";
import { getBytes, getJson, url } from "./http";
import { jobsPath } from "./jobs";

export interface LogStream {
  task: string;
  stream?: string;
}

export type SearchResult = components["schemas"]["LogMatches"];

/** The calls that a log viewer makes for one stream of a job. */
export function useLogCalls(jobId: string, { task, stream }: LogStream) {
  const base = `${jobsPath(useProjectId())}/${jobId}/tasks/${task}/logs`;
  const query = { stream };
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
    search: (q: string) => getJson<SearchResult>(`${base}/search`, { ...query, q, limit: 1000 }),
    followUrl: (offset: number) => url(`${base}/follow`, { ...query, offset }),
    downloadUrl: url(base, query),
  };
}
