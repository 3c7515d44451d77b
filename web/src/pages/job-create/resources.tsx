import { Form, InputNumber, Select, Typography } from "antd";
import { useEngines } from "../../api/engines";
import { useFlavors, usePools, type Flavor } from "../../api/pools";
import { formatBytes } from "../../app/format";
import { useText } from "../../app/preferences";
import { useSession } from "../../app/session";
import type { Algorithm } from "./model";
import { text } from "./text";

/** Pool, flavor, nodes and priority; what does not fit is greyed with the reason. */
export function Resources({ algorithm }: { algorithm: Algorithm | undefined }) {
  const t = useText(text);
  const session = useSession();
  const pools = usePools().data?.items ?? [];
  const options = useFlavorOptions(algorithm);
  const flavor = Form.useWatch<string | undefined>("flavor") ?? "";
  const most = options.find((option) => option.value === flavor)?.most;
  return (
    <div className="form-grid">
      {pools.length > 1 && (
        <Form.Item name="pool" label={t.pool}>
          <Select options={pools.map((pool) => ({ value: pool.metadata.name, label: `${pool.metadata.name} · ${pool.spec.type}` }))} />
        </Form.Item>
      )}
      <Form.Item name="flavor" label={t.flavor}>
        <Select
          options={[{ value: "", label: t.flavorDefault, note: "", disabled: false }, ...options]}
          optionRender={(shown) => (
            <>
              {shown.label}
              <Typography.Text type="secondary" style={{ display: "block", fontSize: 12, whiteSpace: "normal" }}>
                {(shown.data as { note?: string }).note}
              </Typography.Text>
            </>
          )}
        />
      </Form.Item>
      <Form.Item name="nodes" label={t.nodes} {...(most ? { extra: t.nodesMost(most) } : {})} rules={[{ required: true, type: "integer", min: 1 }]}>
        <InputNumber min={1} precision={0} style={{ width: "100%" }} />
      </Form.Item>
      <Form.Item name="processes" label={t.processes} extra={t.processesHelp} getValueProps={(value: number) => ({ value: value || null })} normalize={(value: number | null) => value ?? 0}>
        <InputNumber min={1} max={1024} precision={0} style={{ width: "100%" }} />
      </Form.Item>
      <Form.Item name="priority" label={t.priority}>
        <Select
          options={[1, 2, 3].map((value) => {
            const closed = value === 3 && !session.admin;
            return { value, disabled: closed, label: `${t.priorities[value]}${closed ? ` (${t.adminsOnly})` : ""}` };
          })}
        />
      </Form.Item>
    </div>
  );
}

interface FlavorOption {
  value: string;
  label: string;
  note: string;
  disabled: boolean;
  most: number;
}

function useFlavorOptions(algorithm: Algorithm | undefined): FlavorOption[] {
  const t = useText(text);
  const pool = Form.useWatch<string | undefined>("pool") ?? "";
  const wanted = Form.useWatch<string | undefined>("engine") ?? "";
  const flavors = useFlavors().data?.flavors ?? [];
  const engine = (useEngines().data?.items ?? []).find((item) => item.id === wanted);
  const allowed = (algorithm?.resource_requirements ?? [])
    .filter((rule) => rule.key === "flavor_type" && (rule.operator ?? "in") === "in")
    .flatMap((rule) => rule.values ?? rule.value ?? [])
    .map((value) => value.toLowerCase());
  const whyNot = (flavor: Flavor) => {
    if (engine && !engine.chips.includes(flavor.flavor_type)) return t.flavorUnfit(engine.chips.join(", "));
    if (allowed.length && !allowed.includes(flavor.flavor_type.toLowerCase())) return t.flavorForbidden(allowed.join(", "));
    return "";
  };
  return flavors
    .filter((flavor) => !pool || flavor.pool_id === pool)
    .map((flavor) => {
      const reason = whyNot(flavor);
      return {
        value: flavor.flavor_id,
        label: flavor.flavor_name,
        note: [describe(flavor, t), reason].filter(Boolean).join(" · "),
        disabled: reason !== "",
        most: flavor.max_num,
      };
    });
}

function describe(flavor: Flavor, t: (typeof text)["en"]): string {
  const info = flavor.flavor_info;
  const cpus = flavor.attributes?.cpu ?? String(info.cpu.core_num);
  const memory = Number(flavor.attributes?.memory_mb ?? 0) * 1024 ** 2 || info.memory.size * 1024 ** 3;
  const card = info.gpu ?? info.npu;
  const cards = card && Number(card.unit_num) > 0 ? `${card.unit_num} × ${card.product_name || flavor.flavor_type}` : "";
  return t.flavorText(cpus, formatBytes(memory), cards);
}
