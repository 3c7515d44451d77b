import { Link, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { Alert, Button, Descriptions, Flex, Skeleton, Table, Tabs, Tag } from "antd";
import { lazy, Suspense } from "react";
import { useAlgorithm, type Algorithm } from "../../api/algorithms";
import { formatBytes, formatTime } from "../../app/format";
import { usePreferences, useText } from "../../app/preferences";
import { Page } from "../../components/page";
import { Problem } from "../../components/problem";
import { CreateJobLink, DeleteButton, EditLink } from "./actions";
import { useVersions, type Declared, type Version } from "./api";
import { Declaration } from "./declaration";
import { valuesOf } from "./form-model";
import { text } from "./text";

const CodeTab = lazy(() => import("./code-tab").then((module) => ({ default: module.CodeTab })));

/** One algorithm: what it declares, its code, its versions. */
export function AlgorithmPage() {
  const { algorithmId } = useParams({ from: "/algorithms/$algorithmId" });
  const { version } = useSearch({ from: "/algorithms/$algorithmId" });
  const algorithm = useAlgorithm(algorithmId);
  const versions = useVersions(algorithmId);
  const error = algorithm.error ?? (version ? versions.error : null);
  if (error && !algorithm.data) return <Problem error={error} retry={() => void algorithm.refetch()} />;
  if (!algorithm.data || (version && !versions.data)) return <Skeleton active />;
  const older = versions.data?.items.find((one) => one.version_num === version);
  return <Loaded algorithm={algorithm.data} declared={older ?? algorithm.data} older={older} />;
}

interface LoadedProps {
  algorithm: Algorithm;
  declared: Declared;
  older: Version | undefined;
}

function Loaded({ algorithm, declared, older }: LoadedProps) {
  const t = useText(text);
  const { id, name, version_num } = algorithm.metadata;
  const search = useSearch({ from: "/algorithms/$algorithmId" });
  const navigate = useNavigate({ from: "/algorithms/$algorithmId" });
  const isOld = older !== undefined && older.version_num !== version_num;
  return (
    <Page
      title={name}
      actions={
        <>
          <CreateJobLink algorithm={algorithm} />
          {isOld ? <EditLink id={id} version={older.version_num} label={t.editThis} /> : <EditLink id={id} label={t.edit} />}
          <DeleteButton algorithm={algorithm} />
        </>
      }
    >
      <Facts algorithm={algorithm} />
      {isOld && (
        <Alert
          type="info"
          showIcon
          style={{ margin: "8px 0" }}
          title={t.olderVersion(older.version_num)}
          action={
            <Button size="small" onClick={() => void navigate({ search: ({ version: _, ...rest }) => rest })}>
              {t.toNewest}
            </Button>
          }
        />
      )}
      <Tabs
        activeKey={search.tab ?? "declaration"}
        onChange={(tab) => void navigate({ search: (before) => ({ ...before, tab }) })}
        destroyOnHidden
        items={[
          {
            key: "declaration",
            label: t.declaration,
            children: <Declaration values={valuesOf(algorithm, declared)} declared={declared} />,
          },
          {
            key: "code",
            label: t.code,
            children: (
              <Suspense fallback={<Skeleton active />}>
                <CodeTab codeDir={declared.job_config.code_dir} bootFile={declared.job_config.boot_file} />
              </Suspense>
            ),
          },
          { key: "versions", label: t.versions, children: <Versions algorithm={algorithm} /> },
        ]}
      />
      <Link to="/algorithms">{t.all}</Link>
    </Page>
  );
}

function Facts({ algorithm }: { algorithm: Algorithm }) {
  const t = useText(text);
  const { language } = usePreferences();
  const meta = algorithm.metadata;
  return (
    <Descriptions
      size="small"
      column={{ xs: 1, sm: 2, lg: 4 }}
      items={[
        { key: "version", label: t.version, children: meta.version_num },
        { key: "changed", label: t.changed, children: formatTime(meta.update_time, language) },
        { key: "user", label: t.user, children: meta.user_name },
        { key: "size", label: t.size, children: formatBytes(meta.size) },
        ...(meta.description ? [{ key: "description", label: t.description, children: meta.description }] : []),
      ]}
    />
  );
}

function Versions({ algorithm }: { algorithm: Algorithm }) {
  const t = useText(text);
  const { language } = usePreferences();
  const { id, version_num } = algorithm.metadata;
  const versions = useVersions(id);
  if (versions.error && !versions.data) return <Problem error={versions.error} retry={() => void versions.refetch()} />;
  return (
    <Table<Version>
      rowKey="version_num"
      size="small"
      scroll={{ x: "max-content" }}
      loading={versions.isPending}
      dataSource={versions.data?.items ?? []}
      pagination={{ pageSize: 20, hideOnSinglePage: true }}
      columns={[
        {
          title: t.version,
          key: "version",
          render: (_, one) => (
            <Flex gap={8}>
              {one.version_num}
              {one.version_num === version_num && <Tag color="blue">{t.newest}</Tag>}
            </Flex>
          ),
        },
        { title: t.created, key: "created", render: (_, one) => formatTime(one.create_time, language) },
        { title: t.codeDir, key: "code", className: "mono", render: (_, one) => one.job_config.code_dir },
        { title: t.engine, key: "engine", className: "mono", render: (_, one) => one.job_config.engine?.engine_id },
        { title: t.parameters, key: "parameters", render: (_, one) => one.job_config.parameters?.length ?? 0 },
        {
          key: "show",
          align: "right",
          render: (_, one) => (
            <Link
              to="/algorithms/$algorithmId"
              params={{ algorithmId: id }}
              search={{ version: one.version_num }}
              aria-label={`${t.show}: ${t.versionNumber(one.version_num)}`}
            >
              {t.show}
            </Link>
          ),
        },
      ]}
    />
  );
}
