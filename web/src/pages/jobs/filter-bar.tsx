import { SearchOutlined } from "@ant-design/icons";
import { Button, Checkbox, Flex, Input, Select } from "antd";
import { useEffect, useRef, useState } from "react";
import { useAlgorithmChoices } from "../../api/algorithms";
import { PHASES } from "../../api/types";
import { useMessages } from "../../app/preferences";
import { isFiltered } from "./filters";
import type { ListSearch } from "./search";

interface Props {
  search: ListSearch;
  /** Change the address; the list then starts at its first page. */
  onChange: (change: { [K in keyof ListSearch]?: ListSearch[K] | undefined }) => void;
}

/** What narrows the list; all of it is in the address, so that it can be shared and kept. */
export function FilterBar({ search, onChange }: Props) {
  const t = useMessages();
  return (
    <Flex gap={8} wrap align="center" style={{ marginBottom: 12 }} role="search">
      <NameField name={search.name ?? ""} onSearch={(name) => onChange({ name: name || undefined })} />
      <Select
        mode="multiple"
        allowClear
        maxTagCount="responsive"
        value={search.phase ?? []}
        placeholder={t.jobs.anyPhase}
        aria-label={t.jobs.anyPhase}
        options={PHASES.map((phase) => ({ value: phase, label: t.phases[phase] }))}
        onChange={(phase: string[]) => onChange({ phase: phase.length ? phase : undefined })}
        style={{ flex: "1 1 170px", maxWidth: 260 }}
      />
      <AlgorithmFilter value={search.algorithm} onChange={(algorithm) => onChange({ algorithm })} />
      <Flex gap={4} align="center">
        <Day label={t.jobs.from} value={search.from} onChange={(from) => onChange({ from })} />
        <span aria-hidden>–</span>
        <Day label={t.jobs.to} value={search.to} onChange={(to) => onChange({ to })} />
      </Flex>
      <Checkbox checked={search.mine === true} onChange={(event) => onChange({ mine: event.target.checked || undefined })}>
        {t.jobs.onlyMine}
      </Checkbox>
      {isFiltered(search) && (
        <Button
          type="link"
          onClick={() =>
            onChange({ name: undefined, phase: undefined, algorithm: undefined, from: undefined, to: undefined, mine: undefined })
          }
        >
          {t.jobs.clearFilters}
        </Button>
      )}
    </Flex>
  );
}

/** Searches a moment after the last key; follows the address when that changes by itself. */
function NameField({ name, onSearch }: { name: string; onSearch: (name: string) => void }) {
  const t = useMessages();
  const [typed, setTyped] = useState(name);
  const asked = useRef(name);
  const ask = useRef(onSearch);
  ask.current = onSearch;
  useEffect(() => {
    if (asked.current === name) return;
    asked.current = name;
    setTyped(name);
  }, [name]);
  useEffect(() => {
    if (typed === asked.current) return;
    const timer = setTimeout(() => {
      asked.current = typed;
      ask.current(typed);
    }, 350);
    return () => clearTimeout(timer);
  }, [typed]);
  return (
    <Input
      allowClear
      type="search"
      prefix={<SearchOutlined />}
      value={typed}
      placeholder={t.jobs.searchByName}
      aria-label={t.jobs.searchByName}
      onChange={(event) => setTyped(event.target.value)}
      style={{ flex: "1 1 200px", maxWidth: 280 }}
    />
  );
}

function AlgorithmFilter({ value, onChange }: { value: string | undefined; onChange: (id: string | undefined) => void }) {
  const t = useMessages();
  const [typed, setTyped] = useState("");
  const found = useAlgorithmChoices(typed);
  const options = (found.data?.items ?? []).map(({ metadata }) => ({ value: metadata.id, label: metadata.name }));
  return (
    <Select
      allowClear
      showSearch={{ filterOption: false, onSearch: setTyped }}
      {...(value ? { value } : {})}
      loading={found.isFetching}
      placeholder={t.jobs.anyAlgorithm}
      aria-label={t.jobs.anyAlgorithm}
      options={options}
      notFoundContent={t.jobs.noAlgorithm}
      onChange={(id?: string) => onChange(id)}
      style={{ flex: "1 1 150px", maxWidth: 220 }}
    />
  );
}

function Day({ label, value, onChange }: { label: string; value: string | undefined; onChange: (day: string | undefined) => void }) {
  return (
    <Input
      type="date"
      aria-label={label}
      title={label}
      value={value ?? ""}
      onChange={(event) => onChange(event.target.value || undefined)}
      style={{ width: 142 }}
    />
  );
}
