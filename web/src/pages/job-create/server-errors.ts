import { ApiError } from "../../api/errors";
import type { JobForm } from "./model";

/** Where a field is in the form. */
export type FieldPath = (string | number)[];

const BY_CODE: Record<string, FieldPath> = {
  "TrainShed.1003": ["name"],
  "TrainShed.1004": ["boot_file"],
  "TrainShed.1005": ["boot_file"],
  "TrainShed.1010": ["engine"],
  "TrainShed.1011": ["engine"],
  "TrainShed.1012": ["flavor"],
  "TrainShed.1013": ["nodes"],
  "TrainShed.1019": ["pool"],
  "TrainShed.1020": ["code_dir"],
  "TrainShed.4002": ["algorithm"],
  "TrainShed.5001": ["name"],
};

const BY_START: [RegExp, FieldPath][] = [
  [/^description /, ["description"]],
  [/^(spec\.resource\.)?node_count/, ["nodes"]],
  [/^(\d+ processes a node|spec\.resource\.processes)/, ["processes"]],
  [/^(priority |only an admin may give the highest priority)/, ["priority"]],
  [/^auto_stop/, ["stop_hours"]],
  [/^log_export_path/, ["log_path"]],
  [/^annotation fault-tolerance\/job-retry-num/, ["restarts"]],
  [/^working_dir/, ["working_dir"]],
  [/^local_code_dir/, ["local_code_dir"]],
  [/^command /, ["command"]],
  [/^spec\.grace_s/, ["grace_s"]],
];

/** Rows that a sentence may name, with the field of the row that it is about. */
const ROWS = [
  { rows: "inputs", field: "uri" },
  { rows: "outputs", field: "uri" },
  { rows: "parameters", field: "value" },
  { rows: "environments", field: "value" },
  { rows: "metrics", field: "value" },
] as const;

/** The field that the service complains about; undefined where that cannot be told. */
export function fieldOf(error: unknown, form: JobForm): FieldPath | undefined {
  if (!(error instanceof ApiError)) return undefined;
  const { english, code } = error;
  const start = BY_START.find(([pattern]) => pattern.test(english));
  return start?.[1] ?? rowOf(english, form) ?? byUri(english, form) ?? BY_CODE[code];
}

/** The service names a channel, parameter or variable in quotes, or after its kind. */
function rowOf(message: string, form: JobForm): FieldPath | undefined {
  const named = /^(?:the algorithm has no )?(input|output|hyperparameter|parameter name|channel|environment variable|metric) '?([^' ]+)'?/.exec(message);
  const name = named?.[2]?.replace(/:$/, "");
  if (!name) return undefined;
  for (const { rows, field } of ROWS) {
    const index = form[rows].findIndex((row) => row?.name === name);
    if (index >= 0) return [rows, index, named?.[1] === "parameter name" ? "name" : field];
  }
  return undefined;
}

/** A place in storage that a sentence shows belongs to the field that holds it. */
function byUri(message: string, form: JobForm): FieldPath | undefined {
  const shown = (uri: string | undefined) => Boolean(uri && uri.length > 6 && message.includes(uri.replace(/\/$/, "")));
  if (shown(form.boot_file) && message.startsWith("boot file")) return ["boot_file"];
  for (const rows of ["inputs", "outputs"] as const) {
    const index = form[rows].findIndex((row) => shown(row?.uri));
    if (index >= 0) return [rows, index, "uri"];
  }
  if (shown(form.log_path)) return ["log_path"];
  return form.source === "code" && shown(form.code_dir) ? ["code_dir"] : undefined;
}
