import { Button, Empty, Table } from "antd";
import { useOutputs } from "../../api/job-details";
import { url } from "../../api/http";
import type { components } from "../../api/schema";
import { formatBytes, formatTime } from "../../app/format";
import { useMessages, usePreferences } from "../../app/preferences";
import { useProjectId } from "../../app/session";
import { Problem } from "../../components/problem";
import type { TabProps } from "../job";

type OutputFile = components["schemas"]["OutputFile"];

/** The files that the job wrote to its outputs. */
export function OutputsTab({ job, live }: TabProps) {
  const t = useMessages();
  const { language } = usePreferences();
  const projectId = useProjectId();
  const outputs = useOutputs(job.metadata.id, live);
  if (outputs.error && !outputs.data) return <Problem error={outputs.error} retry={() => void outputs.refetch()} />;
  return (
    <Table<OutputFile>
      rowKey="uri"
      size="small"
      scroll={{ x: 560 }}
      loading={outputs.isPending}
      dataSource={outputs.data?.outputs ?? []}
      locale={{ emptyText: <Empty description={t.job.noOutputs} /> }}
      pagination={{ pageSize: 50, hideOnSinglePage: true }}
      columns={[
        { title: t.job.channel, dataIndex: "channel" },
        { title: t.job.file, dataIndex: "key", className: "mono" },
        { title: t.job.size, dataIndex: "size", align: "right", render: (size: number) => formatBytes(size) },
        { title: t.job.changed, dataIndex: "mtime", render: (time: number) => formatTime(time * 1000, language) },
        {
          key: "download",
          render: (_, file) => (
            <Button
              size="small"
              href={url(`/v2/${projectId}/objects`, { uri: file.uri })}
              download={file.key.split("/").pop() ?? "output"}
            >
              {t.logs.download}
            </Button>
          ),
        },
      ]}
    />
  );
}
