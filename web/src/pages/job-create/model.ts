import type { components } from "../../api/schema";
import type { Job } from "../../api/types";

type Schemas = components["schemas"];

export type Algorithm = Schemas["AlgorithmModel"];
export type Constraint = Schemas["ParameterConstraint"];

/** `T` with everything optional: what has a default need not be sent. */
type Sparse<T> = T extends (infer Item)[] ? Sparse<Item>[] : T extends object ? { [K in keyof T]?: Sparse<T[K]> } : T;
export type JobBody = Sparse<Schemas["JobRequest"]>;

/** What the service shows in place of a secret value. */
const MASK = "******";

export interface ParameterRow {
  name: string;
  value: string;
  /** Passed as `--name`, without a value. */
  flag?: boolean;
}

export interface ChannelRow {
  name: string;
  uri: string;
  access: "parameter" | "env";
  /** Outputs: whether the job gets what is there already. */
  predownload?: boolean;
  local_dir?: string;
}

export interface PairRow {
  name: string;
  value: string;
}

/** Everything that the form holds; what is empty is left to the service. */
export interface JobForm {
  name: string;
  description: string;
  source: "algorithm" | "code";
  algorithm: string;
  code_dir: string;
  boot_file: string;
  command: string;
  working_dir: string;
  local_code_dir: string;
  engine: string;
  parameters: ParameterRow[];
  inputs: ChannelRow[];
  outputs: ChannelRow[];
  environments: PairRow[];
  metrics: PairRow[];
  /** Notes on the job; those of `ANNOTATIONS` have fields of their own. */
  annotations: PairRow[];
  pool: string;
  flavor: string;
  nodes: number;
  processes: number;
  priority: number;
  log_path: string;
  stop_hours: number;
  restarts: number;
  unconditional: boolean;
  hang_restart: boolean;
  grace_s: number;
  /** Empty for what the pool does. */
  warm_start: "" | "yes" | "no";
}

export const EMPTY: JobForm = {
  name: "",
  description: "",
  source: "code",
  algorithm: "",
  code_dir: "",
  boot_file: "",
  command: "",
  working_dir: "",
  local_code_dir: "",
  engine: "",
  parameters: [],
  inputs: [],
  outputs: [],
  environments: [],
  metrics: [],
  annotations: [],
  pool: "",
  flavor: "",
  nodes: 1,
  processes: 0,
  priority: 1,
  log_path: "",
  stop_hours: 0,
  restarts: 0,
  unconditional: false,
  hang_restart: false,
  grace_s: 30,
  warm_start: "",
};

export const ANNOTATIONS = {
  restarts: "fault-tolerance/job-retry-num",
  unconditional: "fault-tolerance/job-unconditional-retry",
  hang: "fault-tolerance/hang-retry",
} as const;

const OWN: ReadonlySet<string> = new Set(Object.values(ANNOTATIONS));

function isYes(value: string | undefined): boolean {
  return ["true", "1", "yes", "on"].includes((value ?? "").trim().toLowerCase());
}

const HOURS: Record<string, number> = { HOURS: 1, DAYS: 24, MINUTES: 1 / 60, SECONDS: 1 / 3600 };

/** What an algorithm brings: its parameters with their defaults, its channels without a place. */
export function valuesOfAlgorithm(algorithm: Algorithm): Partial<JobForm> {
  const { job_config: config, metadata } = algorithm;
  return {
    source: "algorithm",
    algorithm: metadata.id,
    engine: config.engine?.engine_id ?? "",
    parameters: (config.parameters ?? []).map((p) => ({ name: p.name ?? "", value: p.value ?? "" })),
    inputs: (config.inputs ?? []).map((c) => channel(c)),
    outputs: (config.outputs ?? []).map((c) => ({ ...channel(c), predownload: false })),
  };
}

/** The form as it was when `job` was created, under a name of its own. */
export function valuesOfJob(job: Job): JobForm {
  const { algorithm, spec, metadata } = job;
  const notes = metadata.annotations ?? {};
  const stop = spec.auto_stop as { time_unit?: string; duration?: number } | null | undefined;
  return {
    ...EMPTY,
    name: nextName(metadata.name),
    description: metadata.description ?? "",
    source: algorithm.id ? "algorithm" : "code",
    algorithm: algorithm.id ?? "",
    code_dir: algorithm.code_dir ?? "",
    boot_file: algorithm.boot_file ?? "",
    command: algorithm.command ?? "",
    working_dir: algorithm.working_dir ?? "",
    local_code_dir: algorithm.local_code_dir ?? "",
    engine: algorithm.engine.engine_id,
    parameters: (algorithm.parameters ?? []).map((p) => ({
      name: p.name ?? "",
      value: p.value === MASK ? "" : (p.value ?? ""),
      ...(p.flag ? { flag: true } : {}),
    })),
    inputs: (algorithm.inputs ?? []).map(channel),
    outputs: (algorithm.outputs ?? []).map((c) => ({ ...channel(c), predownload: Boolean(c.predownload) })),
    environments: Object.entries(algorithm.environments ?? {}).map(([name, value]) => ({ name, value })),
    metrics: Object.entries(algorithm.metrics ?? {}).map(([name, value]) => ({ name, value })),
    pool: spec.resource.pool_id,
    flavor: spec.resource.flavor_id,
    nodes: spec.resource.node_count,
    processes: spec.resource.processes ?? 0,
    priority: spec.schedule_policy.priority,
    log_path: spec.log_export_path?.obs_url ?? "",
    stop_hours: (stop?.duration ?? 0) * (HOURS[(stop?.time_unit ?? "HOURS").toUpperCase()] ?? 1),
    restarts: Number(notes[ANNOTATIONS.restarts] ?? 0) || 0,
    unconditional: isYes(notes[ANNOTATIONS.unconditional]),
    hang_restart: isYes(notes[ANNOTATIONS.hang]),
    annotations: Object.entries(notes).flatMap(([name, value]) => (OWN.has(name) ? [] : [{ name, value }])),
    grace_s: spec.grace_s,
    warm_start: spec.warm_start ? "yes" : "",
  };
}

