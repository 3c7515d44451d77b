import type { ParameterType, ParameterValues } from "./form-model";

const CALL = /\.add_argument\(\s*((?:[^()]|\([^()]*\))*)\)/g;
const TYPES: Record<string, ParameterType> = { int: "Integer", float: "Float", bool: "Boolean", str: "String" };

/**
 * Hyperparameters that a script declares with `argparse`, read from its text: `--name` with its
 * `type`, `default`, `choices`, `required` and `help`, where these are written out.
 */
export function argumentsOf(source: string): ParameterValues[] {
  const found = new Map<string, ParameterValues>();
  for (const [, inside = ""] of source.replace(/^\s*#.*$/gm, "").matchAll(CALL)) {
    const name = /["']--([A-Za-z0-9_-]{1,64})["']/.exec(inside)?.[1];
    if (name && !found.has(name)) found.set(name, parameterOf(name, inside));
  }
  return [...found.values()];
}

function parameterOf(name: string, inside: string): ParameterValues {
  const choices = strings(/\bchoices\s*=\s*[[(]([^\])]*)[\])]/.exec(inside)?.[1] ?? "");
  const value = literal(/\bdefault\s*=\s*("[^"]*"|'[^']*'|[^,\s)]+)/.exec(inside)?.[1] ?? "");
  const declared = TYPES[/\btype\s*=\s*(\w+)/.exec(inside)?.[1] ?? ""];
  const help = /\bhelp\s*=\s*(?:"([^"]*)"|'([^']*)')/.exec(inside);
  return {
    name,
    type: declared ?? "String",
    value,
    description: (help?.[1] ?? help?.[2] ?? "").slice(0, 256),
    required: /\brequired\s*=\s*True\b/.test(inside),
    editable: true,
    rule: choices.length ? "Choice" : "None",
    ...(choices.length ? { choices } : {}),
  };
}

function strings(list: string): string[] {
  return list.split(",").map(literal).filter(Boolean);
}

/** A string or number as it is written in Python; nothing for None and for what is computed. */
function literal(text: string): string {
  const trimmed = text.trim();
  const quoted = /^(["'])(.*)\1$/s.exec(trimmed);
  if (quoted) return quoted[2] ?? "";
  if (trimmed === "True" || trimmed === "False") return trimmed.toLowerCase();
  return /^[+-]?[0-9.][0-9_.eE+-]*$/.test(trimmed) ? trimmed.replaceAll("_", "") : "";
}
