import { DatabaseOutlined, DeleteOutlined, DownloadOutlined, FileOutlined, FolderOutlined } from "@ant-design/icons";
import { App, Breadcrumb, Button, Empty, Flex, Popconfirm, Table, Tooltip, type TableColumnsType } from "antd";
import { useMemo } from "react";
import { objectUrl, useBuckets, useFolder, useStorageActions, type StoredObject } from "../../api/storage";
import { formatBytes, formatTime } from "../../app/format";
import { useMessages, usePreferences, useText } from "../../app/preferences";
import { useProjectId } from "../../app/session";
import { Problem, problemText } from "../problem";
import { text } from "./text";
import { Toolbar } from "./toolbar";
import { DropArea, UploadProgress } from "./uploads";
import { bucketUri, crumbs } from "./uri";
import { useUploads } from "./use-uploads";

interface Props {
  /** The folder that is shown, as `obs://bucket/folder/`; empty for the list of buckets. */
  uri: string;
  onOpen: (uri: string) => void;
  /** Whether files are uploaded and deleted here. */
  editable?: boolean;
  /** Where files are chosen: the one that is, and what to do when one is. */
  chosen?: string;
  onChoose?: (uri: string) => void;
  /** Where files are looked at: what to do when one is opened. */
  onShow?: (uri: string, size: number) => void;
}

/** Buckets and what is in them, a folder at a time. */
export function BucketBrowser({ uri, onOpen, editable = true, chosen, onChoose, onShow }: Props) {
  const t = useText(text);
  const uploads = useUploads();
  const way = crumbs(uri);
  const link = (name: string, to: string) => (
    <Button type="link" size="small" style={{ padding: 0, height: "auto" }} onClick={() => onOpen(to)}>
      {name}
    </Button>
  );
  return (
    <Flex vertical gap={12}>
      <Flex justify="space-between" align="center" gap={8} wrap>
        <nav aria-label={t.path}>
          <Breadcrumb
            items={[
              { key: "", title: way.length ? link(t.buckets, "") : t.buckets },
              ...way.map((crumb, i) => ({
                key: crumb.uri,
                title: i === way.length - 1 ? crumb.name : link(crumb.name, crumb.uri),
              })),
            ]}
          />
        </nav>
        {editable && uri && <Toolbar uri={uri} uploads={uploads} onOpen={onOpen} />}
      </Flex>
      <UploadProgress uploads={uploads} />
      {uri ? (
        <DropArea onDrop={(files) => editable && uploads.add(uri, files)}>
          <Folder
            key={uri}
            uri={uri}
            onOpen={onOpen}
            editable={editable}
            chosen={chosen}
            onChoose={onChoose}
            onShow={onShow}
          />
        </DropArea>
      ) : (
        <Buckets onOpen={onOpen} />
      )}
    </Flex>
  );
}

function Buckets({ onOpen }: { onOpen: (uri: string) => void }) {
  const t = useText(text);
  const buckets = useBuckets();
  if (buckets.error && !buckets.data) return <Problem error={buckets.error} retry={() => void buckets.refetch()} />;
  return (
    <Table
      rowKey="name"
      size="small"
      pagination={false}
      loading={buckets.isPending}
      dataSource={buckets.data?.items ?? []}
      locale={{ emptyText: <Empty description={t.noBuckets} /> }}
      columns={[
        {
          title: t.name,
          key: "name",
          render: (_, bucket) => (
            <Opener name={bucket.name} icon={<DatabaseOutlined aria-hidden />} onClick={() => onOpen(bucketUri(bucket.name))} />
          ),
        },
      ]}
    />
  );
}

function Opener({ name, icon, onClick }: { name: string; icon: React.ReactNode; onClick: () => void }) {
  return (
    <Button type="link" icon={icon} onClick={onClick} style={{ padding: 0, height: "auto", whiteSpace: "normal", textAlign: "start" }}>
      <span style={{ overflowWrap: "anywhere" }}>{name}</span>
    </Button>
  );
}

interface FolderProps {
  uri: string;
  onOpen: (uri: string) => void;
  editable: boolean;
  chosen: string | undefined;
  onChoose: ((uri: string) => void) | undefined;
  onShow: ((uri: string, size: number) => void) | undefined;
}

