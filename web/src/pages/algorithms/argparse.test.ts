import { describe, expect, it } from "vitest";
import { argumentsOf } from "./argparse";

const SCRIPT = `
parser = argparse.ArgumentParser()
parser.add_argument("--data_url", type=str, required=True)
parser.add_argument('--lr', type=float, default=1e-3, help='learning rate (per step)')
parser.add_argument("-b", "--batch-size", type=int, default=1_024)
parser.add_argument(
    "--optimizer",
    choices=["sgd", "adam"],
    default="sgd",
)
# parser.add_argument("--gone")
parser.add_argument("--seed", default=None)
parser.add_argument("file")
`;

describe("arguments of a script", () => {
  it("are read with type, default, choices and help", () => {
    const found = argumentsOf(SCRIPT);
    expect(found.map((one) => [one.name, one.type, one.value])).toEqual([
      ["data_url", "String", ""],
      ["lr", "Float", "1e-3"],
      ["batch-size", "Integer", "1024"],
      ["optimizer", "String", "sgd"],
      ["seed", "String", ""],
    ]);
    expect(found[0]?.required).toBe(true);
    expect(found[1]?.description).toBe("learning rate (per step)");
    expect(found[3]).toMatchObject({ rule: "Choice", choices: ["sgd", "adam"] });
  });
});
