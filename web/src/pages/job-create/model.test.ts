import { describe, expect, it } from "vitest";
import { ApiError } from "../../api/errors";
import type { Job } from "../../api/types";
import { bundleOf, archiveOf, isIgnored, likelyBootFile, pathOf } from "../../components/code-upload/bundle";
import { commandOf, quote } from "./command";
import { bodyOf, EMPTY, nextName, valuesOfAlgorithm, valuesOfJob, type Algorithm, type JobForm } from "./model";
import { complaintOf } from "./parameters";
import { fieldOf } from "./server-errors";

const FULL: JobForm = {
  ...EMPTY,
  name: "mnist-1",
  description: "it's a try",
  code_dir: "obs://data/code/",
  boot_file: "train.py",
  engine: "python_3.11",
  parameters: [{ name: "lr", value: "0.1" }, { name: "note", value: "" }, { name: "amp", value: "", flag: true }],
  inputs: [{ name: "data_url", uri: "obs://data/in/", access: "parameter" }],
  outputs: [{ name: "train_url", uri: "obs://data/out/", access: "env", predownload: true }],
  environments: [{ name: "DEBUG", value: "1" }],
  metrics: [{ name: "bleu", value: "BLEU (\\S+)" }],
  annotations: [{ name: "team", value: "vision" }],
  pool: "local",
  flavor: "cpu-1",
  nodes: 2,
  processes: 4,
  priority: 2,
  log_path: "obs://data/logs/",
  stop_hours: 1.5,
  restarts: 2,
  unconditional: true,
  hang_restart: true,
  grace_s: 10,
  warm_start: "yes",
};

describe("the request", () => {
  it("leaves out what is the service's to choose", () => {
    expect(bodyOf({ ...EMPTY, name: " a ", code_dir: "obs://b/c/", boot_file: "t.py", engine: "python_3.11" })).toEqual({
      kind: "job",
      metadata: { name: "a" },
      algorithm: { code_dir: "obs://b/c/", boot_file: "t.py", engine: { engine_id: "python_3.11" } },
      spec: { resource: { node_count: 1 } },
    });
  });

  it("says all that the form says", () => {
    expect(bodyOf(FULL)).toMatchObject({
      metadata: {
        annotations: {
          "fault-tolerance/job-retry-num": "2",
          "fault-tolerance/job-unconditional-retry": "true",
          "fault-tolerance/hang-retry": "true",
          team: "vision",
        },
      },
      algorithm: {
        parameters: [{ name: "lr", value: "0.1" }, { name: "note", value: "" }, { name: "amp", flag: true }],
        inputs: [{ name: "data_url", remote: { obs: { obs_url: "obs://data/in/" } } }],
        outputs: [{ name: "train_url", access_method: "env", predownload: true }],
        environments: { DEBUG: "1" },
        metrics: { bleu: "BLEU (\\S+)" },
      },
      spec: {
        resource: { pool_id: "local", flavor_id: "cpu-1", node_count: 2, processes: 4 },
        schedule_policy: { priority: 2 },
        log_export_path: { obs_url: "obs://data/logs/" },
        auto_stop: { time_unit: "MINUTES", duration: 90 },
        grace_s: 10,
        warm_start: true,
      },
    });
  });

  it("of an algorithm names it instead of code and engine", () => {
    const { algorithm } = bodyOf({ ...FULL, source: "algorithm", algorithm: "a1" });
    expect(algorithm).toMatchObject({ id: "a1" });
    expect(Object.keys(algorithm ?? {})).not.toContain("code_dir");
    expect(Object.keys(algorithm ?? {})).not.toContain("engine");
  });
});

describe("building again", () => {
  const body = bodyOf(FULL);
  const job = {
    metadata: { ...body.metadata, id: "j1", name: "mnist-1", create_time: 0 },
    status: {},
    algorithm: body.algorithm,
    spec: { ...body.spec, resource: { ...body.spec?.resource, flavor_id: "cpu-1", pool_id: "local" } },
  } as unknown as Job;

  it("asks for the same under another name", () => {
    expect(bodyOf(valuesOfJob(job))).toEqual({ ...body, metadata: { ...body.metadata, name: "mnist-2" } });
  });

  it("does not send the mask of a secret as its value", () => {
    const secret = { ...job, algorithm: { ...job.algorithm, parameters: [{ name: "key", value: "******" }] } } as Job;
    expect(valuesOfJob(secret).parameters).toEqual([{ name: "key", value: "" }]);
  });

  it("counts names up within their length", () => {
    expect(["mnist", "mnist-9", "a-b", "x".repeat(64)].map(nextName)).toEqual(["mnist-2", "mnist-10", "a-b-2", `${"x".repeat(62)}-2`]);
  });
});

describe("an algorithm", () => {
  it("brings parameters with their defaults and channels without a place", () => {
    const algorithm = {
      metadata: { id: "a1", name: "mnist" },
      job_config: {
        engine: { engine_id: "python_3.11" },
        parameters: [{ name: "lr", value: "0.1" }],
        inputs: [{ name: "data_url", access_method: "env" }],
        outputs: [{ name: "train_url" }],
      },
    } as unknown as Algorithm;
    expect(valuesOfAlgorithm(algorithm)).toMatchObject({
      source: "algorithm",
      algorithm: "a1",
      parameters: [{ name: "lr", value: "0.1" }],
      inputs: [{ name: "data_url", uri: "", access: "env" }],
      outputs: [{ name: "train_url", uri: "", access: "parameter", predownload: false }],
    });
  });
});

