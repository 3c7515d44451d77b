import { PlusOutlined } from "@ant-design/icons";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { Button, Empty, Flex, Table, Typography } from "antd";
import { useState } from "react";
import { useJobs } from "../../api/jobs";
import type { Job } from "../../api/types";
import { useMessages } from "../../app/preferences";
import { useSession } from "../../app/session";
import { CopyButton } from "../../components/copy-button";
import { Page } from "../../components/page";
import { Problem } from "../../components/problem";
import { BulkBar } from "./bulk";
import { useColumns } from "./columns";
import { FilterBar } from "./filter-bar";
import { isFiltered, PAGE_SIZE, pageOf } from "./filters";
import { SORTS, type ListSearch } from "./search";

/** The list of training jobs: searched, filtered, sorted and paged by the service, live while it is open. */
export function JobsPage() {
  const t = useMessages();
  const search = useSearch({ from: "/jobs" });
  const navigate = useNavigate({ from: "/jobs" });
  const session = useSession();
  const [chosen, setChosen] = useState<Job[]>([]);
  const jobs = useJobs(pageOf(search, session.user_id));
  const change = (fields: { [K in keyof ListSearch]?: ListSearch[K] | undefined }) =>
    void navigate({ search: (before) => ({ ...before, page: undefined, ...fields }) as ListSearch });

  return (
    <Page
      title={t.places.jobs}
      actions={
        <Link to="/jobs/new">
          <Button type="primary" icon={<PlusOutlined />}>
            {t.jobs.create}
          </Button>
        </Link>
      }
    >
      <FilterBar search={search} onChange={change} />
      <BulkBar jobs={chosen} onDone={() => setChosen([])} />
      {jobs.error && <Problem error={jobs.error} retry={() => void jobs.refetch()} />}
      {!(jobs.error && !jobs.data) && (
        <Table<Job>
          rowKey={(job) => job.metadata.id}
          columns={useColumns(search)}
          dataSource={jobs.data?.items ?? []}
          loading={jobs.isPending || jobs.isPlaceholderData}
          scroll={{ x: 1120 }}
          size="middle"
          rowSelection={{
            selectedRowKeys: chosen.map((job) => job.metadata.id),
            preserveSelectedRowKeys: true,
            onChange: (_, rows) => setChosen(rows),
            getCheckboxProps: (job) => ({ "aria-label": t.jobs.choose(job.metadata.name) }) as object,
            fixed: true,
          }}
          locale={{ emptyText: jobs.isPending ? <div style={{ height: 120 }} /> : <Nothing filtered={isFiltered(search)} /> }}
          onChange={(_, __, sorter, { action }) => {
            if (action !== "sort" || Array.isArray(sorter)) return;
            const sort = SORTS.find((name) => name === sorter.columnKey);
            change({ sort: sort === "create_time" ? undefined : sort, order: sorter.order === "ascend" ? "asc" : undefined });
          }}
          pagination={{
            current: search.page ?? 1,
            pageSize: search.size ?? PAGE_SIZE,
            total: jobs.data?.total ?? 0,
            showSizeChanger: true,
            pageSizeOptions: [20, 50, 100],
            showTotal: (total) => t.jobs.total(total),
            onChange: (page, size) => change({ page: page > 1 ? page : undefined, size: size === PAGE_SIZE ? undefined : size }),
          }}
        />
      )}
    </Page>
  );
}

const FIRST = "trainshed run train.py --engine pytorch";

/** What to do where there is no job: the first one, or other filters. */
function Nothing({ filtered }: { filtered: boolean }) {
  const t = useMessages();
  if (filtered) return <Empty description={t.jobs.noMatch} />;
  return (
    <Empty description={t.jobs.none}>
      <Flex vertical gap={12} align="center">
        <Link to="/jobs/new">
          <Button type="primary">{t.jobs.create}</Button>
        </Link>
        <Typography.Text type="secondary">{t.jobs.orByCommand}</Typography.Text>
        <Flex gap={8} align="center" wrap justify="center">
          <code className="mono">{FIRST}</code>
          <CopyButton text={FIRST} />
        </Flex>
      </Flex>
    </Empty>
  );
}
