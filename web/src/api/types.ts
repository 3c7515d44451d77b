import type { components } from "./schema";

type Schemas = components["schemas"];

export type Job = Schemas["JobModel"];
export type JobPage = Schemas["JobList"];
export type JobFilter = Schemas["JobFilter"];
export type JobEvent = Schemas["EventModel"];
export type Why = Schemas["WhyAnswer"];
export type EngineInfo = Schemas["EngineInfo"];

export type Phase =
  | "Creating"
  | "Pending"
  | "Running"
  | "Terminating"
  | "Completed"
  | "Failed"
  | "Abnormal"
  | "Terminated";

export const PHASES: Phase[] = [
  "Creating",
  "Pending",
  "Running",
  "Terminating",
  "Completed",
  "Failed",
  "Abnormal",
  "Terminated",
];

const FINISHED = new Set(["Completed", "Failed", "Abnormal", "Terminated"]);

export function isFinished(phase: string): boolean {
  return FINISHED.has(phase);
}
