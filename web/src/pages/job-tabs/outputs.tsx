import { DownloadOutlined, FileOutlined, FolderOutlined } from "@ant-design/icons";
import { Alert, Breadcrumb, Button, Empty, Flex, Modal, Table, Tooltip } from "antd";
import { useMemo, useState } from "react";
import { useOutputs } from "../../api/job-details";
import { objectUrl } from "../../api/storage";
import { formatBytes, formatTime } from "../../app/format";
import { useMessages, usePreferences } from "../../app/preferences";
import { useProjectId } from "../../app/session";
import { FilePreview } from "../../components/file-preview";
import { Problem } from "../../components/problem";
import type { TabProps } from "../job/tabs";
import { entriesOf, type Entry, type OutputFile } from "./files";

/** The files that the job wrote to its outputs: browsed, looked at, downloaded. */
export function OutputsTab({ job, live }: TabProps) {
  const t = useMessages();
  const { language } = usePreferences();
  const outputs = useOutputs(job.metadata.id, live);
  const channels = job.algorithm.outputs ?? [];
  const only = channels.length === 1 ? `${channels[0]?.name ?? ""}/` : "";
  const [folder, setFolder] = useState(only);
  const [shown, setShown] = useState<OutputFile | null>(null);
  const entries = useMemo(() => entriesOf(outputs.data?.outputs ?? [], folder), [outputs.data, folder]);
  if (outputs.error && !outputs.data) return <Problem error={outputs.error} retry={() => void outputs.refetch()} />;
  return (
    <Flex vertical gap={12}>
      <Way folder={folder} onOpen={setFolder} />
      {outputs.data?.truncated && <Alert type="info" showIcon title={t.job.manyOutputs} />}
      <Table<Entry>
        rowKey="path"
        size="small"
        scroll={{ x: 560 }}
        loading={outputs.isPending}
        dataSource={entries}
        locale={{ emptyText: <Empty description={channels.length === 0 ? t.job.noChannels : t.job.noOutputs} /> }}
        pagination={{ pageSize: 100, hideOnSinglePage: true, showSizeChanger: false }}
        columns={[
          { title: t.job.file, key: "name", render: (_, entry) => <Name entry={entry} onOpen={setFolder} onShow={setShown} /> },
          { title: t.job.size, key: "size", width: 110, align: "right", render: (_, entry) => formatBytes(entry.size) },
          { title: t.job.changed, key: "mtime", width: 200, render: (_, entry) => formatTime(entry.mtime * 1000, language) },
          {
            key: "actions",
            title: <span className="sr-only">{t.logs.download}</span>,
            width: 56,
            render: (_, { file }) => file && <Download file={file} />,
          },
        ]}
      />
      {shown && (
        <Modal open title={nameOf(shown)} footer={null} width={900} onCancel={() => setShown(null)}>
          <FilePreview uri={shown.uri} size={shown.size} />
        </Modal>
      )}
    </Flex>
  );
}

function Way({ folder, onOpen }: { folder: string; onOpen: (folder: string) => void }) {
  const t = useMessages();
  const names = folder.split("/").filter(Boolean);
  const crumbs = [{ name: t.job.outputs, to: "" }, ...names.map((name, i) => ({ name, to: `${names.slice(0, i + 1).join("/")}/` }))];
  return (
    <nav aria-label={t.job.outputs}>
      <Breadcrumb
        items={crumbs.map(({ name, to }) => ({
          key: to,
          title:
            to === folder ? (
              name
            ) : (
              <Button type="link" size="small" style={{ padding: 0, height: "auto" }} onClick={() => onOpen(to)}>
                {name}
              </Button>
            ),
        }))}
      />
    </nav>
  );
}

interface NameProps {
  entry: Entry;
  onOpen: (folder: string) => void;
  onShow: (file: OutputFile) => void;
}

function Name({ entry, onOpen, onShow }: NameProps) {
  const { file } = entry;
  return (
    <Button
      type="link"
      icon={file ? <FileOutlined aria-hidden /> : <FolderOutlined aria-hidden />}
      onClick={() => (file ? onShow(file) : onOpen(entry.path))}
      style={{ padding: 0, height: "auto", whiteSpace: "normal", textAlign: "start" }}
    >
      <span style={{ overflowWrap: "anywhere" }}>{entry.name}</span>
    </Button>
  );
}

function Download({ file }: { file: OutputFile }) {
  const t = useMessages();
  const projectId = useProjectId();
  const label = t.job.download(nameOf(file));
  return (
    <Tooltip title={label}>
      <Button
        type="text"
        size="small"
        icon={<DownloadOutlined />}
        aria-label={label}
        href={objectUrl(projectId, file.uri)}
        download={nameOf(file)}
      />
    </Tooltip>
  );
}

function nameOf(file: OutputFile): string {
  return file.key.slice(file.key.lastIndexOf("/") + 1);
}
