import { useQueryClient } from "@tanstack/react-query";
import { useCallback, useEffect, useRef, useState } from "react";
import { objectUrl } from "../../api/storage";
import { upload } from "../../api/upload";
import { useProjectId } from "../../app/session";

export interface Upload {
  id: number;
  uri: string;
  size: number;
  share: number;
  state: "waiting" | "sending" | "done" | "failed" | "stopped";
  error?: unknown;
}

export type Uploads = ReturnType<typeof useUploads>;

const AT_ONCE = 3;

let lastId = 0;

/** Files on their way into buckets, three at a time; they are stopped when the page is left. */
export function useUploads() {
  const client = useQueryClient();
  const projectId = useProjectId();
  const [list, setList] = useState<Upload[]>([]);
  const stopping = useRef(new AbortController());
  const queue = useRef<{ id: number; uri: string; file: File }[]>([]);
  const workers = useRef(0);

  const change = useCallback((id: number, patch: Partial<Upload>) => {
    setList((before) => before.map((one) => (one.id === id ? { ...one, ...patch } : one)));
  }, []);

  const work = async () => {
    workers.current += 1;
    for (let next = queue.current.shift(); next; next = queue.current.shift()) {
      const { id, uri, file } = next;
      change(id, { state: "sending" });
      const onProgress = (share: number) => change(id, { share });
      await upload("PUT", objectUrl(projectId, uri), file, onProgress, stopping.current.signal).then(
        () => change(id, { state: "done", share: 1 }),
        (error: unknown) =>
          change(id, error instanceof DOMException ? { state: "stopped" } : { state: "failed", error }),
      );
    }
    workers.current -= 1;
    if (workers.current === 0) await client.invalidateQueries({ queryKey: ["objects"] });
  };

  /** Put files below a folder; those of a chosen folder keep their paths. */
  const add = (folder: string, files: File[]) => {
    const fresh = files.map((file) => {
      lastId += 1;
      return { id: lastId, uri: folder + (file.webkitRelativePath || file.name), file };
    });
    queue.current.push(...fresh);
    setList((before) => [
      ...before.filter((one) => one.state === "waiting" || one.state === "sending"),
      ...fresh.map(({ id, uri, file }): Upload => ({ id, uri, size: file.size, share: 0, state: "waiting" })),
    ]);
    while (workers.current < AT_ONCE && queue.current.length > 0) void work();
  };

  const stop = useCallback(() => {
    for (const { id } of queue.current.splice(0)) change(id, { state: "stopped" });
    stopping.current.abort();
    stopping.current = new AbortController();
  }, [change]);

  useEffect(() => stop, [stop]);
  return { list, add, stop, clear: () => setList([]) };
}
