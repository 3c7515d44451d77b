import { Descriptions, Flex, Form, InputNumber, Progress, Typography } from "antd";
import { formatBytes } from "../../app/format";
import { useText } from "../../app/preferences";
import { useSession } from "../../app/session";
import { Problem } from "../../components/problem";
import { useList, type Schemas } from "./api";
import { FormButton } from "./form-button";
import { text } from "./text";

type Limits = Schemas["QuotaModel"];

const GIB = 2 ** 30;

/** How much a project may have at once, and how much of it it has; changed by administrators. */
export function Quota({ project }: { project: Schemas["ProjectModel"] }) {
  const t = useText(text);
  const { admin } = useSession();
  const path = `/v1/projects/${project.id}/quota`;
  const found = useList<Schemas["QuotaAnswer"]>(path);
  if (found.error) return <Problem error={found.error} retry={() => void found.refetch()} />;
  if (!found.data) return null;
  const { quota, used } = found.data;
  const items = [
    { key: "jobs", label: t.quotaJobs, children: <Share used={used.jobs} limit={quota.jobs} shown={String} /> },
    { key: "cards", label: t.quotaCards, children: <Share used={used.cards} limit={quota.cards} shown={String} /> },
    {
      key: "storage",
      label: t.quotaStorage,
      children: <Share used={used.storage_bytes ?? undefined} limit={quota.storage_bytes} shown={formatBytes} />,
    },
    { key: "hours", label: t.quotaHours, children: quota.job_hours ? t.hours(quota.job_hours) : t.noLimit },
    { key: "queued", label: t.quotaQueued, children: used.queued },
  ];
  return (
    <section style={{ margin: "24px 0" }}>
      <Flex gap={12} align="center" style={{ marginBottom: 12 }}>
        <Typography.Title level={2} style={{ fontSize: 16, margin: 0 }}>
          {t.quotaOf(project.name)}
        </Typography.Title>
        {admin && <Change path={path} quota={quota} name={project.name} />}
      </Flex>
      <Descriptions size="small" bordered column={{ xs: 1, sm: 1, md: 2, xl: 3 }} items={items} />
    </section>
  );
}

interface ShareProps {
  used: number | undefined;
  limit: number | null | undefined;
  shown: (value: number) => string;
}

function Share({ used, limit, shown }: ShareProps) {
  const t = useText(text);
  const have = used === undefined ? t.notMeasured : shown(used);
  if (limit === null || limit === undefined) return `${have} · ${t.noLimit}`;
  const percent = limit === 0 ? 100 : Math.min(100, Math.round((100 * (used ?? 0)) / limit));
  return (
    <>
      {t.usedOf(have, shown(limit))}
      <Progress percent={percent} size="small" status={percent >= 100 ? "exception" : "normal"} aria-label={t.usedOf(have, shown(limit))} />
    </>
  );
}

interface QuotaForm extends Omit<Limits, "storage_bytes"> {
  storage_gib?: number | null;
}

function Change({ path, quota, name }: { path: string; quota: Limits; name: string }) {
  const t = useText(text);
  const { storage_bytes, ...others } = quota;
  const field = (key: keyof QuotaForm, label: string, max: number, min = 0) => (
    <Form.Item name={key} label={label}>
      <InputNumber min={min} max={max} placeholder={t.noLimit} style={{ width: "100%" }} />
    </Form.Item>
  );
  return (
    <FormButton<Schemas["QuotaAnswer"], QuotaForm>
      small
      label={t.changeQuota}
      title={t.quotaOf(name)}
      send={t.save}
      method="PUT"
      path={path}
      initial={{ ...others, storage_gib: storage_bytes === null || storage_bytes === undefined ? null : storage_bytes / GIB }}
      body={({ storage_gib, ...values }) => ({
        ...values,
        storage_bytes: storage_gib === null || storage_gib === undefined ? null : Math.round(storage_gib * GIB),
      })}
    >
      <Typography.Paragraph type="secondary">{t.quotaHelp}</Typography.Paragraph>
      {field("jobs", t.quotaJobs, 1_000_000)}
      {field("cards", t.quotaCards, 1_000_000)}
      {field("storage_gib", `${t.quotaStorage} (GiB)`, 8_000_000)}
      {field("job_hours", `${t.quotaHours} (${t.hoursUnit})`, 10_000, 1)}
    </FormButton>
  );
}
