import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { Empty, Flex, Input, Table, Typography } from "antd";
import type { Algorithm } from "../../api/algorithms";
import { formatTime } from "../../app/format";
import { usePreferences, useText } from "../../app/preferences";
import { LinkButton } from "../../components/link-button";
import { Page } from "../../components/page";
import { Problem } from "../../components/problem";
import { CreateJobLink } from "./actions";
import { useAlgorithms } from "./api";
import { text } from "./text";

const PAGE_SIZE = 20;

/** The project's algorithms, newest first. */
export function AlgorithmsPage() {
  const t = useText(text);
  const { language } = usePreferences();
  const { name = "", page = 1 } = useSearch({ from: "/algorithms" });
  const navigate = useNavigate({ from: "/algorithms" });
  const algorithms = useAlgorithms({ name, offset: (page - 1) * PAGE_SIZE, limit: PAGE_SIZE });
  const create = (
    <LinkButton to="/algorithms/new" color="primary" variant="solid">
      {t.create}
    </LinkButton>
  );
  return (
    <Page title={t.title} actions={create}>
      <Flex style={{ marginBottom: 12 }}>
        <Input.Search
          allowClear
          defaultValue={name}
          placeholder={t.search}
          aria-label={t.search}
          onSearch={(wanted) => void navigate({ search: wanted ? { name: wanted } : {} })}
          style={{ width: 260 }}
        />
      </Flex>
      {algorithms.error && !algorithms.data ? (
        <Problem error={algorithms.error} retry={() => void algorithms.refetch()} />
      ) : (
        <Table<Algorithm>
          rowKey={(algorithm) => algorithm.metadata.id}
          size="middle"
          scroll={{ x: "max-content" }}
          loading={algorithms.isPending}
          dataSource={algorithms.data?.items ?? []}
          locale={{ emptyText: <Empty description={name ? t.noMatch : t.none}>{!name && create}</Empty> }}
          pagination={{
            current: page,
            pageSize: PAGE_SIZE,
            total: algorithms.data?.total ?? 0,
            hideOnSinglePage: true,
            showSizeChanger: false,
            onChange: (next) => void navigate({ search: (before) => ({ ...before, page: next }) }),
          }}
          columns={[
            { title: t.name, key: "name", render: (_, algorithm) => <Name algorithm={algorithm} /> },
            { title: t.version, key: "version", render: (_, algorithm) => algorithm.metadata.version_num },
            {
              title: t.engine,
              key: "engine",
              className: "mono",
              render: ({ job_config: { engine } }: Algorithm) => engine?.engine_id || engine?.image_url,
            },
            { title: t.user, key: "user", render: (_, algorithm) => algorithm.metadata.user_name },
            {
              title: t.changed,
              key: "changed",
              render: (_, algorithm) => formatTime(algorithm.metadata.update_time, language),
            },
            {
              key: "actions",
              align: "right",
              render: (_, algorithm) => <CreateJobLink algorithm={algorithm} size="small" />,
            },
          ]}
        />
      )}
    </Page>
  );
}

function Name({ algorithm }: { algorithm: Algorithm }) {
  return (
    <>
      <Link to="/algorithms/$algorithmId" params={{ algorithmId: algorithm.metadata.id }}>
        {algorithm.metadata.name}
      </Link>
      {algorithm.metadata.description && (
        <Typography.Paragraph type="secondary" ellipsis style={{ margin: 0, maxWidth: 320 }}>
          {algorithm.metadata.description}
        </Typography.Paragraph>
      )}
    </>
  );
}