function Folder({ uri, onOpen, editable, chosen, onChoose, onShow }: FolderProps) {
  const t = useText(text);
  const folder = useFolder(uri);
  const columns = useColumns(uri, onOpen, editable, (object) => {
    if (onChoose) return () => onChoose(uri + object.key);
    return onShow && (() => onShow(uri + object.key, object.size));
  });
  const objects = useMemo(() => folder.data?.pages.flatMap((page) => page.objects) ?? [], [folder.data]);
  if (folder.error && !folder.data) return <Problem error={folder.error} retry={() => void folder.refetch()} />;
  return (
    <>
      <Table<StoredObject>
        rowKey={(object) => uri + object.key}
        size="small"
        virtual={objects.length > 200}
        scroll={objects.length > 200 ? { x: 420, y: 420 } : { x: 420 }}
        pagination={false}
        loading={folder.isPending}
        dataSource={objects}
        columns={columns}
        locale={{ emptyText: <Empty description={editable ? t.emptyFolder : t.emptyPick} /> }}
        onRow={(object) => ({ "aria-selected": uri + object.key === chosen })}
        rowClassName={(object) => (uri + object.key === chosen ? "ant-table-row-selected" : "")}
      />
      {folder.hasNextPage && (
        <Button loading={folder.isFetchingNextPage} onClick={() => void folder.fetchNextPage()}>
          {t.more}
        </Button>
      )}
    </>
  );
}

function useColumns(
  uri: string,
  onOpen: (uri: string) => void,
  editable: boolean,
  openerOf: (file: StoredObject) => (() => void) | undefined,
): TableColumnsType<StoredObject> {
  const t = useText(text);
  const { language } = usePreferences();
  const name = (object: StoredObject) => {
    const at = uri + object.key;
    if (object.is_directory) return <Opener name={object.key} icon={<FolderOutlined aria-hidden />} onClick={() => onOpen(at)} />;
    const onClick = openerOf(object);
    if (onClick) return <Opener name={object.key} icon={<FileOutlined aria-hidden />} onClick={onClick} />;
    return (
      <span style={{ overflowWrap: "anywhere" }}>
        <FileOutlined aria-hidden /> {object.key}
      </span>
    );
  };
  return [
    { title: t.name, key: "name", render: (_, object) => name(object) },
    {
      title: t.size,
      key: "size",
      width: 96,
      align: "right",
      render: (_, object) => (object.is_directory ? "" : formatBytes(object.size)),
    },
    {
      title: t.changed,
      key: "mtime",
      width: 190,
      responsive: ["md"],
      render: (_, object) => (object.is_directory ? "" : formatTime(object.mtime, language)),
    },
    ...(editable
      ? [
          {
            title: <span className="sr-only">{t.actions}</span>,
            key: "actions",
            width: 88,
            render: (_: unknown, object: StoredObject) => <Actions uri={uri + object.key} object={object} />,
          },
        ]
      : []),
  ];
}

function Actions({ uri, object }: { uri: string; object: StoredObject }) {
  const t = useText(text);
  const messages = useMessages();
  const projectId = useProjectId();
  const { message } = App.useApp();
  const { remove } = useStorageActions();
  const folder = object.is_directory;
  return (
    <Flex justify="end">
      {!folder && (
        <Tooltip title={t.download(object.key)}>
          <Button
            type="text"
            size="small"
            icon={<DownloadOutlined />}
            aria-label={t.download(object.key)}
            href={objectUrl(projectId, uri)}
            download={object.key}
          />
        </Tooltip>
      )}
      <Popconfirm
        title={folder ? t.removeFolder(object.key) : t.removeFile(object.key)}
        okText={t.delete}
        okButtonProps={{ danger: true }}
        onConfirm={() =>
          remove.mutateAsync({ uri, recursive: folder }).catch((error: unknown) => {
            void message.error(problemText(error, messages));
          })
        }
      >
        <Button type="text" size="small" danger icon={<DeleteOutlined />} aria-label={t.remove(object.key)} />
      </Popconfirm>
    </Flex>
  );
}
