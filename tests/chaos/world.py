"""One service with everything around it that can break: it is run as people run it, as a process."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx

from tests.chaos.plan import JobPlan
from trainshed.agent.processes import Identity

Json = dict[str, Any]

DEADLINE_S = 180.0
SCRIPT = """
import argparse, os, time
parser = argparse.ArgumentParser()
parser.add_argument("--out")
parser.add_argument("--lines", type=int)
parser.add_argument("--pause", type=float)
parser.add_argument("--code", type=int)
args = parser.parse_args()
for n in range(args.lines):
    print("line", n, "x" * (n % 70), flush=True)
    time.sleep(args.pause)
index = os.environ["VC_TASK_INDEX"]
for n in range(3):
    with open(os.path.join(args.out, "part-%s-%d" % (index, n)), "w") as file:
        file.write(str(n) * (1000 * (n + 1)))
raise SystemExit(args.code)
"""


def line(n: int) -> str:
    """What the script prints."""
    return f"line {n} {'x' * (n % 70)}"


def outputs_of(job: JobPlan) -> dict[str, str]:
    """Name and content of every file that a whole run leaves."""
    return {f"part-{index}-{n}": str(n) * (1000 * (n + 1)) for index in range(job.tasks) for n in range(3)}


class World:
    """The service in ``home``, and how to hurt it.

    Attributes:
        accepted: names of the jobs that the service has taken.
        hit: names of jobs of which a rank or supervisor was killed, or that met a full disk.
    """

    def __init__(self, folder: Path, home: Path, *, out: str = "", env: dict[str, str] | None = None) -> None:
        self.folder, self.home = folder, home
        self.code = folder / "code"
        self.code.mkdir()
        (self.code / "train.py").write_text(SCRIPT)
        self.out = out or str(folder / "out")
        self.env = {} if env is None else env
        self.accepted: list[JobPlan] = []
        self.hit: set[str] = set()
        self.process: subprocess.Popen[bytes] | None = None
        self.api = httpx.Client()
        self._lock = threading.RLock()

    # ---- the service

    def up(self) -> None:
        """Start the service; it takes up what was there."""
        argv = [
            sys.executable,
            "-m",
            "trainshed.cli",
            "up",
            "--home",
            str(self.home),
            "--port",
            "0",
            "--json",
        ]
        log = (self.folder / "server.log").open("ab")
        with log:
            self.process = subprocess.Popen(
                [*argv, "--json"], stdout=subprocess.PIPE, stderr=log, env={**os.environ, **self.env}
            )
        assert self.process.stdout is not None
        text = self.process.stdout.readline()
        assert text, f"the server did not start: {(self.folder / 'server.log').read_text()[-2000:]}"
        ready = json.loads(text)
        self.api.close()
        self.api = httpx.Client(
            base_url=f"{ready['endpoint']}/v2/{ready['project_id']}/",
            headers={"Authorization": f"Bearer {ready['token']}"},
            timeout=60,
            trust_env=False,
        )

    def kill(self, number: int = signal.SIGKILL) -> None:
        """End the service with a signal, and wait until it is gone."""
        if self.process is not None:
            self.process.send_signal(number)
            self.process.wait(90)
            assert self.process.stdout is not None
            self.process.stdout.close()
            self.process = None

    def close(self) -> None:
        """All over."""
        self.kill()
        self.api.close()

    def again(self) -> None:
        """Killed and started."""
        with self._lock:
            self.kill()
            self.up()

    def call(self, method: str, path: str, **more: Any) -> httpx.Response:
        """A request, tried again while the service cannot answer."""
        deadline = time.monotonic() + DEADLINE_S
        while True:
            with self._lock:
                api = self.api
            try:
                answer = api.request(method, path, **more)
                if answer.status_code not in (500, 503):
                    return answer
                last = answer.text
            except (httpx.HTTPError, RuntimeError) as error:  # closed under us: it came back elsewhere
                last = repr(error)
            assert time.monotonic() < deadline, f"{method} {path} is not answered: {last}"
            time.sleep(0.1)

    def get(self, path: str, **query: Any) -> Any:
        """The answer to a GET."""
        answer = self.call("GET", path, params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    # ---- jobs

    def submit(self, job: JobPlan) -> None:
        """Have a job accepted; a connection that broke in between leaves it to the name to tell."""
        answer = self.call("POST", "training-jobs", json=self._body(job))
        taken = answer.status_code == 409 and "exists" in answer.text
        assert answer.status_code == 201 or taken, answer.text
        self.accepted.append(job)

    def _body(self, job: JobPlan) -> Json:
        notes = {"fault-tolerance/job-retry-num": "3"}
        if job.kind == "again":
            notes["fault-tolerance/job-unconditional-retry"] = "true"
        values = {"lines": job.lines, "pause": job.pause_s, "code": job.exit_code}
        return {
            "metadata": {"name": job.name, "annotations": notes},
            "algorithm": {
                "code_dir": str(self.code),
                "boot_file": "train.py",
                "engine": {"engine_id": "python"},
                "parameters": [{"name": name, "value": str(value)} for name, value in values.items()],
                "outputs": [{"name": "out", "remote": {"obs": {"obs_url": f"{self.out}/{job.name}/"}}}],
            },
            "spec": {"resource": {"flavor_id": "cpu-1", "node_count": job.tasks}, "grace_s": 2},
        }

    def stop_job(self, name: str) -> None:
        """Ask for its end; it may have come already."""
        self.call("POST", f"training-jobs/{name}/actions", json={"action_type": "terminate"})

    def phases(self) -> dict[str, str]:
        """Phase of every job."""
        found: dict[str, str] = {}
        while True:
            body = {"offset": len(found), "limit": 100, "sort_by": "create_time", "order": "asc"}
            page = self.call("POST", "training-job-searches", json=body).json()
            found |= {item["metadata"]["name"]: item["status"]["phase"] for item in page["items"]}
            if not page["items"] or len(found) >= page["total"]:
                return found

    # ---- victims

    def agents(self) -> list[tuple[Path, Identity]]:
        """The live agents, with their tasks' folders."""
        return list(self._living("agent.lock", lambda said: (said["pid"], said["started"])))

    def supervisors(self) -> list[tuple[Path, Identity]]:
        """The live supervisors of tasks whose script runs."""
        found = self._living("run/supervisor.lock", lambda said: (said["pid"], said["started"]))
        return [(root, who) for root, who in found if not (root / "run/run.result").exists()]

    def ranks(self) -> list[tuple[Path, Identity]]:
        """The live ranks."""
        found: list[tuple[Path, Identity]] = []
        for path in self._files("run/run.launched"):
            with contextlib.suppress(OSError, ValueError):
                for _, pid, _ in json.loads(path.read_bytes()):
                    who = Identity.of(pid)
                    if who is not None and str(path.parents[1].parent) in _mark(pid, self.home):
                        found.append((path.parents[1], who))
        return found

    def _living(self, name: str, read: Callable[[Json], tuple[int, int]]) -> Iterator[tuple[Path, Identity]]:
        for path in self._files(name):
            with contextlib.suppress(OSError, ValueError, KeyError):
                who = Identity(*read(json.loads(path.read_bytes())))
                if who.alive:
                    yield path.parents[name.count("/")], who

    def _files(self, name: str) -> list[Path]:
        return sorted(self.home.glob(f"jobs/*/*/worker-*/{name}"))

    def zygotes(self) -> list[int]:
        """The processes that fork agents: children of the service."""
        assert self.process is not None
        found: list[int] = []
        for folder in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError, ValueError, IndexError):
                fields = (folder / "stat").read_text().rsplit(")", 1)[1].split()
                named = (folder / "comm").read_text().strip()
                if int(fields[1]) == self.process.pid and "zygote" in named:
                    found.append(int(folder.name))
        return found

    def name_of(self, root: Path) -> str:
        """The name of the job whose task has this folder."""
        return str(json.loads((root / "task.json").read_bytes())["job_name"])


def _mark(pid: int, home: Path) -> str:
    """The folder of the attempt that a process belongs to; empty for a stranger."""
    try:
        values = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return ""
    for value in values:
        if value.startswith(b"TRAINSHED_TASK="):
            job, attempt, _ = value.partition(b"=")[2].decode().split("/")
            return str(home / "jobs" / job / attempt)
    return ""
