import { App, Button, Progress, Skeleton, Table, Tag, Typography } from "antd";
import { useBuildEngine, useEngines } from "../../api/engines";
import type { EngineInfo } from "../../api/types";
import { formatBytes } from "../../app/format";
import { useMessages } from "../../app/preferences";
import { Page } from "../../components/page";
import { Problem, problemText } from "../../components/problem";

/** The catalogue: where each engine can run, why not elsewhere, and the state of its environment. */
export function EnginesPage() {
  const t = useMessages();
  const engines = useEngines();
  if (engines.error && !engines.data) return <Problem error={engines.error} retry={() => void engines.refetch()} />;
  if (!engines.data) return <Skeleton active />;
  const items = engines.data.items;
  const families = [...new Set(items.map((engine) => engine.family))];
  return (
    <Page title={t.places.engines}>
      <Table<EngineInfo>
        rowKey="id"
        size="middle"
        scroll={{ x: 900 }}
        pagination={false}
        dataSource={items}
        columns={[
          {
            title: t.engines.engine,
            key: "id",
            render: (_, engine) => (
              <>
                <Typography.Text className="mono">{engine.id}</Typography.Text>
                {engine.note && (
                  <div>
                    <Typography.Text type="secondary">{engine.note}</Typography.Text>
                  </div>
                )}
              </>
            ),
          },
          {
            title: t.engines.family,
            dataIndex: "family",
            filters: families.map((family) => ({ text: family, value: family })),
            onFilter: (value, engine) => engine.family === value,
          },
          { title: "Python", dataIndex: "python" },
          { title: t.engines.chips, key: "chips", render: (_, engine) => engine.chips.map((chip) => <Tag key={chip}>{chip}</Tag>) },
          {
            title: t.engines.available,
            key: "available",
            render: (_, engine) =>
              engine.available ? <Tag color="success">{t.engines.yes}</Tag> : <Typography.Text type="secondary">{engine.reason}</Typography.Text>,
          },
          { title: t.engines.environment, key: "environment", render: (_, engine) => <Environment engine={engine} /> },
        ]}
      />
    </Page>
  );
}

function Environment({ engine }: { engine: EngineInfo }) {
  const t = useMessages();
  const { message } = App.useApp();
  const build = useBuildEngine();
  const { state, percent, size } = engine.environment;
  if (state === "ready") return <Tag color="success">{t.engines.ready(size ? formatBytes(size) : "")}</Tag>;
  if (state === "building") return <Progress percent={Math.round(percent ?? 0)} size="small" style={{ minWidth: 120 }} />;
  if (!engine.available) return null;
  return (
    <>
      {state === "broken" && <Tag color="error">{t.engines.broken}</Tag>}
      <Button
        size="small"
        loading={build.isPending}
        onClick={() => build.mutate(engine.id, { onError: (error) => void message.error(problemText(error, t)) })}
      >
        {t.engines.build}
      </Button>
    </>
  );
}
