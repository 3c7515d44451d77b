import { useSearch } from "@tanstack/react-router";
import { Skeleton } from "antd";
import { useAlgorithm } from "../../api/algorithms";
import { ApiError } from "../../api/errors";
import { useJob } from "../../api/jobs";
import { useText } from "../../app/preferences";
import { Page } from "../../components/page";
import { Problem } from "../../components/problem";
import { JobFormPage } from "./form";
import { EMPTY, valuesOfAlgorithm, valuesOfJob, type JobForm } from "./model";
import { text } from "./text";

/** The form for a new job: empty, from an algorithm, or as a job was that is to run again. */
export function CreateJobPage() {
  const { from, algorithm } = useSearch({ from: "/jobs/new" });
  if (from) return <Rebuild id={from} />;
  if (algorithm) return <FromAlgorithm id={algorithm} />;
  return <Fresh />;
}

function Fresh() {
  const t = useText(text);
  return <JobFormPage title={t.title} start={{ ...EMPTY, name: freshName("train") }} />;
}

function FromAlgorithm({ id }: { id: string }) {
  const t = useText(text);
  const found = useAlgorithm(id);
  if (found.error) return <Problem error={found.error} retry={() => void found.refetch()} />;
  if (!found.data) return <Waiting title={t.title} />;
  const start: JobForm = { ...EMPTY, ...valuesOfAlgorithm(found.data), name: freshName(found.data.metadata.name) };
  return <JobFormPage title={t.title} start={start} algorithm={found.data} />;
}

function Rebuild({ id }: { id: string }) {
  const t = useText(text);
  const job = useJob(id);
  const made = job.data?.algorithm.id ?? "";
  const algorithm = useAlgorithm(made);
  if (job.error && !job.data) return <Problem error={job.error} retry={() => void job.refetch()} />;
  const gone = algorithm.error instanceof ApiError && algorithm.error.status === 404;
  if (algorithm.error && !gone) return <Problem error={algorithm.error} retry={() => void algorithm.refetch()} />;
  if (!job.data || (made && !gone && !algorithm.data)) return <Waiting title={t.title} />;
  const values = valuesOfJob(job.data);
  const start: JobForm = gone ? { ...values, source: "code", algorithm: "" } : values;
  return (
    <JobFormPage
      title={t.rebuildTitle(job.data.metadata.name)}
      start={start}
      {...(algorithm.data && !gone ? { algorithm: algorithm.data } : {})}
      {...(gone ? { note: t.algorithmGone } : {})}
    />
  );
}

function Waiting({ title }: { title: string }) {
  return (
    <Page title={title}>
      <Skeleton active />
    </Page>
  );
}

/** A name that nobody else has, most likely. */
function freshName(base: string): string {
  const random = Math.random().toString(36).slice(2, 7).padEnd(5, "0");
  return `${base.slice(0, 58)}-${random}`;
}
