import { Link } from "@tanstack/react-router";
import { Card, Flex, Skeleton, Table, Typography } from "antd";
import type { Job } from "../../api/types";
import { formatTime } from "../../app/format";
import { useMessages, usePreferences } from "../../app/preferences";
import { JobDuration } from "../../components/job-duration";
import { PhaseTag } from "../../components/phase-tag";
import { LinkButton } from "../../components/link-button";

/** The jobs that were created last; the first thing to do where there is none. */
export function LatestJobs({ jobs }: { jobs: Job[] | undefined }) {
  const t = useMessages();
  const { language } = usePreferences();
  return (
    <Card size="small" title={t.overview.latest} extra={<Link to="/jobs">{t.overview.all}</Link>}>
      {!jobs && <Skeleton active />}
      {jobs?.length === 0 && (
        <Flex vertical align="center" gap={12} style={{ padding: 24 }}>
          <Typography.Text type="secondary">{t.jobs.none}</Typography.Text>
          <LinkButton to="/jobs/new" color="primary" variant="solid">
            {t.jobs.create}
          </LinkButton>
        </Flex>
      )}
      {jobs && jobs.length > 0 && (
        <Table<Job>
          rowKey={(job) => job.metadata.id}
          size="small"
          pagination={false}
          dataSource={jobs}
          scroll={{ x: 560 }}
          columns={[
            {
              title: t.jobs.name,
              key: "name",
              render: (_, job) => (
                <Link to="/jobs/$jobId" params={{ jobId: job.metadata.id }} style={{ overflowWrap: "anywhere" }}>
                  {job.metadata.name}
                </Link>
              ),
            },
            { title: t.jobs.phase, key: "phase", width: 120, render: (_, job) => <PhaseTag phase={job.status.phase} /> },
            { title: t.jobs.duration, key: "duration", width: 110, render: (_, job) => <JobDuration status={job.status} /> },
            { title: t.jobs.created, key: "created", width: 210, render: (_, job) => formatTime(job.metadata.create_time, language) },
          ]}
        />
      )}
    </Card>
  );
}
