import { Link } from "@tanstack/react-router";
import { Tooltip, Typography, type TableColumnsType, type TableColumnType } from "antd";
import type { Job } from "../../api/types";
import { formatDuration, formatTime } from "../../app/format";
import { useMessages, usePreferences } from "../../app/preferences";
import { PhaseTag } from "../../components/phase-tag";
import type { ListSearch, Sort } from "./search";

/** The list's columns; those that the service sorts by show which way they are sorted. */
export function useColumns(search: ListSearch): TableColumnsType<Job> {
  const t = useMessages();
  const { language } = usePreferences();
  const sorted = (sort: Sort): TableColumnType<Job> => ({
    key: sort,
    sorter: true,
    sortDirections: ["descend", "ascend"],
    sortOrder: (search.sort ?? "create_time") === sort ? (search.order === "asc" ? "ascend" : "descend") : null,
  });
  return [
    {
      ...sorted("name"),
      title: t.jobs.name,
      width: 220,
      render: (_, job) => (
        <Link to="/jobs/$jobId" params={{ jobId: job.metadata.id }} style={{ overflowWrap: "anywhere" }}>
          {job.metadata.name}
        </Link>
      ),
    },
    {
      ...sorted("phase"),
      title: t.jobs.phase,
      width: 130,
      render: (_, job) => (
        <Tooltip title={job.status.outcome?.message || job.status.reason}>
          <span>
            <PhaseTag phase={job.status.phase} />
          </span>
        </Tooltip>
      ),
    },
    {
      title: t.jobs.what,
      key: "what",
      width: 230,
      render: (_, job) => (
        <>
          <Typography.Text ellipsis style={{ maxWidth: 210, display: "block" }} title={job.algorithm.name ?? job.algorithm.boot_file}>
            {job.algorithm.name ?? (job.algorithm.boot_file || job.algorithm.command)}
          </Typography.Text>
          <Typography.Text type="secondary" ellipsis style={{ maxWidth: 210, display: "block", fontSize: 12 }} title={job.algorithm.engine.engine_id}>
            {job.algorithm.engine.engine_id}
          </Typography.Text>
        </>
      ),
    },
    {
      title: t.jobs.resources,
      key: "resources",
      width: 110,
      render: (_, job) => `${job.spec.resource.node_count} × ${job.spec.resource.flavor_id}`,
    },
    { ...sorted("duration"), title: t.jobs.duration, width: 120, render: (_, job) => (job.status.start_time ? formatDuration(job.status.duration ?? 0) : "–") },
    { ...sorted("create_time"), title: t.jobs.created, width: 210, render: (_, job) => formatTime(job.metadata.create_time, language) },
    { title: t.jobs.user, key: "user", width: 110, ellipsis: true, render: (_, job) => job.metadata.user_name },
  ];
}
