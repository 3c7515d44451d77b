import type { Algorithm } from "../../api/algorithms";
import type { components } from "../../api/schema";
import type { AlgorithmRequest, Declared } from "./api";

type Schemas = components["schemas"];

export type ParameterType = "String" | "Integer" | "Float" | "Boolean";
export type Rule = "None" | "Range" | "Choice";
export type Delivery = "parameter" | "env";

export interface ChannelValues {
  name: string;
  description?: string;
  access: Delivery;
}

export interface InputValues extends ChannelValues {
  /** What may be bound to it; nothing for anything. */
  dataType?: string;
  dataFormat?: string;
  dataSplit?: string;
}

export interface OutputValues extends ChannelValues {
  predownload?: boolean;
}

export interface ParameterValues {
  name: string;
  type: ParameterType;
  value?: string;
  description?: string;
  required?: boolean;
  editable?: boolean;
  sensitive?: boolean;
  rule: Rule;
  low?: string;
  high?: string;
  choices?: string[];
}

export interface SearchValues {
  metric: string;
  mode: "max" | "min";
  regex: string;
  algorithm: string;
  options: Record<string, string>;
  parameters: SearchParameterValues[];
}

export interface SearchParameterValues {
  name: string;
  kind: "continuous" | "discrete";
  low?: string;
  high?: string;
  points?: string;
  values?: string[];
}

export interface FormValues {
  name: string;
  description?: string;
  source: "engine" | "image";
  codeDir?: string;
  bootFile?: string;
  engine?: string;
  image?: string;
  command?: string;
  inputs: InputValues[];
  outputs: OutputValues[];
  parameters: ParameterValues[];
  custom: boolean;
  searched: boolean;
  search?: SearchValues;
  chips: string[];
  manyCards: boolean;
  manyNodes: boolean;
}

export const EMPTY: FormValues = {
  name: "",
  source: "engine",
  inputs: [{ name: "data_url", access: "parameter" }],
  outputs: [{ name: "train_url", access: "parameter" }],
  parameters: [],
  custom: true,
  searched: false,
  chips: [],
  manyCards: true,
  manyNodes: true,
};

/** What the form shows of an algorithm. */
export function valuesOf(algorithm: Algorithm, declared: Declared = algorithm): FormValues {
  const config = declared.job_config;
  const search = declared.advanced_config?.auto_search;
  const requirements = declared.resource_requirements ?? [];
  const demanded = (key: string) => requirements.find((one) => one.key === key)?.values ?? [];
  const several = (key: string) => demanded(key).length === 0 || demanded(key).includes("multiple");
  return {
    name: algorithm.metadata.name,
    description: algorithm.metadata.description,
    source: config.engine?.engine_id ? "engine" : "image",
    codeDir: config.code_dir,
    bootFile: config.boot_file,
    ...(config.engine?.engine_id ? { engine: config.engine.engine_id } : {}),
    ...(config.engine?.image_url && !config.engine.engine_id ? { image: config.engine.image_url } : {}),
    command: config.command,
    inputs: (config.inputs ?? []).map(inputValues),
    outputs: (config.outputs ?? []).map((output) => ({
      ...channelValues(output),
      predownload: Boolean(output.predownload),
    })),
    parameters: (config.parameters ?? []).map(parameterValues),
    custom: config.parameters_customization,
    searched: Boolean(search),
    ...(search ? { search: searchValues(search) } : {}),
    chips: demanded("flavor_type"),
    manyCards: several("device_distributed_mode"),
    manyNodes: several("host_distributed_mode"),
  };
}

function channelValues(channel: Schemas["InputModel"] | Schemas["OutputModel"]): ChannelValues {
  return {
    name: channel.name,
    description: channel.description,
    access: channel.access_method === "env" ? "env" : "parameter",
  };
}

function inputValues(input: Schemas["InputModel"]): InputValues {
  const constraint = input.remote_constraints?.[0];
  const attributes = Array.isArray(constraint?.attributes) ? (constraint.attributes as Record<string, string>[]) : [];
  const attribute = (key: string) => attributes.find((one) => key in one)?.[key];
  const format = attribute("data_format");
  const split = attribute("data_segmentation");
  return {
    ...channelValues(input),
    ...(constraint?.data_type ? { dataType: constraint.data_type } : {}),
    ...(format ? { dataFormat: format } : {}),
    ...(split ? { dataSplit: split } : {}),
  };
}

function parameterValues(parameter: Schemas["ParameterModel"]): ParameterValues {
  const rule = parameter.constraint;
  const range = rule?.valid_range ?? [];
  const kind = (rule?.valid_type ?? "None") as Rule;
  return {
    name: parameter.name,
    type: (rule?.type ?? "String") as ParameterType,
    value: parameter.value,
    description: parameter.description,
    required: rule?.required ?? false,
    editable: rule?.editable ?? true,
    sensitive: rule?.sensitive ?? false,
    rule: kind,
    ...(kind === "Range" ? { low: range[0] ?? "", high: range[1] ?? "" } : {}),
    ...(kind === "Choice" ? { choices: range } : {}),
  };
}

