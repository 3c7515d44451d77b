"""A recording server, and tasks for agents to do."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from trainshed.agent import processes
from trainshed.core.engine import LauncherName
from trainshed.core.task import Interpreter, Peer, Reporting, TaskSpec
from trainshed.core.wire import to_wire
from trainshed.testing.agent_server import JOB, TOKEN, Server, TaskRecord

SANDBOXES = ("none", "namespaces", "bubblewrap")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    server = Server(tmp_path)
    server.start()
    yield server
    server.stop()
    assert server.faults == []


class Job:
    """One task: its folder of code, its specification, and the agents that are at it."""

    def __init__(self, folder: Path, server: Server) -> None:
        self.folder = folder
        self.server = server
        self.code = folder / "code"
        self.code.mkdir()
        self.root = folder / "jobs" / JOB / "0" / "worker-0"
        self.agents: list[subprocess.Popen[bytes]] = []
        self.spec = TaskSpec(
            job_id=JOB,
            job_name="a-job",
            attempt=0,
            index=0,
            root=str(self.root),
            code_dir=f"file://{self.code}",
            boot_file="train.py",
            engine_id="",
            family="PyTorch",
            launcher=LauncherName.PLAIN,
            reporting=Reporting(server.endpoint, TOKEN, str(server.endpoint_file)),
            peers=(Peer("127.0.0.1"),),
            ports=(29500,),
            interpreter=Interpreter(sys.executable, "3.11"),
            grace_s=5,
            sandbox="none",
            environments_dir=str(folder / "environments"),
        )

    def write(self, text: str, name: str = "train.py") -> Path:
        path = self.code / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def set(self, **changes: Any) -> None:
        self.spec = replace(self.spec, **changes)

    def prepare(self) -> None:
        self.root.mkdir(parents=True, exist_ok=True)
        (self.root / "task.json").write_text(json.dumps(to_wire(self.spec)))

    def start(self, **env: str) -> subprocess.Popen[bytes]:
        if not (self.root / "task.json").exists():
            self.prepare()
        log = (self.root / "agent.log").open("ab")
        agent = subprocess.Popen(
            [sys.executable, "-m", "trainshed.agent", str(self.root)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=os.environ | env,
            start_new_session=True,
        )
        log.close()
        self.agents.append(agent)
        return agent

    @property
    def record(self) -> TaskRecord:
        return self.server.task(JOB, self.spec.attempt, self.spec.index)

    def run(self, timeout: float = 150, **env: str) -> TaskRecord:
        """From start to end."""
        agent = self.start(**env)
        code = agent.wait(timeout)
        assert code == 0, self.agent_log()
        return self.record

    def agent_log(self) -> str:
        path = self.root / "agent.log"
        return path.read_text() if path.exists() else ""

    def supervisor(self) -> int:
        return int(json.loads((self.root / "run" / "supervisor.lock").read_text())["pid"])

    def script_log(self) -> bytes:
        """What the script printed: the task's log without the platform's lines."""
        lines = self.record.log.splitlines(keepends=True)
        return b"".join(line for line in lines if not line.startswith(b"[ModelArts Service Log]"))

    @property
    def mark(self) -> str:
        return f"{self.spec.job_id}/{self.spec.attempt}/{self.spec.index}"

    def left(self) -> list[int]:
        """Processes of the task that still live; agents are not among them."""
        return [p for p in processes.marked(self.mark) if self._is_ours(p)]

    def _is_ours(self, pid: int) -> bool:
        try:
            environ = Path(f"/proc/{pid}/environ").read_bytes().decode(errors="replace")
        except OSError:
            return False
        return str(self.folder) in environ

    def close(self) -> None:
        for agent in self.agents:
            if agent.poll() is None:
                agent.kill()
                agent.wait()
        with_supervisor = self.root / "run" / "supervisor.lock"
        if with_supervisor.exists():
            identity = processes.Identity(**json.loads(with_supervisor.read_text()))
            identity.send(signal.SIGKILL)
        processes.send(self.left(), signal.SIGKILL)
        shutil.rmtree(self.folder, ignore_errors=True)


@pytest.fixture
def job(tmp_path: Path, server: Server) -> Iterator[Job]:
    job = Job(tmp_path, server)
    yield job
    job.close()


def eventually(what: Any, timeout: float = 90.0) -> Any:
    """Wait until ``what()`` is true, for things that nothing announces."""
    until = time.monotonic() + timeout
    while not (found := what()):
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.01)
    return found
