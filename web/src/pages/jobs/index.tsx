import { PlusOutlined } from "@ant-design/icons";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { Empty, Flex } from "antd";
import { useState } from "react";
import { useJobs } from "../../api/jobs";
import type { Job } from "../../api/types";
import { useMessages } from "../../app/preferences";
import { useSession } from "../../app/session";
import { CopyButton } from "../../components/copy-button";
import { LinkButton } from "../../components/link-button";
import { Page } from "../../components/page";
import { Problem } from "../../components/problem";
import { BulkBar } from "./bulk";
import { FilterBar } from "./filter-bar";
import { isFiltered, pageOf } from "./filters";
import type { ListSearch } from "./search";
import { JobsTable } from "./table";

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
        <LinkButton to="/jobs/new" color="primary" variant="solid" icon={<PlusOutlined />}>
          {t.jobs.create}
        </LinkButton>
      }
    >
      <FilterBar search={search} onChange={change} />
      <BulkBar jobs={chosen} onDone={() => setChosen([])} />
      {jobs.error && <Problem error={jobs.error} retry={() => void jobs.refetch()} />}
      {!(jobs.error && !jobs.data) && (
        <JobsTable
          search={search}
          jobs={jobs.data?.items ?? []}
          total={jobs.data?.total ?? 0}
          stale={jobs.isPending || jobs.isPlaceholderData}
          chosen={chosen}
          onChoose={setChosen}
          onChange={change}
          empty={<Nothing filtered={isFiltered(search)} />}
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
        <LinkButton to="/jobs/new" color="primary" variant="solid">
          {t.jobs.create}
        </LinkButton>
        <span className="secondary">{t.jobs.orByCommand}</span>
        <Flex gap={8} align="center" wrap justify="center">
          <code className="mono">{FIRST}</code>
          <CopyButton text={FIRST} />
        </Flex>
      </Flex>
    </Empty>
  );
}
