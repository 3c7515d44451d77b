import { Tag } from "antd";
import type { Phase } from "../api/types";
import { useMessages } from "../app/preferences";

const COLOURS: Record<Phase, string> = {
  Creating: "default",
  Pending: "warning",
  Running: "processing",
  Terminating: "warning",
  Completed: "success",
  Failed: "error",
  Abnormal: "error",
  Terminated: "default",
};

/** A job's phase in the person's language. */
export function PhaseTag({ phase }: { phase: string }) {
  const t = useMessages();
  return <Tag color={COLOURS[phase as Phase]}>{t.phases[phase as Phase] ?? phase}</Tag>;
}
