import { Flex, Form, Select, Typography } from "antd";
import { useEngines } from "../../api/engines";
import type { EngineInfo } from "../../api/types";
import { useText } from "../../app/preferences";
import { text } from "./text";

/** Whether `pool` (any, where empty) offers an engine, and if not why. */
export function offerOf(engine: EngineInfo, pool: string): { available: boolean; reason?: string | undefined } {
  return engine.pools.find((offer) => offer.pool_id === pool) ?? { available: engine.available, reason: engine.reason };
}

interface Props {
  id?: string;
  value?: string;
  onChange?: (id: string) => void;
}

/** The catalogue by family; what the chosen pool does not offer is greyed, with the reason. */
export function EngineSelect({ id = "", value = "", onChange }: Props) {
  const t = useText(text);
  const pool = Form.useWatch<string | undefined>("pool") ?? "";
  const engines = useEngines();
  const items = engines.data?.items ?? [];
  const state: Record<string, string> = {
    ready: t.engineReady,
    building: t.engineBuilding,
    broken: t.engineBroken,
    absent: t.engineAbsent,
  };
  const option = (engine: EngineInfo) => {
    const offer = offerOf(engine, pool);
    return {
      value: engine.id,
      label: engine.id,
      disabled: !offer.available,
      note: offer.available ? (state[engine.environment.state] ?? "") : (offer.reason ?? ""),
    };
  };
  const first = (engine: EngineInfo) => (offerOf(engine, pool).available ? 0 : 1);
  const inOrder = [...items].sort((a, b) => first(a) - first(b));
  const families = [...new Set(inOrder.map((engine) => engine.family))];
  const options = families.map((family) => ({
    label: family,
    title: family,
    options: inOrder.filter((engine) => engine.family === family).map(option),
  }));
  return (
    <Select
      {...(id ? { id } : {})}
      {...(value ? { value } : {})}
      showSearch={{ optionFilterProp: "label" }}
      loading={engines.isPending}
      placeholder={t.chooseEngine}
      options={options}
      listHeight={360}
      onChange={(chosen: string) => onChange?.(chosen)}
      optionRender={(shown) => (
        <Flex vertical>
          <span style={{ whiteSpace: "normal", overflowWrap: "anywhere" }}>{shown.label}</span>
          <Typography.Text type="secondary" style={{ fontSize: 12, whiteSpace: "normal" }}>
            {(shown.data as { note?: string }).note}
          </Typography.Text>
        </Flex>
      )}
    />
  );
}
