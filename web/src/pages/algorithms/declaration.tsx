import { Descriptions, Flex, Table, Tag, Typography } from "antd";
import type { ReactNode } from "react";
import { useText } from "../../app/preferences";
import type { Declared } from "./api";
import type { FormValues, ParameterValues } from "./form-model";
import { text } from "./text";

/** What an algorithm declares, to be read. */
export function Declaration({ values, declared }: { values: FormValues; declared: Declared }) {
  const t = useText(text);
  const delivery = (access: string) => (access === "env" ? t.byVariable : t.byArgument);
  return (
    <Flex vertical gap={20}>
      <Descriptions
        size="small"
        bordered
        column={{ xs: 1, lg: 2 }}
        items={[
          { key: "dir", label: t.codeDir, children: <Mono>{values.codeDir}</Mono> },
          values.command
            ? { key: "command", label: t.command, children: <Mono>{values.command}</Mono> }
            : { key: "boot", label: t.bootFile, children: <Mono>{values.bootFile}</Mono> },
          {
            key: "engine",
            label: values.image ? t.image : t.engine,
            children: <Mono>{values.image ?? declared.job_config.engine?.engine_id}</Mono>,
          },
          { key: "chips", label: t.chips, children: values.chips.length ? values.chips.join(", ") : t.anyChip },
          { key: "cards", label: t.manyCards, children: values.manyCards ? t.yes : t.no },
          { key: "nodes", label: t.manyNodes, children: values.manyNodes ? t.yes : t.no },
        ]}
      />
      <Section title={t.inputs}>
        <Channels
          rows={values.inputs.map((input) => ({
            name: input.name,
            delivery: delivery(input.access),
            description: input.description ?? "",
            extra: { dataset: t.dataset, obs: t.storagePath }[input.dataType ?? ""] ?? input.dataType ?? t.anything,
          }))}
          extra={t.accepts}
        />
      </Section>
      <Section title={t.outputs}>
        <Channels
          rows={values.outputs.map((output) => ({
            name: output.name,
            delivery: delivery(output.access),
            description: output.description ?? "",
            extra: output.predownload ? t.predownload : "",
          }))}
          extra=""
        />
      </Section>
      <Section title={t.parameters}>
        <Parameters parameters={values.parameters} />
        <Typography.Text type="secondary">
          {t.custom}: {values.custom ? t.yes : t.no}
        </Typography.Text>
      </Section>
      {values.searched && values.search && (
        <Section title={t.policy}>
          <Descriptions
            size="small"
            bordered
            column={{ xs: 1, lg: 2 }}
            items={[
              { key: "metric", label: t.metric, children: `${values.search.metric} · ${t.modes[values.search.mode]}` },
              { key: "regex", label: t.regex, children: <Mono>{values.search.regex}</Mono> },
              { key: "algorithm", label: t.algorithm, children: values.search.algorithm },
              {
                key: "searched",
                label: t.searchedParameters,
                children: values.search.parameters.map((one) => (
                  <div key={one.name}>
                    <Mono>
                      {one.name}: {one.kind === "discrete" ? one.values?.join(", ") : `${one.low} – ${one.high}`}
                    </Mono>
                  </div>
                )),
              },
            ]}
          />
        </Section>
      )}
    </Flex>
  );
}

function Mono({ children }: { children: ReactNode }) {
  return (
    <span className="mono" style={{ overflowWrap: "anywhere" }}>
      {children || "–"}
    </span>
  );
}

function Section({ title, children }: { title: string; children: ReactNode }) {
  return (
    <section>
      <Typography.Title level={2} style={{ fontSize: 16, marginTop: 0 }}>
        {title}
      </Typography.Title>
      {children}
    </section>
  );
}

interface ChannelRow {
  name: string;
  delivery: string;
  description: string;
  extra: string;
}

function Channels({ rows, extra }: { rows: ChannelRow[]; extra: string }) {
  const t = useText(text);
  return (
    <Table<ChannelRow>
      rowKey="name"
      size="small"
      pagination={false}
      scroll={{ x: "max-content" }}
      dataSource={rows}
      locale={{ emptyText: t.noParameters }}
      columns={[
        { title: t.parameter, dataIndex: "name", className: "mono" },
        { title: t.delivery, dataIndex: "delivery" },
        { title: extra, dataIndex: "extra" },
        { title: t.description, dataIndex: "description" },
      ]}
    />
  );
}

function Parameters({ parameters }: { parameters: ParameterValues[] }) {
  const t = useText(text);
  const allowed = (one: ParameterValues) => {
    if (one.rule === "Range") return `${one.low || "−∞"} – ${one.high || "∞"}`;
    return one.rule === "Choice" ? (one.choices ?? []).join(", ") : t.rules.None;
  };
  return (
    <Table<ParameterValues>
      rowKey="name"
      size="small"
      pagination={false}
      scroll={{ x: "max-content" }}
      dataSource={parameters}
      locale={{ emptyText: t.noParameters }}
      columns={[
        { title: t.name, dataIndex: "name", className: "mono" },
        { title: t.type, dataIndex: "type" },
        { title: t.value, key: "value", className: "mono", render: (_, one) => (one.sensitive ? "••••" : one.value) },
        { title: t.rule, key: "rule", render: (_, one) => allowed(one) },
        {
          key: "flags",
          render: (_, one) => (
            <>
              {one.required && <Tag color="blue">{t.required}</Tag>}
              {one.editable && <Tag>{t.editable}</Tag>}
              {one.sensitive && <Tag>{t.sensitive}</Tag>}
            </>
          ),
        },
        { title: t.description, dataIndex: "description" },
      ]}
    />
  );
}