interface WireChannel {
  name?: string;
  access_method?: string;
  local_dir?: string;
  remote?: { obs?: { obs_url?: string } | null } | null;
}

function channel(found: WireChannel): ChannelRow {
  return {
    name: found.name ?? "",
    uri: found.remote?.obs?.obs_url ?? "",
    access: found.access_method === "env" ? "env" : "parameter",
    ...(found.local_dir ? { local_dir: found.local_dir } : {}),
  };
}

/** `mnist-2` after `mnist-1` or `mnist`; at most 64 characters. */
export function nextName(name: string): string {
  const match = /^(.*?)-(\d{1,6})$/.exec(name);
  const number = match ? Number(match[2]) + 1 : 2;
  const tail = `-${number}`;
  return (match?.[1] ?? name).slice(0, 64 - tail.length) + tail;
}

/** The request that creates the job, with nothing in it that is the service's to choose. */
export function bodyOf(form: JobForm): JobBody {
  const inline = form.source === "code";
  const algorithm = {
    ...(inline ? { code_dir: form.code_dir.trim(), boot_file: form.boot_file.trim() } : { id: form.algorithm }),
    ...(inline && form.engine ? { engine: { engine_id: form.engine } } : {}),
    ...given("command", inline ? form.command : ""),
    ...given("working_dir", form.working_dir),
    ...given("local_code_dir", form.local_code_dir),
    ...list("parameters", form.parameters.map(parameterOf)),
    ...list("inputs", form.inputs.map(channelOf)),
    ...list("outputs", form.outputs.map((row) => ({ ...channelOf(row), ...(row.predownload ? { predownload: true } : {}) }))),
    ...pairs("environments", form.environments),
    ...pairs("metrics", form.metrics),
  };
  return {
    kind: "job",
    metadata: {
      name: form.name.trim(),
      ...given("description", form.description),
      ...pairs("annotations", annotationsOf(form)),
    },
    algorithm,
    spec: specOf(form),
  };
}

function specOf(form: JobForm) {
  return {
    resource: {
      ...given("pool_id", form.pool),
      ...given("flavor_id", form.flavor),
      node_count: form.nodes,
      ...(form.processes ? { processes: form.processes } : {}),
    },
    ...(form.priority === 1 ? {} : { schedule_policy: { priority: form.priority } }),
    ...(form.log_path.trim() ? { log_export_path: { obs_url: form.log_path.trim() } } : {}),
    ...(form.stop_hours > 0 ? { auto_stop: autoStop(form.stop_hours) } : {}),
    ...(form.grace_s === EMPTY.grace_s ? {} : { grace_s: form.grace_s }),
    ...(form.warm_start ? { warm_start: form.warm_start === "yes" } : {}),
  };
}

function autoStop(hours: number) {
  if (Number.isInteger(hours)) return { time_unit: "HOURS", duration: hours };
  const minutes = hours * 60;
  return Number.isInteger(minutes)
    ? { time_unit: "MINUTES", duration: minutes }
    : { time_unit: "SECONDS", duration: Math.max(1, Math.round(hours * 3600)) };
}

/** All annotations that the form asks for. */
export function annotationsOf(form: JobForm): PairRow[] {
  return [
    ...(form.restarts > 0 ? [{ name: ANNOTATIONS.restarts, value: String(form.restarts) }] : []),
    ...(form.unconditional ? [{ name: ANNOTATIONS.unconditional, value: "true" }] : []),
    ...(form.hang_restart ? [{ name: ANNOTATIONS.hang, value: "true" }] : []),
    ...form.annotations.filter((row) => row?.name),
  ];
}

function parameterOf(row: ParameterRow) {
  return row.flag ? { name: row.name, flag: true } : { name: row.name, value: row.value ?? "" };
}

function channelOf(row: ChannelRow) {
  return {
    name: row.name,
    ...(row.access === "env" ? { access_method: "env" } : {}),
    ...given("local_dir", row.local_dir ?? ""),
    remote: { obs: { obs_url: (row.uri ?? "").trim() } },
  };
}

function given<K extends string>(key: K, value: string): Partial<Record<K, string>> {
  return value.trim() ? ({ [key]: value.trim() } as Record<K, string>) : {};
}

function list<K extends string, T>(key: K, rows: T[]): Partial<Record<K, T[]>> {
  return rows.length ? ({ [key]: rows } as Record<K, T[]>) : {};
}

function pairs<K extends string>(key: K, rows: PairRow[]): Partial<Record<K, Record<string, string>>> {
  const found = Object.fromEntries(rows.filter((row) => row?.name).map((row) => [row.name, row.value ?? ""]));
  return Object.keys(found).length ? ({ [key]: found } as Record<K, Record<string, string>>) : {};
}
