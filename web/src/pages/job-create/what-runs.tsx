import { Alert, Form, Radio, Select, Typography } from "antd";
import { useState } from "react";
import { useAlgorithmChoices } from "../../api/algorithms";
import { useEngines } from "../../api/engines";
import { useText } from "../../app/preferences";
import { CodeFields } from "./code";
import { EngineSelect, offerOf } from "./engine-select";
import type { Algorithm, JobForm } from "./model";
import type { Rules } from "./rules";
import { text } from "./text";

interface Props {
  source: JobForm["source"];
  algorithm: Algorithm | undefined;
  rules: Rules;
  /** Called when another algorithm, or none, is to run. */
  onSource: (source: JobForm["source"]) => void;
  onAlgorithm: (found: Algorithm) => void;
}

/** What the job runs: an algorithm of the project, or code of its own with an engine. */
export function WhatRuns({ source, algorithm, rules, onSource, onAlgorithm }: Props) {
  const t = useText(text);
  return (
    <>
      <Form.Item name="source" style={{ marginBottom: 16 }}>
        <Radio.Group
          optionType="button"
          options={[
            { value: "code", label: t.fromCode },
            { value: "algorithm", label: t.fromAlgorithm },
          ]}
          onChange={(event) => onSource(event.target.value as JobForm["source"])}
        />
      </Form.Item>
      {source === "algorithm" ? (
        <AlgorithmField algorithm={algorithm} rules={rules} onAlgorithm={onAlgorithm} />
      ) : (
        <>
          <CodeFields rules={rules} />
          <Form.Item name="engine" label={t.engine} rules={[rules.required]}>
            <EngineSelect />
          </Form.Item>
        </>
      )}
    </>
  );
}

function AlgorithmField({ algorithm, rules, onAlgorithm }: Pick<Props, "algorithm" | "rules" | "onAlgorithm">) {
  const t = useText(text);
  const [wanted, setWanted] = useState("");
  const found = useAlgorithmChoices(wanted);
  const items = found.data?.items ?? [];
  const known = algorithm && !items.some((item) => item.metadata.id === algorithm.metadata.id) ? [algorithm, ...items] : items;
  return (
    <>
      <Form.Item name="algorithm" label={t.algorithm} rules={[{ ...rules.required }]}>
        <Select
          showSearch={{ filterOption: false, onSearch: setWanted }}
          loading={found.isFetching}
          placeholder={t.chooseAlgorithm}
          notFoundContent={found.isPending ? null : t.noAlgorithms}
          options={known.map((item) => ({ value: item.metadata.id, label: `${item.metadata.name} · v${item.metadata.version_num}` }))}
          onChange={(id: string) => {
            const chosen = known.find((item) => item.metadata.id === id);
            if (chosen) onAlgorithm(chosen);
          }}
        />
      </Form.Item>
      {algorithm && <AlgorithmFacts algorithm={algorithm} />}
    </>
  );
}

function AlgorithmFacts({ algorithm }: { algorithm: Algorithm }) {
  const t = useText(text);
  const pool = Form.useWatch<string | undefined>("pool") ?? "";
  const engines = useEngines().data?.items ?? [];
  const { job_config: config, metadata } = algorithm;
  const id = config.engine?.engine_id ?? "";
  const engine = engines.find((item) => item.id === id);
  const offer = engine ? offerOf(engine, pool) : undefined;
  return (
    <>
      {metadata.description && <Typography.Paragraph>{metadata.description}</Typography.Paragraph>}
      <Typography.Paragraph type="secondary" className="mono" style={{ overflowWrap: "anywhere" }}>
        {config.code_dir} · {config.boot_file}
        <br />
        {id}
      </Typography.Paragraph>
      {offer && !offer.available && <Alert type="warning" showIcon title={t.algorithmUnavailable(id, offer.reason ?? "")} />}
    </>
  );
}
