import { useEffect, useMemo, useState } from "react";
import { isFinished, type Job } from "../api/types";
import { formatDuration } from "../app/format";

/** How long a job has run; goes on by itself while it does, between two answers of the service. */
export function JobDuration({ status }: { status: Job["status"] }) {
  const runs = Boolean(status.start_time) && !isFinished(status.phase);
  // eslint-disable-next-line react-hooks/exhaustive-deps -- the moment at which this status came
  const came = useMemo(() => Date.now(), [status]);
  const [now, setNow] = useState(came);
  useEffect(() => {
    if (!runs) return;
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, [runs]);
  if (!status.start_time) return "–";
  return formatDuration((status.duration ?? 0) + (runs ? Math.max(0, now - came) : 0));
}
