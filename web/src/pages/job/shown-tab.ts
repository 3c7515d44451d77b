import type { Job } from "../../api/types";

const ALWAYS = ["logs", "events", "metrics", "resources", "outputs", "stacks", "configuration", "restarts"] as const;

export type TabName = "diagnosis" | (typeof ALWAYS)[number];

export function isFailed(job: Job): boolean {
  return job.status.phase === "Failed" || job.status.phase === "Abnormal";
}

/** The tabs of a job as it is: a diagnosis only where some start of it failed. */
export function tabsOf(job: Job): TabName[] {
  return isFailed(job) || (job.status.attempt ?? 0) > 0 ? ["diagnosis", ...ALWAYS] : [...ALWAYS];
}

/** The tab that an address means: a job that failed opens on its diagnosis, every other one on its log. */
export function shownTab(job: Job, wanted: string | undefined): TabName {
  return tabsOf(job).find((name) => name === wanted) ?? (isFailed(job) ? "diagnosis" : "logs");
}
