"""What bad input gets: a 4xx with a code and a sentence, and nothing is created."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from tests.naming import unique
from tests.server.jobs.shed import Shed
from trainshed.core.errors import Code


def algorithm(shed: Shed, stem: str, **config: Any) -> str:
    """A new algorithm, named after ``stem``; its id."""
    body = {
        "metadata": {"name": unique(stem)},
        "job_config": {
            "code_dir": shed.code("print(1)"),
            "boot_file": "train.py",
            "engine": {"engine_id": "python"},
            **config,
        },
    }
    answer = shed.api.post(shed.running.v2("algorithms"), json=body)
    assert answer.status_code == 201, answer.text
    return answer.json()["metadata"]["id"]


BAD: list[tuple[str, dict[str, Any], str, str]] = [
    ("name missing", {"metadata__name": ""}, Code.NAME_INVALID, "job name"),
    ("name too long", {"metadata__name": "x" * 65}, Code.NAME_INVALID, "1 to 64"),
    ("name with a slash", {"metadata__name": "a/b"}, Code.NAME_INVALID, "'a/b'"),
    ("long description", {"metadata__description": "x" * 257}, Code.FIELD_INVALID, "256"),
    ("kind", {"kind": "edge_job"}, Code.FIELD_INVALID, "use job"),
    ("no code", {"algorithm__code_dir": ""}, Code.FIELD_INVALID, "no code"),
    ("code is nowhere", {"algorithm__code_dir": "/nowhere/at/all"}, Code.BOOT_FILE_MISSING, "train.py"),
    ("unknown bucket", {"algorithm__code_dir": "obs://nobody/x"}, Code.BUCKET_NOT_FOUND, "nobody"),
    ("no scheme of ours", {"algorithm__code_dir": "ftp://x/y"}, Code.URI_INVALID, "ftp"),
    ("no boot file", {"algorithm__boot_file": ""}, Code.BOOT_FILE_MISSING, "train.py"),
    ("boot file is not there", {"algorithm__boot_file": "other.py"}, Code.BOOT_FILE_MISSING, "other.py"),
    ("boot file is above", {"algorithm__boot_file": "../train.py"}, Code.BOOT_FILE_OUTSIDE_CODE, "outside"),
    ("boot file is away", {"algorithm__boot_file": "/etc/x.py"}, Code.BOOT_FILE_OUTSIDE_CODE, "outside"),
    ("boot file is a shell script", {"algorithm__boot_file": "train.sh"}, Code.BOOT_FILE_MISSING, ".py"),
    ("unknown engine", {"algorithm__engine": {"engine_id": "cobol"}}, Code.ENGINE_UNKNOWN, "cobol"),
    ("no engine", {"algorithm__engine": {}}, Code.ENGINE_UNKNOWN, "engine_id"),
    (
        "unknown version",
        {"algorithm__engine": {"engine_name": "PyTorch", "engine_version": "99"}},
        Code.ENGINE_UNKNOWN,
        "99",
    ),
    (
        "engine of another chip",
        {"algorithm__engine": {"engine_id": "mindspore_1.3.0-cann_5.0.2-py_3.7-euler_2.8.3-aarch64"}},
        Code.ENGINE_NOT_OFFERED,
        "needs Ascend on aarch64",
    ),
    ("an image", {"algorithm__engine": {"image_url": "me/mine:1"}}, Code.ENGINE_NOT_OFFERED, "image"),
    ("unknown flavor", {"spec__resource__flavor_id": "gpu-77"}, Code.FLAVOR_UNKNOWN, "cpu-1"),
    ("unknown pool", {"spec__resource__pool_id": "moon"}, Code.POOL_UNKNOWN, "local"),
    ("no node", {"spec__resource__node_count": 0}, Code.FIELD_INVALID, "at least 1"),
    ("too many nodes", {"spec__resource__node_count": 10_000}, Code.TOO_MANY_NODES, "10000"),
    ("half a node", {"spec__resource__node_count": 1.5}, Code.FIELD_INVALID, "whole number"),
    ("node count is text", {"spec__resource__node_count": "two"}, Code.FIELD_INVALID, "node_count"),
    ("too many processes", {"spec__resource__processes": 5000}, Code.FIELD_INVALID, "processes"),
    ("priority", {"spec__schedule_policy": {"priority": 9}}, Code.FIELD_INVALID, "1, 2 or 3"),
    ("grace", {"spec__grace_s": 100_000}, Code.FIELD_INVALID, "grace_s"),
    (
        "unit of time",
        {"spec__auto_stop": {"time_unit": "MOONS", "duration": 1}},
        Code.FIELD_INVALID,
        "MOONS",
    ),
    (
        "negative time",
        {"spec__auto_stop": {"time_unit": "HOURS", "duration": -1}},
        Code.FIELD_INVALID,
        "auto_stop",
    ),
    (
        "restarts",
        {"metadata__annotations": {"fault-tolerance/job-retry-num": "many"}},
        Code.FIELD_INVALID,
        "job-retry-num",
    ),
    (
        "parameter name",
        {"algorithm__parameters": [{"name": "a b", "value": "1"}]},
        Code.PARAMETER_INVALID,
        "",
    ),
    (
        "parameter twice",
        {"algorithm__parameters": [{"name": "a", "value": "1"}, {"name": "a", "value": "2"}]},
        Code.PARAMETER_INVALID,
        "twice",
    ),
    (
        "parameter of the wrong type",
        {"algorithm__parameters": [{"name": "a", "value": "x", "constraint": {"type": "Integer"}}]},
        Code.PARAMETER_INVALID,
        "whole number",
    ),
    (
        "parameter that is also a channel",
        {
            "algorithm__parameters": [{"name": "data_url", "value": "1"}],
            "algorithm__inputs": [{"name": "data_url", "remote": {"obs": {"obs_url": "/tmp"}}}],
        },
        Code.CHANNEL_INVALID,
        "twice",
    ),
    ("input without a place", {"algorithm__inputs": [{"name": "data_url"}]}, Code.CHANNEL_INVALID, "remote"),
    (
        "input is not there",
        {"algorithm__inputs": [{"name": "d", "remote": {"obs": {"obs_url": "/nowhere/x"}}}]},
        Code.INPUT_MISSING,
        "/nowhere/x",
    ),
    (
        "input in no bucket",
        {"algorithm__inputs": [{"name": "d", "remote": {"obs": {"obs_url": "obs://nobody/x"}}}]},
        Code.INPUT_MISSING,
        "nobody",
    ),
    (
        "way of access",
        {
            "algorithm__inputs": [
                {"name": "d", "access_method": "magic", "remote": {"obs": {"obs_url": "/tmp"}}}
            ]
        },
        Code.CHANNEL_INVALID,
        "magic",
    ),
    (
        "output below a file",
        {"algorithm__outputs": [{"name": "o", "remote": {"obs": {"obs_url": "/etc/hostname/x"}}}]},
        Code.OUTPUT_UNWRITABLE,
        "no directory",
    ),
    (
        "output in /proc",
        {"algorithm__outputs": [{"name": "o", "remote": {"obs": {"obs_url": "/proc/1/x"}}}]},
        Code.OUTPUT_UNWRITABLE,
        "cannot be written",
    ),
    ("variable name", {"algorithm__environments": {"1A": "x"}}, Code.ENVIRONMENT_VARIABLE_INVALID, "1A"),
    ("variable value", {"algorithm__environments": {"A": "$B"}}, Code.ENVIRONMENT_VARIABLE_INVALID, "'$'"),
    ("working directory", {"algorithm__working_dir": "/etc"}, Code.PATH_INVALID, "/etc"),
    ("code directory", {"algorithm__local_code_dir": "/home/../etc"}, Code.PATH_INVALID, "'..'"),
    ("metric without a group", {"algorithm__metrics": {"loss": "loss"}}, Code.FIELD_INVALID, "group"),
    ("metric that is no expression", {"algorithm__metrics": {"loss": "("}}, Code.FIELD_INVALID, "group"),
    ("unknown algorithm", {"algorithm": {"id": "nobody"}}, Code.ALGORITHM_NOT_FOUND, "nobody"),
    ("subscription", {"algorithm": {"subscription_id": "x"}}, Code.ALGORITHM_NOT_FOUND, "subscription"),
]


@pytest.mark.parametrize(("changes", "code", "words"), [bad[1:] for bad in BAD], ids=[bad[0] for bad in BAD])
def test_bad_input_is_refused_in_one_sentence(
    shed: Shed, changes: dict[str, Any], code: str, words: str
) -> None:
    status, found, sentence = shed.refused(shed.body(**changes))
    assert 400 <= status < 500, sentence
    assert (found, words in sentence) == (code, True), sentence
    assert "\n" not in sentence
    assert len(sentence) < 400


def test_a_name_can_be_used_once(shed: Shed) -> None:
    job = shed.submit()
    name = job["metadata"]["name"]
    status, code, sentence = shed.refused(shed.body(metadata__name=name))
    assert (status, code) == (409, Code.NAME_TAKEN)
    assert name in sentence
    assert shed.api.get(shed.running.v2("training-job-names"), params={"job_name": name}).json() == {
        "is_duplicate": True
    }
    shed.wait(job)


def test_an_empty_input_is_refused(shed: Shed, tmp_path: Path) -> None:
    (tmp_path / "deeper").mkdir()
    remote = {"obs": {"obs_url": str(tmp_path)}}
    status, code, _ = shed.refused(shed.body(algorithm__inputs=[{"name": "d", "remote": remote}]))
    assert (status, code) == (400, Code.INPUT_EMPTY)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_an_output_that_others_own_is_refused(shed: Shed) -> None:
    remote = {"obs": {"obs_url": "/usr/share/x"}}
    status, code, _ = shed.refused(shed.body(algorithm__outputs=[{"name": "o", "remote": remote}]))
    assert (status, code) == (400, Code.OUTPUT_UNWRITABLE)


def test_two_outputs_cannot_be_one_place(shed: Shed, tmp_path: Path) -> None:
    outputs = [{"name": n, "remote": {"obs": {"obs_url": str(tmp_path)}}} for n in ("a", "b")]
    status, code, _ = shed.refused(shed.body(algorithm__outputs=outputs))
    assert (status, code) == (400, Code.CHANNEL_INVALID)


def test_code_with_too_many_files_is_refused(shed: Shed) -> None:
    code_dir = shed.code("print(1)")
    for number in range(1001):
        Path(code_dir, f"{number}.txt").touch()
    status, code, sentence = shed.refused(shed.body(code_dir=code_dir))
    assert (status, code) == (400, Code.CODE_TOO_LARGE)
    assert "1000 files" in sentence


@pytest.mark.parametrize(
    ("value", "code"),
    [("x", Code.PARAMETER_INVALID), ("2", Code.PARAMETER_INVALID), ("", Code.PARAMETER_REQUIRED)],
)
def test_an_algorithm_says_which_values_may_be(shed: Shed, value: str, code: str) -> None:
    constraint = {"type": "Float", "required": True, "valid_type": "Range", "valid_range": ["0", "1"]}
    made = algorithm(shed, "range", parameters=[{"name": "lr", "value": "", "constraint": constraint}])
    body = shed.body(algorithm={"id": made, "parameters": [{"name": "lr", "value": value}]})
    status, found, sentence = shed.refused(body)
    assert (status, found) == (400, code), sentence


def test_an_algorithm_may_take_no_other_parameters(shed: Shed) -> None:
    made = algorithm(
        shed, "strict", parameters=[{"name": "lr", "value": "0.1"}], parameters_customization=False
    )
    body = shed.body(algorithm={"id": made, "parameters": [{"name": "momentum", "value": "0.9"}]})
    status, code, sentence = shed.refused(body)
    assert (status, code) == (400, Code.PARAMETER_UNDECLARED)
    assert "momentum" in sentence
    assert "lr" in sentence


def test_a_parameter_may_be_fixed(shed: Shed) -> None:
    constraint = {"type": "Integer", "editable": False}
    made = algorithm(shed, "fixed", parameters=[{"name": "seed", "value": "7", "constraint": constraint}])
    body = shed.body(algorithm={"id": made, "parameters": [{"name": "seed", "value": "8"}]})
    assert shed.refused(body)[1] == Code.PARAMETER_INVALID


def test_an_algorithms_channels_must_be_bound_and_no_others(shed: Shed) -> None:
    made = algorithm(shed, "channels", inputs=[{"name": "data_url"}])
    remote = {"obs": {"obs_url": shed.code("data")}}
    for inputs in ([], [{"name": "data_url", "remote": remote}, {"name": "more", "remote": remote}]):
        status, code, _ = shed.refused(shed.body(algorithm={"id": made, "inputs": inputs}))
        assert (status, code) == (400, Code.CHANNEL_INVALID)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'"job"', b"\xff\xfe"])
def test_a_body_that_is_no_json_object_is_refused(shed: Shed, content: bytes) -> None:
    answer = shed.api.post(shed.url(), content=content, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400
    assert answer.json()["error_code"] in (Code.BODY_NOT_JSON, Code.FIELD_INVALID)


def test_ten_megabytes_of_description_are_refused(shed: Shed) -> None:
    body = shed.body(metadata__description="x" * (10 << 20))
    assert shed.refused(body)[:2] == (413, Code.BODY_TOO_LARGE)


def test_a_range_binds_also_where_its_kind_is_left_open(shed: Shed) -> None:
    constraint = {"type": "Float", "valid_range": ["0", "1"]}
    made = algorithm(shed, "open", parameters=[{"name": "lr", "value": "0.1", "constraint": constraint}])
    shown = shed.api.get(shed.running.v2(f"algorithms/{made}")).json()
    assert shown["job_config"]["parameters"][0]["constraint"]["valid_type"] == "Range"
    body = shed.body(algorithm={"id": made, "parameters": [{"name": "lr", "value": "9"}]})
    assert shed.refused(body)[1] == Code.PARAMETER_INVALID


def test_a_check_needs_no_files_and_refuses_the_rest(shed: Shed) -> None:
    without_files = {"algorithm__code_dir": "", "algorithm__boot_file": ""}
    good = shed.api.post(shed.url("checks"), json=shed.body(**without_files))
    assert good.status_code == 200, good.text
    assert good.json()["pool"] == "local"
    bad = shed.body(**without_files, algorithm__engine={"engine_id": "cobol"})
    answer = shed.api.post(shed.url("checks"), json=bad)
    assert (answer.status_code, answer.json()["error_code"]) == (400, Code.ENGINE_UNKNOWN)


def test_a_dry_run_refuses_the_same(shed: Shed) -> None:
    answer = shed.api.post(shed.url("dry-run"), json=shed.body(algorithm__boot_file="../x.py"))
    assert answer.status_code == 400
    assert answer.json()["error_code"] == Code.BOOT_FILE_OUTSIDE_CODE


def test_a_job_that_is_not_there(shed: Shed) -> None:
    for method, *path in (
        ("GET", "nobody"),
        ("DELETE", "nobody"),
        ("GET", "nobody", "events"),
        ("GET", "nobody", "why"),
        ("GET", "nobody", "follow"),
        ("GET", "nobody", "tasks", "worker-0", "logs"),
    ):
        answer = shed.api.request(method, shed.url(*path))
        assert (answer.status_code, answer.json()["error_code"]) == (404, Code.JOB_NOT_FOUND)


def test_a_task_that_is_not_there(shed: Shed) -> None:
    job = shed.wait(shed.submit())
    for task in ("worker-1", "ps-0", "worker-99999", "worker-"):
        answer = shed.api.get(shed.url(job["metadata"]["id"], "tasks", task, "logs"))
        assert (answer.status_code, answer.json()["error_code"]) == (404, Code.TASK_NOT_FOUND)


@pytest.mark.parametrize(
    "body",
    [
        {"filters": [{"key": "colour", "operator": "in", "value": ["red"]}]},
        {"filters": [{"key": "name", "operator": "near", "value": ["red"]}]},
        {"filters": [{"key": "create_time", "operator": "between", "value": ["1"]}]},
        {"filters": [{"key": "create_time", "operator": "between", "value": ["a", "b"]}]},
        {"sort_by": "colour"},
        {"order": "sideways"},
        {"limit": 0},
        {"offset": -1},
    ],
)
def test_a_search_for_what_there_is_not_is_refused(shed: Shed, body: dict[str, Any]) -> None:
    answer = shed.api.post(shed.running.v2("training-job-searches"), json=body)
    assert (answer.status_code, answer.json()["error_code"]) == (400, Code.FIELD_INVALID)


def test_only_terminate_can_be_done_with_a_job(shed: Shed) -> None:
    job = shed.wait(shed.submit())
    url = shed.url(job["metadata"]["id"], "actions")
    assert shed.api.post(url, json={"action_type": "explode"}).status_code == 400
    answer = shed.api.post(url, json={"action_type": "terminate"})
    assert (answer.status_code, answer.json()["error_code"]) == (409, Code.JOB_FINISHED)
