import { App, Button, Flex, Progress, Tag } from "antd";
import { useBuildEngine } from "../../api/engines";
import type { EngineInfo } from "../../api/types";
import { formatBytes } from "../../app/format";
import { useMessages, useText } from "../../app/preferences";
import { MemberOnly } from "../../components/member-only";
import { problemText } from "../../components/problem";
import { text } from "./text";

const COLOURS = { absent: "default", building: "processing", ready: "success", broken: "error" };

type State = keyof typeof COLOURS;

/** The state of an engine's environment, and what can be done about it. */
export function Environment({ engine, onLog }: { engine: EngineInfo; onLog?: () => void }) {
  const t = useText(text);
  const { state, percent, size } = engine.environment;
  const known = state as State;
  if (state === "building") {
    return (
      <Flex gap={8} align="center">
        <Progress
          percent={Math.round(percent)}
          size="small"
          aria-label={`${t.states.building}: ${engine.id}`}
          style={{ minWidth: 90 }}
        />
        {onLog && (
          <Button size="small" onClick={onLog}>
            {t.log}
          </Button>
        )}
      </Flex>
    );
  }
  if (state === "absent" && !engine.available) return null;
  return (
    <Flex gap={8} align="center" wrap>
      <Tag color={COLOURS[known]}>
        {t.states[known]}
        {size > 0 && ` · ${formatBytes(size)}`}
      </Tag>
      {engine.available && state !== "ready" && (
        <MemberOnly>
          <BuildButton id={engine.id} />
        </MemberOnly>
      )}
      {state === "broken" && onLog && (
        <Button size="small" onClick={onLog}>
          {t.log}
        </Button>
      )}
    </Flex>
  );
}

function BuildButton({ id }: { id: string }) {
  const t = useText(text);
  const m = useMessages();
  const { message } = App.useApp();
  const build = useBuildEngine();
  return (
    <Button
      size="small"
      title={t.buildHelp}
      aria-label={`${t.build}: ${id}`}
      loading={build.isPending}
      onClick={() => build.mutate(id, { onError: (error) => void message.error(problemText(error, m)) })}
    >
      {t.build}
    </Button>
  );
}
