import type { FormRule } from "antd";
import { useMessages, useText } from "../../../app/preferences";
import { text } from "../text";
import type { FormValues } from "../form-model";

const NAME = /^[\p{L}\p{N}_][\p{L}\p{N}_-]{0,63}$/u;
const PARAMETER = /^[A-Za-z0-9_-]{1,64}$/;

/** What the fields of the form must hold; the service checks the same once more. */
export function useRules() {
  const t = useText(text);
  const required: FormRule = { required: true, whitespace: true, message: useMessages().required };
  const check =
    (fine: (value: string) => boolean, message: string): FormRule => ({
      validator: (_, value: string | undefined) =>
        !value || fine(value.trim()) ? Promise.resolve() : Promise.reject(new Error(message)),
    });
  return {
    required: [required],
    name: [required, check((value) => NAME.test(value), t.nameRule)],
    number: [check((value) => Number.isFinite(Number(value)), t.numberRule)],
    integer: [check((value) => /^[+-]?\d+$/.test(value), t.integerRule)],
    regex: [required, check(hasGroup, t.regexRule)],
    /** A name among channels and hyperparameters: well formed, and there once. */
    parameter: [
      required,
      check((value) => PARAMETER.test(value), t.parameterRule),
      ({ getFieldsValue }: { getFieldsValue: (all: true) => FormValues }) =>
        check((value) => names(getFieldsValue(true)).filter((name) => name === value).length <= 1, t.twice) as never,
    ],
  };
}

function names(values: FormValues): string[] {
  return [values.inputs, values.outputs, values.parameters]
    .flatMap((list) => (list as ({ name?: string } | undefined)[] | undefined) ?? [])
    .map((one) => one?.name?.trim() ?? "");
}

function hasGroup(pattern: string): boolean {
  try {
    return (new RegExp(`${pattern}|`).exec("")?.length ?? 1) > 1;
  } catch {
    return false;
  }
}
