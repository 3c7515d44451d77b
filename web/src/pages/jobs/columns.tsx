import { Link } from "@tanstack/react-router";
import { Tooltip } from "antd";
import type { ReactNode } from "react";
import type { Job } from "../../api/types";
import { formatTime } from "../../app/format";
import { useMessages, usePreferences } from "../../app/preferences";
import { JobDuration } from "../../components/job-duration";
import { PhaseTag } from "../../components/phase-tag";
import type { Sort } from "./search";

export interface Column {
  key: string;
  title: string;
  /** In pixels, as long as there is no more room to share. */
  width: number;
  /** What the service sorts by, where it can. */
  sort?: Sort;
  cell: (job: Job) => ReactNode;
}

/** The list's columns. */
export function useColumns(): Column[] {
  const t = useMessages();
  const { language } = usePreferences();
  return [
    { key: "name", sort: "name", title: t.jobs.name, width: 200, cell: (job) => <Name job={job} /> },
    { key: "phase", sort: "phase", title: t.jobs.phase, width: 120, cell: (job) => <Phase job={job} /> },
    { key: "what", title: t.jobs.what, width: 200, cell: (job) => <What job={job} /> },
    {
      key: "resources",
      title: t.jobs.resources,
      width: 100,
      cell: ({ spec }) => `${spec.resource.node_count} × ${spec.resource.flavor_id}`,
    },
    {
      key: "duration",
      sort: "duration",
      title: t.jobs.duration,
      width: 105,
      cell: ({ status }) => <JobDuration status={status} />,
    },
    {
      key: "created",
      sort: "create_time",
      title: t.jobs.created,
      width: 180,
      cell: ({ metadata }) => formatTime(metadata.create_time, language),
    },
    { key: "user", title: t.jobs.user, width: 80, cell: ({ metadata }) => <span className="cut">{metadata.user_name}</span> },
  ];
}

function Name({ job }: { job: Job }) {
  return (
    <Link to="/jobs/$jobId" params={{ jobId: job.metadata.id }} className="wrap">
      {job.metadata.name}
    </Link>
  );
}

function Phase({ job }: { job: Job }) {
  return (
    <Tooltip title={job.status.outcome?.message || job.status.reason}>
      <span>
        <PhaseTag phase={job.status.phase} />
      </span>
    </Tooltip>
  );
}

function What({ job: { algorithm } }: { job: Job }) {
  const engine = algorithm.engine.engine_id;
  return (
    <>
      <span className="cut" title={algorithm.name ?? algorithm.boot_file}>
        {algorithm.name ?? (algorithm.boot_file || algorithm.command)}
      </span>
      <span className="cut secondary small" title={engine}>
        {engine}
      </span>
    </>
  );
}
