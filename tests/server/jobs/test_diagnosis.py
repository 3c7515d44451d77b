"""The diagnosis of real jobs, by the API; kept when they end, and made when it is asked for."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.server.jobs.shed import DEADLINE_S, Json, Shed


def diagnosed(shed: Shed, script: str, **changes: object) -> tuple[Json, Json]:
    job = shed.wait(shed.submit(script, **changes))
    return job, shed.get(job["metadata"]["id"], "diagnosis")


def kept(shed: Shed, job: Json) -> Path:
    place = Path(shed.running.home) / "logs" / job["metadata"]["id"] / "0" / "diagnosis.json"
    deadline = time.monotonic() + DEADLINE_S
    while not place.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    return place


def test_a_script_that_misses_a_module(shed: Shed) -> None:
    job, found = diagnosed(shed, "import os\nimport no_such_module_at_all\n")
    diagnosis = found["diagnosis"]
    assert diagnosis["rule"] == "python.module_missing"
    assert diagnosis["confidence"] == "HIGH"
    assert diagnosis["location"] == "train.py:2"
    assert "no_such_module_at_all" in found["sentence"]
    line = diagnosis["evidence"][0]
    url = shed.url(job["metadata"]["id"], "tasks", "worker-0", "logs")
    log = shed.api.get(url, params={"offset": line["offset"], "limit": 200}).text
    assert log.startswith("ModuleNotFoundError: No module named 'no_such_module_at_all'")


def test_it_is_kept_when_the_job_ends_and_goes_with_its_logs(shed: Shed) -> None:
    job = shed.wait(shed.submit("raise LookupError('no shard')"))
    place = kept(shed, job)
    assert "script.exception" in place.read_text()
    assert shed.api.delete(shed.url(job["metadata"]["id"])).status_code == 202
    assert not place.exists()


def test_it_is_made_again_where_none_was_kept(shed: Shed) -> None:
    job = shed.wait(shed.submit("import sys; print('bye'); sys.exit(3)"))
    kept(shed, job).unlink()
    found = shed.get(job["metadata"]["id"], "diagnosis")
    assert found["diagnosis"]["rule"] == "script.exit_code"
    assert found["diagnosis"]["exit_code"] == 3


def test_an_argument_that_the_script_does_not_know(shed: Shed) -> None:
    script = "import argparse\nargparse.ArgumentParser().parse_args()\n"
    _, found = diagnosed(shed, script, algorithm__parameters=[{"name": "lr", "value": "0.1"}])
    assert found["diagnosis"]["rule"] == "python.arguments_unrecognized"
    assert "--lr=0.1" in found["sentence"]


def test_the_rank_that_failed_of_its_own_is_named(shed: Shed) -> None:
    script = (
        "import os, time\n"
        "if os.environ.get('VC_TASK_INDEX') == '1':\n"
        "    raise LookupError('shard 1 is not in the index')\n"
        "time.sleep(600)\n"
    )
    _, found = diagnosed(shed, script, spec__resource__node_count=2)
    diagnosis = found["diagnosis"]
    assert (diagnosis["task"], diagnosis["rule"]) == (1, "script.exception")
    assert diagnosis["evidence"][0]["stream"] == "worker-1"


def test_a_job_that_succeeds_and_one_that_runs(shed: Shed) -> None:
    _, found = diagnosed(shed, "print('fine')")
    assert "diagnosis" not in found or found["diagnosis"] is None
    assert found["sentence"] == "The job succeeded."
    job = shed.submit("import time; print('on', flush=True); time.sleep(600)")
    shed.until_log(job, "on")
    found = shed.get(job["metadata"]["id"], "diagnosis")
    assert found["sentence"] == "This attempt has not ended yet."
    shed.stop(job)
    shed.wait(job)
    assert shed.get(job["metadata"]["id"], "diagnosis")["diagnosis"]["rule"] == "stopped.person"


@pytest.mark.parametrize(("job", "query"), [("no-such-job", {}), ("", {"attempt": 9})])
def test_what_is_not_there(shed: Shed, job: str, query: Json) -> None:
    name = job or shed.submit()["metadata"]["id"]
    assert shed.api.get(shed.url(name, "diagnosis"), params=query).status_code == 404
