import { ANNOTATIONS, annotationsOf, type JobForm } from "./model";

/** A word as a POSIX shell takes it. */
export function quote(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'"'"'`)}'`;
}

/** The command line that creates the same job, one option a line. */
export function commandOf(form: JobForm): string {
  const lines = [`trainshed jobs create ${quote(form.name.trim() || "NAME")}`, ...options(form)];
  const parameters = form.parameters
    .filter((row) => row?.name)
    .map((row) => quote(row.flag ? `--${row.name}` : `--${row.name}=${row.value ?? ""}`));
  if (parameters.length) lines.push(`-- ${parameters.join(" ")}`);
  return lines.join(" \\\n  ");
}

function options(form: JobForm): string[] {
  const found: string[] = [];
  const add = (option: string, value: string | number | undefined) => {
    if (value !== undefined && value !== "" && value !== 0) found.push(`${option} ${quote(String(value))}`);
  };
  if (form.source === "algorithm") add("--algorithm", form.algorithm || "ALGORITHM");
  else {
    add("--code-dir", form.code_dir.trim() || "obs://");
    add("--boot-file", form.boot_file.trim());
    add("--engine", form.engine);
    add("--command", form.command.trim());
  }
  for (const row of form.inputs) add("--input", `${row.name}=${row.uri ?? ""}`);
  for (const row of form.outputs) add("--output", `${row.name}=${row.uri ?? ""}`);
  for (const row of form.outputs) if (row.predownload) add("--predownload", row.name);
  for (const row of [...form.inputs, ...form.outputs]) if (row.access === "env") add("--as-env", row.name);
  for (const row of form.environments) if (row?.name) add("--env", `${row.name}=${row.value ?? ""}`);
  for (const row of form.metrics) if (row?.name) add("--metric", `${row.name}=${row.value ?? ""}`);
  add("--pool", form.pool);
  add("--flavor", form.flavor);
  if (form.nodes > 1) add("--nodes", form.nodes);
  add("--processes", form.processes);
  if (form.priority > 1) add("--priority", form.priority);
  add("--max-hours", form.stop_hours);
  add("--log-path", form.log_path.trim());
  add("--restarts", form.restarts);
  for (const { name, value } of annotationsOf(form)) {
    if (name !== ANNOTATIONS.restarts) add("--annotation", `${name}=${value}`);
  }
  if (form.grace_s !== 30) found.push(`--grace ${form.grace_s}`);
  if (form.warm_start) found.push(form.warm_start === "yes" ? "--warm-start" : "--cold-start");
  add("--description", form.description.trim());
  return found;
}
