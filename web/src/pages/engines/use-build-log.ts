import { useEffect, useState } from "react";
import { getBytes } from "../../api/http";
import type { EngineInfo } from "../../api/types";
import { useProjectId } from "../../app/session";

const FOLLOW_MS = 500;
const LIMIT = 1024 * 1024;

/** The text of an engine's last build; while it goes on, what is new is fetched every half second. */
export function useBuildLog({ id, environment }: EngineInfo): string {
  const building = environment.state === "building";
  const builtAt = environment.built_at;
  const projectId = useProjectId();
  const [log, setLog] = useState("");

  useEffect(() => {
    let stopped = false;
    let offset = 0;
    let timer = 0;
    const decoder = new TextDecoder();
    setLog("");
    const path = `/v2/${projectId}/engines/${encodeURIComponent(id)}/build-log`;
    const fetchMore = async () => {
      const bytes = await getBytes(path, { offset, limit: LIMIT }).then(
        (answer) => answer.bytes,
        () => new Uint8Array(),
      );
      if (stopped) return;
      offset += bytes.length;
      if (bytes.length > 0) setLog((before) => before + decoder.decode(bytes, { stream: true }));
      if (building || bytes.length > 0) timer = window.setTimeout(() => void fetchMore(), FOLLOW_MS);
    };
    void fetchMore();
    return () => {
      stopped = true;
      window.clearTimeout(timer);
    };
  }, [projectId, id, building, builtAt]);

  return log;
}
