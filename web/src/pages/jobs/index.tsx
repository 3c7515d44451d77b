import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { App, Button, Empty, Flex, Input, Popconfirm, Select, Table, type TableColumnsType } from "antd";
import { useState } from "react";
import { useJobActions, useJobs } from "../../api/jobs";
import { isFinished, PHASES, type Job, type JobFilter } from "../../api/types";
import { formatDuration, formatTime } from "../../app/format";
import { useMessages, usePreferences } from "../../app/preferences";
import { Page } from "../../components/page";
import { PhaseTag } from "../../components/phase-tag";
import { Problem, problemText } from "../../components/problem";

const PAGE_SIZE = 20;

/** The list of training jobs: searched, filtered and paged by the service, live while it is open. */
export function JobsPage() {
  const t = useMessages();
  const search = useSearch({ from: "/jobs" });
  const navigate = useNavigate({ from: "/jobs" });
  const page = search.page ?? 1;
  const [chosen, setChosen] = useState<Job[]>([]);
  const jobs = useJobs({
    offset: (page - 1) * PAGE_SIZE,
    limit: PAGE_SIZE,
    sort_by: "create_time",
    order: "desc",
    filters: filtersOf(search),
  });
  const filtered = Boolean(search.name || search.phase?.length);

  return (
    <Page title={t.places.jobs} actions={<BulkActions jobs={chosen} onDone={() => setChosen([])} />}>
      <Flex gap={8} wrap style={{ marginBottom: 12 }}>
        <Input.Search
          allowClear
          defaultValue={search.name ?? ""}
          placeholder={t.jobs.searchByName}
          aria-label={t.jobs.searchByName}
          onSearch={(name) => void navigate({ search: (before) => ({ ...before, name, page: 1 }) })}
          style={{ width: 260 }}
        />
        <Select
          mode="multiple"
          allowClear
          value={search.phase ?? []}
          placeholder={t.jobs.anyPhase}
          aria-label={t.jobs.anyPhase}
          options={PHASES.map((phase) => ({ value: phase, label: t.phases[phase] }))}
          onChange={(phase: string[]) => void navigate({ search: (before) => ({ ...before, phase, page: 1 }) })}
          style={{ minWidth: 220 }}
        />
      </Flex>
      {jobs.error && !jobs.data ? (
        <Problem error={jobs.error} retry={() => void jobs.refetch()} />
      ) : (
        <Table<Job>
          rowKey={(job) => job.metadata.id}
          columns={useColumns()}
          dataSource={jobs.data?.items ?? []}
          loading={jobs.isPending}
          scroll={{ x: 760 }}
          size="middle"
          rowSelection={{ selectedRowKeys: chosen.map((j) => j.metadata.id), onChange: (_, rows) => setChosen(rows) }}
          locale={{ emptyText: <Empty description={filtered ? t.jobs.noMatch : t.jobs.none} /> }}
          pagination={{
            current: page,
            pageSize: PAGE_SIZE,
            total: jobs.data?.total ?? 0,
            showSizeChanger: false,
            onChange: (next) => void navigate({ search: (before) => ({ ...before, page: next }) }),
          }}
        />
      )}
    </Page>
  );
}

function filtersOf(search: { name?: string; phase?: string[] }): JobFilter[] {
  const filters: JobFilter[] = [];
  if (search.name) filters.push({ key: "name", operator: "like", value: [search.name] });
  if (search.phase?.length) filters.push({ key: "phase", operator: "in", value: search.phase });
  return filters;
}

function useColumns(): TableColumnsType<Job> {
  const t = useMessages();
  const { language } = usePreferences();
  return [
    {
      title: t.jobs.name,
      key: "name",
      fixed: "left",
      render: (_, job) => (
        <Link to="/jobs/$jobId" params={{ jobId: job.metadata.id }}>
          {job.metadata.name}
        </Link>
      ),
    },
    { title: t.jobs.phase, key: "phase", render: (_, job) => <PhaseTag phase={job.status.phase} /> },
    { title: t.jobs.engine, key: "engine", ellipsis: true, render: (_, job) => job.algorithm.engine?.engine_id },
    {
      title: t.jobs.resources,
      key: "resources",
      render: (_, job) => `${job.spec.resource.node_count} × ${job.spec.resource.flavor_id}`,
    },
    { title: t.jobs.duration, key: "duration", render: (_, job) => formatDuration(job.status.duration ?? 0) },
    { title: t.jobs.created, key: "created", render: (_, job) => formatTime(job.metadata.create_time, language) },
    { title: t.jobs.user, key: "user", render: (_, job) => job.metadata.user_name },
  ];
}

function BulkActions({ jobs, onDone }: { jobs: Job[]; onDone: () => void }) {
  const t = useMessages();
  const { message } = App.useApp();
  const { stop, remove } = useJobActions();
  const going = jobs.filter((job) => !isFinished(job.status.phase));
  const finished = jobs.filter((job) => isFinished(job.status.phase));
  const act = (mutation: typeof stop, which: Job[]) => () =>
    mutation.mutate(
      which.map((job) => job.metadata.id),
      { onSuccess: onDone, onError: (error) => void message.error(problemText(error, t)) },
    );
  return (
    <>
      <Popconfirm title={t.jobs.stopQuestion(going.length)} onConfirm={act(stop, going)} disabled={!going.length}>
        <Button disabled={!going.length} loading={stop.isPending}>
          {t.jobs.stop}
        </Button>
      </Popconfirm>
      <Popconfirm title={t.jobs.deleteQuestion(finished.length)} onConfirm={act(remove, finished)} disabled={!finished.length}>
        <Button danger disabled={!finished.length} loading={remove.isPending}>
          {t.jobs.delete}
        </Button>
      </Popconfirm>
    </>
  );
}
