import { useNavigate, useSearch } from "@tanstack/react-router";
import { Button, Collapse, Empty, Flex, Input, Skeleton, Switch, Table, Tag, Typography } from "antd";
import { useState } from "react";
import { useEngines } from "../../api/engines";
import type { EngineInfo } from "../../api/types";
import { useText } from "../../app/preferences";
import { Page } from "../../components/page";
import { Problem } from "../../components/problem";
import { EngineDrawer } from "./drawer";
import { Environment } from "./environment";
import { text } from "./text";

/** The catalogue by family: where each engine can run, why not elsewhere, and its environment. */
export function EnginesPage() {
  const t = useText(text);
  const engines = useEngines();
  const { engine: shown } = useSearch({ from: "/engines" });
  const navigate = useNavigate({ from: "/engines" });
  const [wanted, setWanted] = useState("");
  const [onlyHere, setOnlyHere] = useState(false);
  if (engines.error && !engines.data) return <Problem error={engines.error} retry={() => void engines.refetch()} />;
  if (!engines.data) return <Skeleton active />;
  const items = engines.data.items.filter((engine) => matches(engine, wanted) && (engine.available || !onlyHere));
  const families = [...new Set(items.map((engine) => engine.family))];
  const open = (id: string) => void navigate({ search: { engine: id } });
  return (
    <Page title={t.title}>
      <Flex gap={16} align="center" wrap style={{ marginBottom: 12 }}>
        <Input.Search
          allowClear
          placeholder={t.search}
          aria-label={t.search}
          onChange={(event) => setWanted(event.target.value)}
          style={{ width: 260 }}
        />
        <Flex gap={8} align="center" component="label">
          <Switch checked={onlyHere} onChange={setOnlyHere} aria-label={t.onlyHere} /> {t.onlyHere}
        </Flex>
      </Flex>
      {families.length === 0 && <Empty description={t.none} />}
      <Collapse
        key={wanted + String(onlyHere)}
        defaultActiveKey={families}
        items={families.map((family) => {
          const members = items.filter((engine) => engine.family === family);
          return {
            key: family,
            label: <strong>{family}</strong>,
            extra: <Typography.Text type="secondary">{t.more(members.length)}</Typography.Text>,
            children: <Family engines={members} onOpen={open} />,
          };
        })}
      />
      <EngineDrawer
        engine={engines.data.items.find((engine) => engine.id === shown)}
        onClose={() => void navigate({ search: {} })}
      />
    </Page>
  );
}

function matches(engine: EngineInfo, wanted: string): boolean {
  const all = [engine.id, engine.family, engine.framework, ...engine.chips, ...engine.aliases].join(" ").toLowerCase();
  return wanted
    .toLowerCase()
    .split(/\s+/)
    .every((word) => all.includes(word));
}

function Family({ engines, onOpen }: { engines: EngineInfo[]; onOpen: (id: string) => void }) {
  const t = useText(text);
  return (
    <Table<EngineInfo>
      rowKey="id"
      size="small"
      tableLayout="fixed"
      scroll={{ x: 1000 }}
      pagination={false}
      dataSource={engines}
      columns={[
        {
          title: t.engine,
          key: "id",
          width: "32%",
          render: (_, engine) => (
            <Button type="link" className="mono link-text" onClick={() => onOpen(engine.id)}>
              {engine.id}
            </Button>
          ),
        },
        { title: "Python", dataIndex: "python", width: 90 },
        {
          title: t.runsOn,
          key: "chips",
          width: 220,
          render: (_, engine) => (
            <Flex gap={4} wrap>
              {engine.chips.map((chip) => (
                <Tag key={chip}>{chip}</Tag>
              ))}
              {engine.cuda && <Tag>{/^cann/i.test(engine.cuda) ? engine.cuda : `CUDA ${engine.cuda}`}</Tag>}
              {engine.archs.map((arch) => (
                <Tag key={arch}>{arch}</Tag>
              ))}
            </Flex>
          ),
        },
        {
          title: t.here,
          key: "here",
          width: 240,
          render: (_, engine) =>
            engine.available ? (
              <Tag color="success">{t.yes}</Tag>
            ) : (
              <Typography.Text type="secondary">{engine.reason}</Typography.Text>
            ),
        },
        {
          title: t.environment,
          key: "environment",
          width: 180,
          render: (_, engine) => <Environment engine={engine} onLog={() => onOpen(engine.id)} />,
        },
      ]}
    />
  );
}
