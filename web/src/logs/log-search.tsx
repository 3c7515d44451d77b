import { LeftOutlined, RightOutlined, SearchOutlined } from "@ant-design/icons";
import { Button, Flex, Input, Spin, Tooltip, Typography } from "antd";
import { useState, type KeyboardEvent } from "react";
import type { LogQuestion, SearchResult } from "../api/logs";
import { useMessages } from "../app/preferences";
import { problemText } from "../components/problem";

interface Props {
  search: (question: LogQuestion) => Promise<SearchResult>;
  onFound: (found: { question: LogQuestion; result: SearchResult } | null) => void;
  onHit: (offset: number) => void;
}

/** Searches the whole log on the service; Enter and the arrows go from hit to hit. */
export function LogSearch({ search, onFound, onHit }: Props) {
  const t = useMessages();
  const [question, setQuestion] = useState<LogQuestion>({ text: "", regex: false, ignoreCase: true });
  const [found, setFound] = useState<{ question: LogQuestion; result: SearchResult } | null>(null);
  const [index, setIndex] = useState(0);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<unknown>(null);
  const hits = found?.result.matches ?? [];

  const forget = () => {
    setFound(null);
    setProblem(null);
    onFound(null);
  };
  const ask = async (asked: LogQuestion) => {
    if (!asked.text) return forget();
    setBusy(true);
    try {
      const kept = { question: asked, result: await search(asked) };
      setProblem(null);
      setFound(kept);
      onFound(kept);
      show(kept.result, 0);
    } catch (error) {
      forget();
      setProblem(error);
    } finally {
      setBusy(false);
    }
  };
  const show = (result: SearchResult, to: number) => {
    const hit = result.matches[(to + result.matches.length) % Math.max(1, result.matches.length)];
    if (!hit) return;
    setIndex(result.matches.indexOf(hit));
    onHit(hit.offset);
  };
  const onEnter = (event: KeyboardEvent) => {
    if (found && found.question === question) show(found.result, index + (event.shiftKey ? -1 : 1));
    else void ask(question);
  };
  const change = (fields: Partial<LogQuestion>) => {
    const next = { ...question, ...fields };
    setQuestion(next);
    if (fields.text === "") forget();
    else if (fields.text === undefined && found) void ask(next);
  };

  return (
    <Flex gap={4} align="center" wrap>
      <Input
        allowClear
        type="search"
        prefix={busy ? <Spin size="small" /> : <SearchOutlined />}
        value={question.text}
        placeholder={t.logs.search}
        aria-label={t.logs.search}
        onChange={(event) => change({ text: event.target.value })}
        onPressEnter={onEnter}
        style={{ width: 250 }}
      />
      <Toggle label={t.logs.matchCase} on={!question.ignoreCase} onChange={(on) => change({ ignoreCase: !on })}>
        Aa
      </Toggle>
      <Toggle label={t.logs.regex} on={question.regex} onChange={(regex) => change({ regex })}>
        .*
      </Toggle>
      {found && (
        <>
          <Typography.Text role="status">
            {hits.length === 0 ? t.logs.noHit : t.logs.hit(index + 1, hits.length, found.result.truncated)}
          </Typography.Text>
          <Button size="small" icon={<LeftOutlined />} aria-label={t.logs.previousHit} disabled={hits.length < 2} onClick={() => show(found.result, index - 1)} />
          <Button size="small" icon={<RightOutlined />} aria-label={t.logs.nextHit} disabled={hits.length < 2} onClick={() => show(found.result, index + 1)} />
        </>
      )}
      {problem !== null && (
        <Typography.Text type="danger" role="alert">
          {problemText(problem, t)}
        </Typography.Text>
      )}
    </Flex>
  );
}

function Toggle({ label, on, onChange, children }: { label: string; on: boolean; onChange: (on: boolean) => void; children: string }) {
  return (
    <Tooltip title={label}>
      <Button size="small" type={on ? "primary" : "default"} ghost={on} className="mono" aria-label={label} aria-pressed={on} onClick={() => onChange(!on)}>
        {children}
      </Button>
    </Tooltip>
  );
}
