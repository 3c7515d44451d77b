"""The KungFu launcher against a stand-in for kungfu-run that checks all it gets and starts the workers.

KungFu itself is on no package registry; with its source at hand the engine is built by
``TRAINSHED_KUNGFU_SOURCE=… trainshed engines build kungfu``.
"""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path

import pytest

from tests.engines.cluster import Cluster, Outcome, make_layout, make_task
from trainshed.core.engine import LauncherName
from trainshed.core.errors import Code, InvalidInput
from trainshed.core.task import Interpreter, Peer
from trainshed.engines import catalogue
from trainshed.engines.environments import Environments
from trainshed.engines.launchers import kungfu

STAND_IN = Path(__file__).parent / "stand_ins" / "kungfu_run.py"
KUNGFU = "KF-0.2.2-TF-1.13.1-python3.6"


@pytest.fixture
def interpreter(tmp_path: Path) -> Interpreter:
    """A Python with the stand-in beside it, as in an environment of the engine."""
    folder = tmp_path / "env" / "bin"
    folder.mkdir(parents=True)
    python = folder / "python"
    python.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} "$@"\n')
    runner = folder / "kungfu-run"
    runner.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} {shlex.quote(str(STAND_IN))} "$@"\n')
    for file in (python, runner):
        file.chmod(0o755)
    return Interpreter(str(python), "3.6 stand-in")


def run(interpreter: Interpreter, folder: Path, *arguments: str, elastic: bool = False) -> list[Outcome]:
    engine = catalogue.load().get(KUNGFU)
    variables = {} if elastic else {"KUNGFU_STRATEGY": "RING"}
    job = Cluster(
        folder, engine, interpreter, nodes=2, processes=2, variables=variables, min_workers=2 * elastic
    )
    return job.run("kungfu_digits.py", *arguments)


@pytest.mark.parametrize("elastic", [False, True])
def test_workers_start_on_every_host(
    interpreter: Interpreter, tmp_path: Path, digits: Path, elastic: bool
) -> None:
    outcomes = run(interpreter, tmp_path, f"--data_url={digits}/", elastic=elastic)
    runners = [outcome for outcome in outcomes if outcome.spec.rank >= 0]
    assert [outcome.code for outcome in runners] == [0, 0], [outcome.text for outcome in runners]
    reports = [
        json.loads(line.removeprefix("REPORT "))
        for outcome in runners
        for line in outcome.text.splitlines()
        if line.startswith("REPORT ")
    ]
    assert sorted(report["rank"] for report in reports) == [0, 1, 2, 3]
    assert min(report["accuracy"] for report in reports) > 0.85
    assert all(report["config"].endswith("/config") for report in reports) == elastic
    assert len(outcomes) == (3 if elastic else 2)


def test_a_worker_that_fails_ends_its_host(interpreter: Interpreter, tmp_path: Path, digits: Path) -> None:
    outcomes = run(interpreter, tmp_path, f"--data_url={digits}/", "--fail_rank=3")
    assert outcomes[1].code == 3


def test_the_command_line() -> None:
    golden = "/env/bin/kungfu-run -q -np 4 -H 10.0.0.1:2,10.0.0.2:2 -self 10.0.0.2 -port 30000 "
    golden += "-port-range 30002-30003 -logdir /home/ma-user/log "
    golden += "/env/bin/python /home/ma-user/code/train.py --lr=1"
    task = make_task(
        LauncherName.KUNGFU, nodes=2, processes=2, index=1, peers=(Peer("10.0.0.1"), Peer("10.0.0.2"))
    )
    layout = make_layout("/home/ma-user", "--lr=1")
    [process] = kungfu.processes(task, layout, Interpreter("/env/bin/python", "3.6"))
    assert " ".join(process.argv) == golden
    expected = {"DLS_TASK_INDEX": "1", "DLS_TASK_NUMBER": "2", "BATCH_CUSTOM0_HOSTS": "10.0.0.1:30000"}
    assert expected.items() <= process.env.items()


def test_worker_ports_are_in_a_row() -> None:
    layout, python = make_layout(), Interpreter("/env/bin/python", "3.6")
    scattered = make_task(LauncherName.KUNGFU, processes=2, ports=(1, 2, 10, 20, 30, 31))
    [process] = kungfu.processes(scattered, layout, python)
    assert process.argv[process.argv.index("-port-range") + 1] == "30-31"
    with pytest.raises(InvalidInput, match="2 ports in a row"):
        kungfu.processes(make_task(LauncherName.KUNGFU, processes=2, ports=(1, 2, 10, 20)), layout, python)


def test_hosts_must_be_addresses() -> None:
    task = make_task(LauncherName.KUNGFU, peers=(Peer("node-1.example"),))
    with pytest.raises(InvalidInput, match="IPv4"):
        kungfu.processes(task, make_layout(), Interpreter("/env/bin/python", "3.6"))


def test_a_missing_source_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TRAINSHED_KUNGFU_SOURCE", raising=False)
    monkeypatch.setattr("trainshed.engines.builder.check_system_packages", lambda _: None)
    engine = catalogue.load().get(KUNGFU)
    with pytest.raises(InvalidInput, match="TRAINSHED_KUNGFU_SOURCE") as caught:
        Environments(tmp_path).ensure(engine)
    assert caught.value.code in (Code.ENVIRONMENT_BUILD_FAILED, Code.INTERPRETER_MISSING)
