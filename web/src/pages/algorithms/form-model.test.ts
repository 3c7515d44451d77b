import { describe, expect, it } from "vitest";
import type { Algorithm } from "../../api/algorithms";
import { treeOf } from "./code-tree";
import { requestOf, valuesOf, type FormValues } from "./form-model";

const VALUES: FormValues = {
  name: "digits",
  description: "",
  source: "engine",
  codeDir: "obs://data/code/",
  bootFile: "train.py",
  engine: "pytorch",
  command: "",
  inputs: [{ name: "data_url", description: "", access: "env", dataType: "dataset", dataFormat: "Default" }],
  outputs: [{ name: "train_url", description: "", access: "parameter", predownload: true }],
  parameters: [
    {
      name: "lr",
      type: "Float",
      value: "0.1",
      description: "rate",
      required: true,
      editable: false,
      sensitive: false,
      rule: "Range",
      low: "0",
      high: "",
    },
    {
      name: "optimizer",
      type: "String",
      value: "",
      description: "",
      required: false,
      editable: true,
      sensitive: false,
      rule: "Choice",
      choices: ["sgd", "adam"],
    },
  ],
  custom: false,
  searched: true,
  search: {
    metric: "acc",
    mode: "max",
    regex: "acc=([0-9.]+)",
    algorithm: "tpe_search",
    options: { gamma: "0.5" },
    parameters: [{ name: "lr", kind: "continuous", low: "0.1", high: "1", points: "", values: [] }],
  },
  chips: ["CPU"],
  manyCards: true,
  manyNodes: false,
};

const OPTIONS = new Map([["tpe_search", [{ key: "gamma", value: "0.25", type: "Float" }]]]);

describe("the form of an algorithm", () => {
  it("says in a request what it shows of the answer", () => {
    const request = requestOf(VALUES, OPTIONS);
    expect(request.resource_requirements).toEqual([
      { key: "flavor_type", values: ["CPU"], operator: "in" },
      { key: "host_distributed_mode", values: ["singular"], operator: "in" },
    ]);
    expect(request.job_config?.parameters?.[0]?.constraint?.valid_range).toEqual(["0", ""]);
    expect(request.advanced_config?.auto_search?.algo_configs?.[0]?.params).toEqual([
      { key: "gamma", value: "0.5", type: "Float" },
    ]);
    expect(valuesOf(request as unknown as Algorithm)).toEqual(VALUES);
  });

  it("drops what belongs to the other source and to a search that is off", () => {
    const request = requestOf({ ...VALUES, source: "image", image: "img:1", command: "run", searched: false }, OPTIONS);
    expect(request.job_config).toMatchObject({ boot_file: "", command: "run", engine: { engine_id: "", image_url: "img:1" } });
    expect(request.advanced_config).toBeUndefined();
  });
});

describe("the tree of a code directory", () => {
  it("has folders before files, each by name", () => {
    const tree = treeOf(["train.py", "lib/b.py", "lib/a.py", "empty/", "lib/deep/x.py"]);
    const shown = (nodes: ReturnType<typeof treeOf>): unknown[] =>
      nodes.map((node) => (node.children ? [node.title, shown(node.children)] : node.title));
    expect(shown(tree)).toEqual([["empty", []], ["lib", [["deep", ["x.py"]], "a.py", "b.py"]], "train.py"]);
  });
});
