import type { FormInstance } from "antd";
import type { Rule } from "antd/es/form";
import type { JobForm } from "./model";
import { text } from "./text";

type Text = (typeof text)["en"];

export const JOB_NAME = /^[\p{L}\p{N}_][\p{L}\p{N}_-]{0,63}$/u;
const PARAMETER_NAME = /^[A-Za-z0-9_-]{1,64}$/;
const VARIABLE_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;
const PLACE = /^(obs|s3|file):\/\/.+|^\//;

/** Names that the script gets: parameters and channels must all differ. */
function scriptNames(form: FormInstance<JobForm>): string[] {
  const rows = ["parameters", "inputs", "outputs"] as const;
  return rows.flatMap((row) => (form.getFieldValue(row) as { name?: string }[] | undefined ?? []).map((r) => r?.name ?? ""));
}

function check(fails: (value: string) => string | undefined): Rule {
  return {
    validator: (_, value: string | undefined) => {
      const complaint = fails(value ?? "");
      return complaint ? Promise.reject(new Error(complaint)) : Promise.resolve();
    },
  };
}

/** Checks that need no service; it makes them all again. */
export function rulesOf(t: Text, required: string, form: FormInstance<JobForm>) {
  return {
    required: { required: true, whitespace: true, message: required } satisfies Rule,
    jobName: { pattern: JOB_NAME, message: t.nameInvalid } satisfies Rule,
    scriptName: check((value) => {
      if (!value) return required;
      if (!PARAMETER_NAME.test(value)) return t.parameterInvalid;
      return scriptNames(form).filter((name) => name === value).length > 1 ? t.twice : undefined;
    }),
    variableName: check((value) => (!value ? required : VARIABLE_NAME.test(value) ? undefined : t.variableInvalid)),
    variableValue: check((value) => (value.includes("$") ? t.variableDollar : undefined)),
    place: check((value) => (!value.trim() ? required : PLACE.test(value.trim()) ? undefined : t.uriInvalid)),
    placeOrNothing: check((value) => (!value.trim() || PLACE.test(value.trim()) ? undefined : t.uriInvalid)),
  };
}

export type Rules = ReturnType<typeof rulesOf>;
