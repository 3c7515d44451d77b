"""Engines, their builds and logs, pools and flavors over HTTP."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import httpx
import pytest

from tests.server.running import Running
from trainshed.core.errors import Code


def refused(answer: httpx.Response, status: int, code: str) -> None:
    assert (answer.status_code, answer.json()["error_code"]) == (status, code), answer.text


def follow(server: Running, engine: str, offset: int = 0) -> list[tuple[str, dict]]:
    """All events of a build, until its end."""
    events: list[tuple[str, dict]] = []
    url = server.v2(f"engines/{engine}/build-log/follow")
    with server.api.stream("GET", url, params={"offset": offset}) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        name = ""
        for line in answer.iter_lines():
            if line.startswith("event: "):
                name = line.removeprefix("event: ")
            elif line.startswith("data: "):
                events.append((name, json.loads(line.removeprefix("data: "))))
    return events


def test_the_catalogue_says_what_runs_here_and_why_not(shared_server: Running):
    items = shared_server.api.get(shared_server.v2("engines")).json()["items"]
    assert len(items) >= 5
    for item in items:
        assert item["available"] or item["reason"], item["id"]
        assert [offer["pool_id"] for offer in item["pools"]] == ["local"]
        assert item["environment"]["state"] in ("absent", "building", "ready", "broken")
    usable = {item["id"] for item in items if item["available"]}
    listed = shared_server.api.get(shared_server.v2("training-job-engines")).json()["items"]
    assert {item["engine_id"] for item in listed} == usable


@pytest.mark.parametrize("name", ["pytorch", "PyTorch", "python", "tensorflow"])
def test_a_family_means_its_newest(shared_server: Running, name: str):
    found = shared_server.api.get(shared_server.v2(f"engines/{name}")).json()
    assert found["family"].lower() == name.lower()
    assert shared_server.api.get(shared_server.v2(f"engines/{found['id']}")).json()["id"] == found["id"]


def test_an_engine_that_is_not_there(shared_server: Running):
    for path in ("engines/none", "engines/none/build-log", "engines/none/build-log/follow"):
        refused(shared_server.api.get(shared_server.v2(path)), 404, Code.ENGINE_UNKNOWN)
    refused(shared_server.api.post(shared_server.v2("engines/none/build")), 404, Code.ENGINE_UNKNOWN)


def test_a_build_is_started_followed_and_read(serve, tmp_path: Path):
    server = serve(environments=tmp_path / "environments")
    api, url = server.api, server.v2("engines/python")
    assert api.get(url).json()["environment"]["state"] == "absent"
    assert api.get(f"{url}/build-log").content == b""
    assert follow(server, "python")[-1][0] == "end"

    started = api.post(f"{url}/build")
    assert started.status_code == 202
    assert started.json()["environment"]["state"] in ("building", "ready")
    events = follow(server, "python")
    assert events[-1] == ("end", {"state": "ready", "error": ""})
    text = "".join(data["text"] for name, data in events if name == "log")
    assert [data["percent"] for name, data in events if name == "progress"][-1] == 100
    offsets = [(data["offset"], data["next"]) for name, data in events if name == "log"]
    assert all(before[1] == after[0] for before, after in pairwise(offsets))

    log = api.get(f"{url}/build-log")
    assert log.text == text
    assert int(log.headers["x-log-size"]) == len(log.content) == offsets[-1][1]
    part = api.get(f"{url}/build-log", params={"offset": 10, "limit": 5})
    assert part.content == log.content[10:15]
    assert api.get(f"{url}/build-log", params={"offset": 10**9}).content == b""
    assert api.post(f"{url}/build").json()["environment"]["state"] == "ready"


def test_an_engine_that_does_not_run_here_is_not_built(shared_server: Running):
    items = shared_server.api.get(shared_server.v2("engines")).json()["items"]
    unusable = [item["id"] for item in items if not item["available"]]
    if not unusable:
        pytest.skip("every engine of the catalogue runs here")
    answer = shared_server.api.post(shared_server.v2(f"engines/{unusable[0]}/build"))
    refused(answer, 400, Code.ENGINE_NOT_OFFERED)


def test_flavors_are_those_of_the_pools(shared_server: Running):
    api = shared_server.api
    flavors = api.get(shared_server.v2("training-job-flavors")).json()
    assert flavors["total_count"] == len(flavors["flavors"]) > 0
    cpu = api.get(shared_server.v2("training-job-flavors"), params={"flavor_type": "cpu"}).json()["flavors"]
    assert all(flavor["flavor_type"] == "CPU" for flavor in cpu)
    known = {"pool_id": "local", "flavor_id": flavors["flavors"][0]["flavor_id"]}
    assert api.get(shared_server.v2("training-pool-flavors"), params=known).json()["cpu_core_num"] >= 1
    for wrong, code in (({"pool_id": "x"}, Code.POOL_UNKNOWN), ({"flavor_id": "x"}, Code.FLAVOR_UNKNOWN)):
        answer = api.get(shared_server.v2("training-pool-flavors"), params={**known, **wrong})
        refused(answer, 400, code)


def test_pools_show_their_machines(shared_server: Running):
    pools = shared_server.api.get(shared_server.v2("pools")).json()["items"]
    assert [pool["metadata"]["name"] for pool in pools] == ["local"]
    assert pools[0]["nodes"][0]["cpus"] > 0
    assert shared_server.api.get(shared_server.v2("pools"), params={"status": "failed"}).json()["items"] == []
