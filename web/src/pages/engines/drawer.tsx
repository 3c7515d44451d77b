import { Alert, Descriptions, Drawer, Flex, Table, Tag, Typography } from "antd";
import { useEffect, useRef } from "react";
import type { EngineInfo } from "../../api/types";
import { formatBytes, formatDuration, formatTime } from "../../app/format";
import { usePreferences, useText } from "../../app/preferences";
import { Environment } from "./environment";
import { text } from "./text";
import { useBuildLog } from "./use-build-log";

type Offer = EngineInfo["pools"][number];

/** One engine: what it is, which pools can run it and why others cannot, and the log of its build. */
export function EngineDrawer({ engine, onClose }: { engine: EngineInfo | undefined; onClose: () => void }) {
  const t = useText(text);
  if (!engine) return null;
  return (
    <Drawer open size={760} title={<span className="mono wrap">{engine.id}</span>} onClose={onClose}>
      <Flex vertical gap={16}>
        {engine.note && <Alert type="info" showIcon title={engine.note} />}
        <Facts engine={engine} />
        <Offers offers={engine.pools} />
        <Flex gap={12} align="center" wrap>
          <strong>{t.environment}</strong>
          <Environment engine={engine} />
        </Flex>
        {engine.environment.error && <Alert type="error" showIcon title={engine.environment.error} />}
        <BuildLog engine={engine} />
      </Flex>
    </Drawer>
  );
}

function Facts({ engine }: { engine: EngineInfo }) {
  const t = useText(text);
  const { language } = usePreferences();
  const { size, built_at, build_seconds, used_at } = engine.environment;
  const facts: [string, string][] = [
    [t.framework, `${engine.framework} ${engine.framework_version}`],
    ["Python", engine.python],
    [t.runsOn, [...engine.chips, ...engine.archs].join(", ")],
    [t.launcher, engine.launcher],
    [t.system, engine.system],
    ["CUDA", engine.cuda],
    [t.image, engine.image],
    [t.aliases, engine.aliases.join(", ")],
    [t.size, size ? formatBytes(size) : ""],
    [t.built, built_at ? formatTime(built_at * 1000, language) : ""],
    [t.took, build_seconds ? formatDuration(build_seconds * 1000) : ""],
    [t.used, used_at ? formatTime(used_at * 1000, language) : ""],
    [t.command, `trainshed run train.py --engine ${engine.id}`],
  ];
  return (
    <Descriptions
      size="small"
      bordered
      column={1}
      items={facts
        .filter(([, value]) => value)
        .map(([label, value]) => ({ key: label, label, children: <span className="wrap">{value}</span> }))}
    />
  );
}

function Offers({ offers }: { offers: Offer[] }) {
  const t = useText(text);
  return (
    <Table<Offer>
      rowKey="pool_id"
      size="small"
      pagination={false}
      dataSource={offers}
      columns={[
        { title: t.pool, dataIndex: "pool_id" },
        {
          title: t.here,
          key: "available",
          render: (_, offer) => <Tag color={offer.available ? "success" : "default"}>{offer.available ? t.yes : t.no}</Tag>,
        },
        { title: t.reason, dataIndex: "reason" },
      ]}
    />
  );
}

/** The log of the last build, followed while it goes on. */
function BuildLog({ engine }: { engine: EngineInfo }) {
  const t = useText(text);
  const building = engine.environment.state === "building";
  const log = useBuildLog(engine);
  const box = useRef<HTMLPreElement>(null);
  useEffect(() => {
    if (building && box.current) box.current.scrollTop = box.current.scrollHeight;
  }, [log, building]);
  return (
    <section aria-label={t.log}>
      <Typography.Title level={2} style={{ fontSize: 15, marginTop: 0 }}>
        {t.log}
      </Typography.Title>
      <pre ref={box} className="build-log mono" tabIndex={0} role="log" aria-label={t.log}>
        {log || t.noLog}
      </pre>
    </section>
  );
}
