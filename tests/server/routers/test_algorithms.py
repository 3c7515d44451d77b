"""Algorithms over HTTP, on both databases."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.server.running import Running
from trainshed.core.errors import Code

ENGINE = {"engine_id": "pytorch"}


@pytest.fixture
def code(any_server: Running) -> str:
    """A code directory with a boot file in it."""
    return put_code(any_server)


def put_code(server: Running) -> str:
    for name in ("train.py", "lib/model.py", "notes.txt"):
        uri = f"obs://trainshed/code/mnist/{name}"
        server.api.put(server.v2("objects"), params={"uri": uri}, content=b"print()").raise_for_status()
    return "obs://trainshed/code/mnist/"


def body(code: str, name: str = "mnist", **config: Any) -> dict[str, Any]:
    job_config = {
        "code_dir": code,
        "boot_file": "train.py",
        "engine": ENGINE,
        "parameters": [{"name": "lr", "value": 0.1, "constraint": {"type": "Float", "required": True}}],
        "inputs": [{"name": "data_url", "remote_constraints": [{"data_type": "obs"}]}],
        "outputs": [{"name": "train_url", "access_method": "env"}],
    }
    return {"metadata": {"name": name}, "job_config": {**job_config, **config}}


def refused(answer: httpx.Response, code: str, status: int = 400) -> str:
    assert (answer.status_code, answer.json()["error_code"]) == (status, code), answer.text
    assert set(answer.json()) == {"error_code", "error_msg"}
    assert answer.headers["x-request-id"]
    return answer.json()["error_msg"]


def test_an_algorithm_is_created_shown_changed_listed_and_deleted(any_server: Running, code: str):
    api, url = any_server.api, any_server.v2("algorithms")
    made = api.post(url, json=body(code))
    assert made.status_code == 201
    answer = made.json()
    config = answer["job_config"]
    assert answer["metadata"]["version_num"] == 1
    assert answer["metadata"]["user_name"] == "admin"
    assert answer["metadata"]["size"] == 21
    assert config["parameters"][0]["value"] == "0.1"
    assert config["outputs"][0]["access_method"] == "env"
    assert config["engine"]["engine_id"].startswith("pytorch_")

    url_of_it = f"{url}/{answer['metadata']['id']}"
    shown = api.get(url_of_it).json()
    tree = shown["job_config"].pop("code_tree")
    assert shown == answer
    assert [child["name"] for child in tree["children"]] == ["lib", "notes.txt", "train.py"]
    assert api.get(f"{url}/mnist").json()["metadata"] == answer["metadata"]

    changed = api.put(url_of_it, json=body(code, "mnist2", parameters=[])).json()
    assert changed["metadata"]["version_num"] == 2
    assert changed["metadata"]["id"] == answer["metadata"]["id"]
    assert changed["metadata"]["name"] == "mnist2"
    versions = api.get(f"{url_of_it}/versions").json()["items"]
    assert [(v["version_num"], len(v["job_config"]["parameters"])) for v in versions] == [(2, 0), (1, 1)]

    assert [item["metadata"]["name"] for item in api.get(url).json()["items"]] == ["mnist2"]
    assert api.delete(url_of_it).status_code == 202
    assert api.get(url).json()["total"] == 0
    refused(api.get(url_of_it), Code.ALGORITHM_NOT_FOUND, 404)
    refused(api.delete(url_of_it), Code.ALGORITHM_NOT_FOUND, 404)
    refused(api.put(url_of_it, json=body(code)), Code.ALGORITHM_NOT_FOUND, 404)


def test_listing_pages_sorts_and_searches(any_server: Running, code: str):
    api, url = any_server.api, any_server.v2("algorithms")
    for name in ("alpha", "beta", "gamma_1", "gammaX1"):
        api.post(url, json=body(code, name)).raise_for_status()

    def names(**query: Any) -> list[str]:
        answer = api.get(url, params=query)
        assert answer.status_code == 200, answer.text
        return [item["metadata"]["name"] for item in answer.json()["items"]]

    assert names() == ["gammaX1", "gamma_1", "beta", "alpha"]
    assert names(order="asc") == ["alpha", "beta", "gamma_1", "gammaX1"]
    assert names(sort_by="name", order="desc")[0].startswith("gamma")
    assert names(offset=1, limit=2) == ["gamma_1", "beta"]
    assert names(searches="GAMMA") == ["gammaX1", "gamma_1"]
    assert names(searches="name:gamma_") == ["gamma_1"]
    assert names(searches="100%") == []
    assert names(offset=100) == []
    page = api.get(url, params={"limit": 1}).json()
    assert (page["total"], page["count"], page["limit"], page["offset"]) == (4, 1, 1, 0)
    refused(api.get(url, params={"sort_by": "size"}), Code.FIELD_INVALID)
    refused(api.get(url, params={"limit": 0}), Code.FIELD_INVALID)
    refused(api.get(url, params={"offset": 10**30}), Code.FIELD_INVALID)


def test_a_taken_name_is_refused_also_when_renaming(any_server: Running, code: str):
    api, url = any_server.api, any_server.v2("algorithms")
    api.post(url, json=body(code, "one")).raise_for_status()
    other = api.post(url, json=body(code, "two")).json()["metadata"]["id"]
    refused(api.post(url, json=body(code, "one")), Code.NAME_TAKEN, 409)
    refused(api.put(f"{url}/{other}", json=body(code, "one")), Code.NAME_TAKEN, 409)
    assert api.get(f"{url}/two").json()["metadata"]["version_num"] == 1


def test_search_policy_and_constraints_come_back_as_they_were(server: Running):
    search = {
        "reward_attrs": [{"name": "acc", "mode": "max", "regex": "acc=([0-9.]+)"}],
        "search_params": [
            {"name": "lr", "param_type": "continuous", "lower_bound": "0.1", "upper_bound": "1"},
            {"name": "batch", "param_type": "discrete", "discrete_values": ["16", "32"]},
        ],
        "algo_configs": [
            {"name": "tpe_search", "params": [{"key": "gamma", "value": "0.25", "type": "Float"}]}
        ],
    }
    given = body(put_code(server))
    given["advanced_config"] = {"auto_search": search}
    given["resource_requirements"] = [{"key": "flavor_type", "values": ["CPU", "GPU"], "operator": "in"}]
    answer = server.api.post(server.v2("algorithms"), json=given).json()
    assert answer["advanced_config"] == {"auto_search": search}
    assert answer["resource_requirements"][0]["value"] == ["CPU", "GPU"]


def run(server: Running, algorithm: str, outputs: list[dict[str, Any]], **resource: Any) -> httpx.Response:
    """Create a job of ``algorithm``."""
    spec = {"resource": {"flavor_id": "", "node_count": 1, **resource}}
    data = [{"name": "data_url", "remote": {"obs": {"obs_url": "obs://trainshed/code/mnist/"}}}]
    given = {"id": algorithm, "inputs": data, "outputs": outputs}
    job = {"kind": "job", "metadata": {"name": f"run-{uuid4().hex[:8]}"}, "algorithm": given, "spec": spec}
    return server.api.post(server.v2("training-jobs"), json=job)


def output(**says: Any) -> list[dict[str, Any]]:
    return [{"name": "train_url", "remote": {"obs": {"obs_url": "obs://trainshed/out/"}}, **says}]


def test_what_an_algorithm_says_about_outputs_holds_unless_the_run_says_otherwise(server: Running):
    given = body(put_code(server), "resuming", outputs=[{"name": "train_url", "predownload": True}])
    given["job_config"]["engine"] = {"engine_id": "python_3.11"}
    made = server.api.post(server.v2("algorithms"), json=given).json()
    assert made["job_config"]["outputs"][0]["predownload"] is True
    identity = made["metadata"]["id"]
    job = run(server, identity, output()).json()
    assert job["algorithm"]["outputs"][0]["predownload"] is True
    job = run(server, identity, output(predownload=False)).json()
    assert "predownload" not in job["algorithm"]["outputs"][0]


def test_an_algorithm_of_one_node_gets_no_two(server: Running):
    given = body(put_code(server), "alone")
    given["job_config"]["engine"] = {"engine_id": "python_3.11"}
    given["resource_requirements"] = [{"key": "host_distributed_mode", "values": ["singular"]}]
    made = server.api.post(server.v2("algorithms"), json=given).json()
    answer = run(server, made["metadata"]["id"], output(), flavor_id="cpu-1", node_count=2)
    assert "limited to one node" in refused(answer, Code.FLAVOR_UNKNOWN)


BAD: list[tuple[dict[str, Any], str]] = [
    ({"boot_file": "missing.py"}, Code.BOOT_FILE_MISSING),
    ({"boot_file": ""}, Code.BOOT_FILE_MISSING),
    ({"boot_file": "notes.txt"}, Code.BOOT_FILE_MISSING),
    ({"boot_file": "../train.py"}, Code.BOOT_FILE_OUTSIDE_CODE),
    ({"boot_file": "lib/../../x.py"}, Code.BOOT_FILE_OUTSIDE_CODE),
    ({"boot_file": "obs://trainshed/elsewhere/train.py"}, Code.BOOT_FILE_OUTSIDE_CODE),
    ({"code_dir": "obs://trainshed/code/../code/mnist/"}, Code.URI_INVALID),
    ({"code_dir": "ftp://trainshed/code/"}, Code.URI_INVALID),
    ({"engine": {"engine_id": "pytorch_0.0.1"}}, Code.ENGINE_UNKNOWN),
    ({"engine": {"engine_name": "PyTorch", "engine_version": "none"}}, Code.ENGINE_UNKNOWN),
    ({"engine": {}}, Code.ENGINE_UNKNOWN),
    ({"parameters": [{"name": "a b"}]}, Code.PARAMETER_INVALID),
    ({"parameters": [{"name": "a"}, {"name": "a"}]}, Code.PARAMETER_INVALID),
    ({"parameters": [{"name": "a", "constraint": {"type": "Complex"}}]}, Code.PARAMETER_INVALID),
    (
        {"parameters": [{"name": "a", "value": "x", "constraint": {"type": "Integer"}}]},
        Code.PARAMETER_INVALID,
    ),
    ({"inputs": [{"name": "lr"}]}, Code.CHANNEL_INVALID),
    ({"inputs": [{"name": "a", "access_method": "mail"}]}, Code.CHANNEL_INVALID),
    ({"inputs": [{"name": "a-b", "access_method": "env"}]}, Code.CHANNEL_INVALID),
    ({"inputs": [{"name": f"i{i}"} for i in range(60)]}, Code.CHANNEL_INVALID),
    ({"command": "x" * 10_000}, Code.FIELD_INVALID),
    ({"parameters": "lr"}, Code.FIELD_INVALID),
    ({"parameters_customization": "perhaps"}, Code.FIELD_INVALID),
]


@pytest.mark.parametrize(("config", "code"), BAD, ids=lambda value: str(value)[:50])
def test_what_cannot_run_is_refused_and_nothing_made(
    shared_server: Running, config: dict[str, Any], code: str
):
    api, url = shared_server.api, shared_server.v2("algorithms")
    refused(api.post(url, json=body(put_code(shared_server), **config)), code)
    assert api.get(url).json()["total"] == 0


@pytest.mark.parametrize("name", ["", "a" * 65, "a b", "-a", "a/b", "a\x00b", "\ud800"])
def test_names_that_are_none_are_refused(shared_server: Running, name: str):
    content = body("obs://trainshed/code/mnist/", name)
    answer = shared_server.api.post(shared_server.v2("algorithms"), content=json.dumps(content), headers=JSON)
    assert answer.status_code == 400, answer.text


JSON = {"Content-Type": "application/json"}


def test_a_name_in_another_script_is_fine(server: Running):
    made = server.api.post(server.v2("algorithms"), json=body(put_code(server), "手写数字"))
    assert made.status_code == 201
    assert server.api.get(server.v2("algorithms/手写数字")).json()["metadata"]["name"] == "手写数字"
