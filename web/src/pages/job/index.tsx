import { Link, useParams } from "@tanstack/react-router";
import { Skeleton, Typography } from "antd";
import { ApiError } from "../../api/errors";
import { useJob } from "../../api/jobs";
import { Page } from "../../components/page";
import { useMessages } from "../../app/preferences";
import { useProject, useSession } from "../../app/session";
import { Problem } from "../../components/problem";
import { Actions } from "./actions";
import { Header } from "./header";
import { JobTabs } from "./tabs";

/** One job: where it is, why, and everything it printed, wrote and used. */
export function JobPage() {
  const { jobId } = useParams({ from: "/jobs/$jobId" });
  const query = useJob(jobId);
  if (query.error && !query.data) return <NotThere error={query.error} retry={() => void query.refetch()} />;
  if (!query.data) return <Skeleton active />;
  const job = query.data;
  return (
    <Page title={job.metadata.name} actions={<Actions job={job} />}>
      <Header job={job} />
      <JobTabs job={job} />
    </Page>
  );
}

/** A job that cannot be shown; whoever is in several projects may have come by a link into another one. */
function NotThere({ error, retry }: { error: unknown; retry: () => void }) {
  const t = useMessages();
  const { project } = useProject();
  const several = useSession().projects.length > 1;
  const missing = error instanceof ApiError && error.status === 404;
  return (
    <Page title={t.places.jobs}>
      <Problem error={error} retry={retry} />
      {missing && several && project && <Typography.Paragraph style={{ marginTop: 16 }}>{t.otherProject(project.name)}</Typography.Paragraph>}
      <Typography.Paragraph style={{ marginTop: 16 }}>
        <Link to="/jobs">{t.overview.all}</Link>
      </Typography.Paragraph>
    </Page>
  );
}
