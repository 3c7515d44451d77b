import type { Constraint } from "./model";

export type Complaint =
  | { kind: "required" }
  | { kind: "type"; type: string }
  | { kind: "choice"; choices: string[] }
  | { kind: "range"; low: string; high: string };

const INTEGER = /^[+-]?[0-9]{1,400}$/;
const FLOAT = /^[+-]?(\d[\d_]*\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

/** What is wrong with a value by the algorithm's schema; the service checks the same again. */
export function complaintOf(constraint: Constraint | null | undefined, value: string): Complaint | undefined {
  if (!constraint) return undefined;
  if (value === "") return constraint.required ? { kind: "required" } : undefined;
  const type = (constraint.type ?? "String").toLowerCase();
  const number = type === "integer" || type === "float" ? numberOf(type, value) : undefined;
  if (number !== undefined && Number.isNaN(number)) return { kind: "type", type };
  if (type === "boolean" && !/^(true|false)$/i.test(value.trim())) return { kind: "type", type };
  return rangeComplaint(constraint, number) ?? choiceComplaint(constraint, value, number);
}

function numberOf(type: string, value: string): number {
  const text = value.trim();
  return (type === "integer" ? INTEGER : FLOAT).test(text) ? Number(text.replaceAll("_", "")) : NaN;
}

function rangeComplaint(constraint: Constraint, number: number | undefined): Complaint | undefined {
  if (constraint.valid_type !== "Range" || number === undefined) return undefined;
  const [low = "", high = ""] = constraint.valid_range ?? [];
  const outside = (low !== "" && number < Number(low)) || (high !== "" && number > Number(high));
  return outside ? { kind: "range", low, high } : undefined;
}

function choiceComplaint(constraint: Constraint, value: string, number: number | undefined): Complaint | undefined {
  if (constraint.valid_type !== "Choice") return undefined;
  const choices = constraint.valid_range ?? [];
  const fits = choices.some((choice) => choice === value || (number !== undefined && Number(choice) === number));
  return fits ? undefined : { kind: "choice", choices };
}