function searchValues(search: Schemas["AutoSearch"]): SearchValues {
  const reward = search.reward_attrs?.[0];
  const algorithm = search.algo_configs?.[0];
  return {
    metric: reward?.name ?? "",
    mode: reward?.mode === "min" ? "min" : "max",
    regex: reward?.regex ?? "",
    algorithm: algorithm?.name ?? "",
    options: Object.fromEntries((algorithm?.params ?? []).map((option) => [option.key, option.value])),
    parameters: (search.search_params ?? []).map((one) => ({
      name: one.name,
      kind: one.param_type === "discrete" ? "discrete" : "continuous",
      low: one.lower_bound ?? "",
      high: one.upper_bound ?? "",
      points: one.discrete_points_num ?? "",
      values: typeof one.discrete_values === "string" ? one.discrete_values.split(",") : (one.discrete_values ?? []),
    })),
  };
}

/** The request that the form stands for. `options` are those of the search algorithms, by name. */
export function requestOf(values: FormValues, options: Map<string, Schemas["SearchOption"][]>): AlgorithmRequest {
  const byImage = values.source === "image";
  return {
    metadata: {
      name: values.name.trim(),
      description: values.description?.trim() ?? "",
      workspace_id: "0",
      ai_project: "default-ai-project",
    },
    job_config: {
      code_dir: values.codeDir?.trim() ?? "",
      boot_file: byImage ? "" : (values.bootFile?.trim() ?? ""),
      command: byImage ? (values.command ?? "") : "",
      engine: engineModel(byImage ? { image_url: values.image?.trim() ?? "" } : { engine_id: values.engine ?? "" }),
      inputs: values.inputs.map(inputModel),
      outputs: values.outputs.map((output) => ({
        ...channelModel(output),
        ...(output.predownload ? { predownload: true } : {}),
      })),
      parameters: values.parameters.map(parameterModel),
      parameters_customization: values.custom,
    },
    resource_requirements: [
      ...(values.chips.length ? [requirement("flavor_type", values.chips)] : []),
      ...(values.manyCards ? [] : [requirement("device_distributed_mode", ["singular"])]),
      ...(values.manyNodes ? [] : [requirement("host_distributed_mode", ["singular"])]),
    ],
    ...(values.searched && values.search ? { advanced_config: { auto_search: searchModel(values.search, options) } } : {}),
  };
}

function engineModel(given: { engine_id?: string; image_url?: string }): Schemas["EngineModel"] {
  return { engine_id: "", engine_name: "", engine_version: "", image_url: "", ...given };
}

function requirement(key: string, values: string[]): Schemas["ResourceRequirement"] {
  return { key, values, operator: "in" };
}

function channelModel(channel: ChannelValues) {
  return {
    name: channel.name.trim(),
    description: channel.description ?? "",
    local_dir: "",
    access_method: channel.access,
  };
}

function inputModel(input: InputValues): Schemas["InputModel"] {
  if (!input.dataType) return channelModel(input);
  const attributes = [
    ...(input.dataFormat ? [{ data_format: input.dataFormat }] : []),
    ...(input.dataSplit ? [{ data_segmentation: input.dataSplit }] : []),
  ];
  const constraint = { data_type: input.dataType, ...(attributes.length ? { attributes } : {}) };
  return { ...channelModel(input), remote_constraints: [constraint] };
}

function parameterModel(parameter: ParameterValues): Schemas["ParameterModel"] {
  const bounds = [parameter.low?.trim() ?? "", parameter.high?.trim() ?? ""];
  return {
    name: parameter.name.trim(),
    value: parameter.value ?? "",
    description: parameter.description ?? "",
    constraint: {
      type: parameter.type,
      required: parameter.required ?? false,
      editable: parameter.editable ?? true,
      sensitive: parameter.sensitive ?? false,
      valid_type: parameter.rule,
      valid_range: { None: [], Range: bounds, Choice: parameter.choices ?? [] }[parameter.rule],
    },
  };
}

function searchModel(search: SearchValues, known: Map<string, Schemas["SearchOption"][]>): Schemas["AutoSearch"] {
  const options = known.get(search.algorithm) ?? [];
  return {
    reward_attrs: [{ name: search.metric, mode: search.mode, regex: search.regex }],
    search_params: search.parameters.map((one) =>
      one.kind === "discrete"
        ? { name: one.name, param_type: one.kind, discrete_values: one.values ?? [] }
        : {
            name: one.name,
            param_type: one.kind,
            lower_bound: one.low ?? "",
            upper_bound: one.high ?? "",
            ...(one.points ? { discrete_points_num: one.points } : {}),
          },
    ),
    algo_configs: [
      {
        name: search.algorithm,
        params: options.map((option) => ({ ...option, value: search.options[option.key] ?? option.value })),
      },
    ],
  };
}
