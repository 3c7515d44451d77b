import { useParams } from "@tanstack/react-router";
import { Skeleton } from "antd";
import { useJob } from "../../api/jobs";
import { Page } from "../../components/page";
import { Problem } from "../../components/problem";
import { Actions } from "./actions";
import { Header } from "./header";
import { JobTabs } from "./tabs";

/** One job: where it is, why, and everything it printed, wrote and used. */
export function JobPage() {
  const { jobId } = useParams({ from: "/jobs/$jobId" });
  const query = useJob(jobId);
  if (query.error && !query.data) return <Problem error={query.error} retry={() => void query.refetch()} />;
  if (!query.data) return <Skeleton active />;
  const job = query.data;
  return (
    <Page title={job.metadata.name} actions={<Actions job={job} />}>
      <Header job={job} />
      <JobTabs job={job} />
    </Page>
  );
}
