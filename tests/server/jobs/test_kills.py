"""The server killed with -9 again and again: nothing is lost, doubled or forgotten."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.server.jobs.shed import ENDED, eventually

LINES = 300
SCRIPT = f"""
import sys, time
out = sys.argv[1].split("=")[1]
for n in range({LINES}):
    print("line", n, flush=True)
    time.sleep(0.01)
open(out + "whole", "w").write("x" * 100_000)
"""


class Life:
    """One life of a server on a home: a process of its own."""

    def __init__(self, home: Path, environments: Path) -> None:
        environ = {**os.environ, "TRAINSHED_ENVIRONMENTS": str(environments)}
        argv = [sys.executable, "-m", "trainshed.cli", "up", "--home", str(home), "--port", "0", "--json"]
        self.process = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environ)
        assert self.process.stdout is not None
        ready = json.loads(self.process.stdout.readline())
        self.api = httpx.Client(
            base_url=f"{ready['endpoint']}/v2/{ready['project_id']}/",
            headers={"Authorization": f"Bearer {ready['token']}"},
            timeout=60,
            trust_env=False,
        )

    def get(self, path: str, **query: Any) -> Any:
        answer = self.api.get(path, params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def end(self, number: int) -> None:
        self.process.send_signal(number)
        self.process.wait(60)
        self.api.close()
        assert self.process.stdout is not None
        self.process.stdout.close()


@contextmanager
def life(home: Path, environments: Path, how: int = signal.SIGKILL) -> Generator[Life]:
    found = Life(home, environments)
    try:
        yield found
    finally:
        found.end(how)


def body(folder: Path, name: str, script: str = SCRIPT) -> dict[str, Any]:
    code = folder / f"code-{name}"
    code.mkdir(exist_ok=True)
    (code / "train.py").write_text(script)
    return {
        "metadata": {"name": name},
        "algorithm": {
            "code_dir": str(code),
            "boot_file": "train.py",
            "engine": {"engine_id": "python"},
            "outputs": [{"name": "out", "remote": {"obs": {"obs_url": str(folder / f"out-{name}")}}}],
        },
        "spec": {"resource": {"flavor_id": "cpu-1"}},
    }


def audit(server: Life, folder: Path, name: str) -> None:
    """Every line once and in order, every event once, outputs whole, one end."""
    job = server.get(f"training-jobs/{name}")
    assert job["status"]["phase"] == "Completed", job["status"]
    assert job["status"]["attempt"] == 0
    log = server.api.get(f"training-jobs/{name}/tasks/worker-0/logs").text
    lines = [line for line in log.splitlines() if not line.startswith("[ModelArts Service Log]")]
    assert lines == [f"line {n}" for n in range(LINES)]
    events = server.get(f"training-jobs/{name}/events", order="asc", limit=1000)["events"]
    kinds = [(event["source"], event["stage"], event["kind"]) for event in events]
    told = [kind for kind in kinds if kind[2] != "note"]
    assert len(told) == len(set(told)), kinds
    assert kinds.count(("service", "", "completed")) == 1
    assert (folder / f"out-{name}/whole").read_text() == "x" * 100_000


def ended(server: Life, name: str) -> bool:
    return server.get(f"training-jobs/{name}")["status"]["phase"] in ENDED


def lines(server: Life, name: str) -> int:
    return server.api.get(f"training-jobs/{name}/tasks/worker-0/logs").text.count("\nline ")


@pytest.mark.parametrize("points", [(0, 1), (20, 150), (80, 290)])
def test_a_server_killed_at_many_points(tmp_path: Path, environments: Path, points: tuple[int, ...]) -> None:
    """Killed once so many lines have arrived (0: right after the submit)."""
    home = tmp_path / "home"
    with life(home, environments) as server:
        answer = server.api.post("training-jobs", json=body(tmp_path, "kill"))
        assert answer.status_code == 201, answer.text
        if points[0]:
            eventually(lambda: lines(server, "kill") >= points[0])
    for point in points[1:]:
        with life(home, environments) as server:
            eventually(lambda point=point: lines(server, "kill") >= point or ended(server, "kill"))
    with life(home, environments, signal.SIGTERM) as server:
        eventually(lambda: ended(server, "kill"))
        audit(server, tmp_path, "kill")


def test_a_server_that_ends_cleanly_leaves_its_jobs_running(tmp_path: Path, environments: Path) -> None:
    home = tmp_path / "home"
    with life(home, environments, signal.SIGTERM) as server:
        server.api.post("training-jobs", json=body(tmp_path, "clean"))
        eventually(lambda: lines(server, "clean") >= 10)
    with life(home, environments, signal.SIGTERM) as server:
        eventually(lambda: ended(server, "clean"))
        audit(server, tmp_path, "clean")


def test_jobs_that_wait_outlive_the_server(tmp_path: Path, environments: Path) -> None:
    home = tmp_path / "home"
    names = [f"wait-{n}" for n in range(6)]
    with life(home, environments) as server:
        for name in names:
            quick = SCRIPT.replace("0.01", "0.001")
            assert server.api.post("training-jobs", json=body(tmp_path, name, quick)).status_code == 201
    with life(home, environments, signal.SIGTERM) as server:
        for name in names:
            eventually(lambda name=name: ended(server, name))
            audit(server, tmp_path, name)
