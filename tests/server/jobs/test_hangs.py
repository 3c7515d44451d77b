"""Jobs that hang: noticed, with the stacks of all ranks, and ended where they say so."""

from __future__ import annotations

import time
from collections.abc import Generator
from pathlib import Path

import pytest

from tests.server.jobs.shed import Json, Shed, eventually
from tests.server.running import running

HANGS = """
import threading
print("about to hang", flush=True)

def wait_for_ever():
    threading.Event().wait()

wait_for_ever()
"""

NOTES = {
    "fault-tolerance/hang-window-s": "4",
    "fault-tolerance/hang-confirm-s": "2",
    "fault-tolerance/hang-start-s": "1",
}


@pytest.fixture(scope="module")
def shed(tmp_path_factory: pytest.TempPathFactory, environments: Path) -> Generator[Shed]:
    folder = tmp_path_factory.mktemp("hangs")
    with running(folder / "home", environments=environments) as server:
        yield Shed(server, folder / "scripts")


def stacks(shed: Shed, job: Json, **query: int) -> Json:
    return shed.get(job["metadata"]["id"], "stacks", **query)


def test_a_job_that_hangs_is_noticed_and_goes_on(shed: Shed) -> None:
    job = shed.submit(HANGS, metadata__annotations=NOTES)
    found = eventually(lambda: (s := stacks(shed, job))["state"] == "hung" and s)
    assert "waits for a lock" in found["reason"]
    assert "锁" in found["reason_zh"]
    [check, *_] = eventually(lambda: [c for c in stacks(shed, job)["checks"] if not c["waiting"]])
    [rank] = check["ranks"]
    assert (rank["rank"], rank["task"], rank["error"]) == (0, 0, "")
    assert "wait_for_ever (" in rank["text"]
    assert "train.py:6" in rank["text"]
    kinds = [kind for _, _, kind in shed.kinds(job)]
    assert "hang_suspected" in kinds
    eventually(lambda: "hung" in [kind for _, _, kind in shed.kinds(job)])
    assert shed.show(job)["status"]["phase"] == "Running"
    diagnosis = shed.get(job["metadata"]["id"], "diagnosis")
    assert "hangs" in diagnosis["sentence"]
    shed.stop(job)
    assert shed.wait(job)["status"]["phase"] == "Terminated"


def test_a_job_that_hangs_is_started_again_and_then_fails(shed: Shed) -> None:
    notes = NOTES | {"fault-tolerance/hang-retry-num": "1"}
    job = shed.wait(shed.submit(HANGS, metadata__annotations=notes))
    status = job["status"]
    assert (status["phase"], status["attempt"]) == ("Failed", 1), status
    assert status["outcome"]["cause"] == "hang"
    kinds = [kind for _, _, kind in shed.kinds(job)]
    assert kinds.count("restarted") == 1
    assert kinds.count("hung") == 2
    for attempt in (0, 1):
        found = shed.get(job["metadata"]["id"], "diagnosis", attempt=attempt)["diagnosis"]
        assert found["rule"] == "stopped.hang"
        assert found["location"] == "train.py:6 in wait_for_ever"
        assert any("wait_for_ever" in line["text"] for line in found["evidence"])
        assert stacks(shed, job, attempt=attempt)["checks"][0]["ranks"][0]["text"]


def test_the_odd_rank_of_several_tasks_is_named(shed: Shed) -> None:
    """Two tasks of which one stops itself and the other waits for it."""
    script = (
        "import os, signal, socket, threading, time\n"
        "index = int(os.environ['VC_TASK_INDEX'])\n"
        "if index == 1:\n"
        "    os.kill(os.getpid(), signal.SIGSTOP)\n"
        "threading.Event().wait()\n"
    )
    notes = NOTES | {"fault-tolerance/hang-action": "stop"}
    job = shed.submit(script, metadata__annotations=notes, spec__resource__node_count=2)
    found = shed.wait(job)["status"]
    assert (found["phase"], found["outcome"]["cause"]) == ("Failed", "hang")
    assert found["outcome"]["rank"] == 1
    assert "stopped by a signal" in found["outcome"]["message"]
    ranks = stacks(shed, job)["checks"][0]["ranks"]
    assert [rank["rank"] for rank in ranks] == [0, 1]


def test_one_that_sleeps_or_works_is_let_alone(shed: Shed) -> None:
    """Longer than window and confirmation together, and as seldom heard of."""
    script = "import time\ntime.sleep(9)\nend = time.time() + 9\nwhile time.time() < end: sum(range(1000))\n"
    job = shed.wait(shed.submit(script, metadata__annotations=NOTES))
    assert job["status"]["phase"] == "Completed"
    assert not any("hang" in kind or kind == "hung" for _, _, kind in shed.kinds(job))
    assert stacks(shed, job)["state"] == ""


def test_stacks_are_taken_on_demand(shed: Shed) -> None:
    job = shed.submit("import time\ndef nap(): time.sleep(600)\nprint('on', flush=True)\nnap()\n")
    shed.until_log(job, "on")
    time.sleep(0)
    answer = shed.api.post(shed.url(job["metadata"]["id"], "stacks"))
    assert answer.status_code == 202, answer.text
    number = answer.json()["id"]
    check = eventually(
        lambda: next((c for c in stacks(shed, job)["checks"] if c["id"] == number and not c["waiting"]), None)
    )
    assert "nap (" in check["ranks"][0]["text"]
    shed.stop(job)
    shed.wait(job)
    assert shed.api.post(shed.url(job["metadata"]["id"], "stacks")).status_code == 409


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("hang-retry", "maybe"),
        ("hang-action", "panic"),
        ("hang-window-s", "-1"),
        ("user-error-retry-num", "1000"),
        ("retry-exit-codes", "1,x"),
    ],
)
def test_an_annotation_that_is_wrong(shed: Shed, name: str, value: str) -> None:
    body = shed.body(metadata__annotations={f"fault-tolerance/{name}": value})
    status, _, sentence = shed.refused(body)
    assert status == 400
    assert name in sentence