describe("the command", () => {
  it("says the same, safe for a shell", () => {
    expect(commandOf(FULL).split(" \\\n  ")).toEqual([
      "trainshed jobs create mnist-1",
      "--code-dir obs://data/code/",
      "--boot-file train.py",
      "--engine python_3.11",
      "--input data_url=obs://data/in/",
      "--output train_url=obs://data/out/",
      "--predownload train_url",
      "--as-env train_url",
      "--env DEBUG=1",
      "--metric 'bleu=BLEU (\\S+)'",
      "--pool local",
      "--flavor cpu-1",
      "--nodes 2",
      "--processes 4",
      "--priority 2",
      "--max-hours 1.5",
      "--log-path obs://data/logs/",
      "--restarts 2",
      "--annotation fault-tolerance/job-unconditional-retry=true",
      "--annotation fault-tolerance/hang-retry=true",
      "--annotation team=vision",
      "--grace 10",
      "--warm-start",
      `--description 'it'"'"'s a try'`,
      "-- --lr=0.1 --note= --amp",
    ]);
    expect(quote("$(rm -rf ~)")).toBe("'$(rm -rf ~)'");
  });
});

describe("values by an algorithm's schema", () => {
  const constraint = (fields: object) => ({ type: "String", editable: true, required: false, sensitive: false, valid_type: "None", valid_range: [], ...fields });

  it.each([
    [constraint({ required: true }), "", "required"],
    [constraint({}), "", undefined],
    [constraint({ type: "Integer" }), "3.5", "type"],
    [constraint({ type: "Integer" }), "-3", undefined],
    [constraint({ type: "Float" }), "1e-3", undefined],
    [constraint({ type: "Float" }), "nan", "type"],
    [constraint({ type: "Boolean" }), "True", undefined],
    [constraint({ type: "Boolean" }), "yes", "type"],
    [constraint({ type: "Float", valid_type: "Range", valid_range: ["0", "1"] }), "1.01", "range"],
    [constraint({ type: "Float", valid_type: "Range", valid_range: ["0", "1"] }), "1", undefined],
    [constraint({ type: "Integer", valid_type: "Range", valid_range: ["", "9"] }), "-99", undefined],
    [constraint({ valid_type: "Choice", valid_range: ["sgd", "adam"] }), "lamb", "choice"],
    [constraint({ type: "Float", valid_type: "Choice", valid_range: ["0.1"] }), "0.10", undefined],
    [undefined, "anything", undefined],
  ])("%j with %j", (rule, value, kind) => {
    expect(complaintOf(rule, value)?.kind).toBe(kind);
  });
});

describe("what the service refuses", () => {
  const error = (code: string, message: string) => new ApiError(400, `TrainShed.${code}`, message);

  it.each([
    ["5001", "a training job named 'mnist-1' exists: choose another name", ["name"]],
    ["1004", "boot file 'train.py' is not in obs://data/code/: upload it there first", ["boot_file"]],
    ["1015", "input 'data_url': nothing is at obs://data/in/", ["inputs", 0, "uri"]],
    ["1016", "output 'train_url': there is no bucket 'data'", ["outputs", 0, "uri"]],
    ["1016", "log_export_path: obs://data/logs/ cannot be written to by the service", ["log_path"]],
    ["1007", "hyperparameter 'lr' is '2'; it must be at most 1", ["parameters", 0, "value"]],
    ["1008", "hyperparameter 'note' is required: give it a value", ["parameters", 1, "value"]],
    ["1017", "environment variable DEBUG has a '$' or NUL in its value: leave it out", ["environments", 0, "value"]],
    ["1011", "pool 'local' does not offer engine 'x': needs Ascend", ["engine"]],
    ["1012", "pool 'local' has no flavor 'gpu-9' (it has: cpu-1)", ["flavor"]],
    ["1013", "node_count is 9; pool 'local' gives a job of flavor 'cpu-1' 2 nodes at most", ["nodes"]],
    ["1002", "auto_stop.duration must be from 1 to 10000 hours", ["stop_hours"]],
    ["3002", "only an admin may give the highest priority", ["priority"]],
    ["4005", "there is no bucket 'data' in obs://data/in/", ["inputs", 0, "uri"]],
    ["1002", "metric 'bleu' needs a regular expression of up to 512 characters with one group", ["metrics", 0, "value"]],
    ["9999", "something else", undefined],
  ])("%s %s", (code, message, path) => {
    expect(fieldOf(error(code, message), FULL)).toEqual(path);
  });
});

describe("code from this computer", () => {
  const file = (path: string, content = "x") => Object.assign(new File([content], path.split("/").at(-1) ?? ""), { webkitRelativePath: path });

  it("leaves out what no code is", () => {
    expect([".git/config", "a/__pycache__/x.pyc", "x.pyc", "venv/bin/python", "p.egg-info/PKG-INFO", "src/git/x.py", "a.py"].map(isIgnored)).toEqual([
      true, true, true, true, true, false, false,
    ]);
    expect(pathOf({ name: "train.py" })).toBe("train.py");
  });

  it("is one archive, the same for the same content", async () => {
    const bundle = bundleOf([file("code/train.py", "print(1)"), file("code/.git/HEAD"), file(`code/${"深".repeat(40)}/lib.py`)]);
    expect(bundle).toMatchObject({ leftOut: 1, files: [{ path: "train.py" }, { path: `${"深".repeat(40)}/lib.py` }] });
    const bytes = async () => new Uint8Array(await (await archiveOf(bundle)).arrayBuffer());
    expect(await bytes()).toEqual(await bytes());
  });

  it("starts with the likely file", () => {
    expect([["a.py", "train.py"], ["a.py"], ["lib/a.py", "x.txt"], ["a.py", "b.py"], []].map(likelyBootFile)).toEqual([
      "train.py", "a.py", "lib/a.py", "", "",
    ]);
  });
});
