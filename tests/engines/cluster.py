"""Runs what a launcher returns, as the agents would: several tasks on loopback addresses."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import random
import signal
import socket
import subprocess
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from trainshed.core.engine import Engine, LauncherName
from trainshed.core.job import Parameter
from trainshed.core.resources import Chip
from trainshed.core.task import Interpreter, Layout, Peer, ProcessSpec, Reporting, TaskSpec
from trainshed.engines import launchers

SCRIPTS = Path(__file__).parent / "scripts"
SEEN: dict[str, set[str]] = {}
"""Engine id → shapes (tasks x processes) that ran well in this session; see ``pytest_sessionfinish``."""


def make_task(
    launcher: LauncherName,
    *,
    nodes: int = 1,
    processes: int = 1,
    index: int = 0,
    ports: Sequence[int] | None = None,
    engine_id: str = "engine",
    family: str = "",
    **more: Any,
) -> TaskSpec:
    """A task with what launchers look at; ``ports`` are made up unless given."""
    count = launchers.ports_needed(launcher, nodes, processes)
    return TaskSpec(
        job_id="0b0b0b0b-1111-4222-8333-444444444444",
        job_name="job",
        attempt=0,
        index=index,
        root="/tmp/task",
        code_dir="obs://trainshed/code/",
        boot_file="train.py",
        engine_id=engine_id,
        family=family,
        launcher=launcher,
        reporting=Reporting("http://127.0.0.1:1", "token"),
        peers=more.pop("peers", tuple(Peer(f"127.0.0.{i + 1}") for i in range(nodes))),
        ports=tuple(ports if ports is not None else range(30000, 30000 + count)),
        processes=processes,
        cpus=more.pop("cpus", float(processes)),
        **more,
    )


def make_layout(tmp: str = "/home/ma-user", *arguments: str, **variables: str) -> Layout:
    """A layout with a script at ``<tmp>/code/train.py``."""
    return Layout(
        code_dir=f"{tmp}/code/",
        boot_file=f"{tmp}/code/train.py",
        working_dir=f"{tmp}/code/",
        log_dir=f"{tmp}/log/",
        arguments=arguments,
        variables=variables,
    )


@dataclass
class Outcome:
    """How one process ended: its spec, exit code and everything it printed."""

    node: int
    spec: ProcessSpec
    code: int
    text: str

    @property
    def report(self) -> dict[str, Any]:
        """The JSON object that the script printed after ``REPORT``."""
        lines = [line for line in self.text.splitlines() if line.startswith("REPORT ")]
        assert lines, self.text[-3000:]
        return json.loads(lines[-1].removeprefix("REPORT "))


@dataclass
class Cluster:
    """Starts a job's tasks on this machine, each with its own folder, and waits for the ranks."""

    folder: Path
    engine: Engine
    interpreter: Interpreter
    nodes: int = 1
    processes: int = 1
    launcher: LauncherName | None = None
    variables: dict[str, str] = field(default_factory=dict)
    min_workers: int = 0
    chip: Chip = Chip.CPU
    deadline_s: float = 600

    def tasks(self) -> list[TaskSpec]:
        launcher = self.launcher or self.engine.launcher
        ports = free_ports(launchers.ports_needed(launcher, self.nodes, self.processes))
        first = make_task(
            launcher,
            nodes=self.nodes,
            processes=self.processes,
            ports=ports,
            engine_id=self.engine.id,
            family=self.engine.family,
            chip=self.chip,
            min_workers=self.min_workers,
        )
        job = str(uuid.uuid4())
        return [
            dataclasses.replace(first, job_id=job, index=i, root=str(self.root(i))) for i in range(self.nodes)
        ]

    def root(self, index: int) -> Path:
        return self.folder / f"node-{index}"

    def layout(self, index: int, script: str, arguments: Sequence[str]) -> Layout:
        root = self.root(index)
        (root / "log").mkdir(parents=True, exist_ok=True)
        (root / "tmp").mkdir(exist_ok=True)
        variables = {
            "HOME": str(root),
            "TMPDIR": str(root / "tmp"),
            "MA_LOG_DIR": str(root / "log"),
            "MA_TASK_NAME": "worker",
            **self.variables,
        }
        return Layout(
            str(SCRIPTS), str(SCRIPTS / script), str(root), str(root / "log"), tuple(arguments), variables
        )

    def run(self, script: str, *arguments: str) -> list[Outcome]:
        """Run the script to its end on all nodes; ranks first, then helpers.

        As the agents do: a rank that fails ends all others; helpers end after the ranks.
        """
        launcher = launchers.get(self.launcher or self.engine.launcher)
        specs = [
            (task.index, spec)
            for task in self.tasks()
            for spec in launcher.processes(task, self.layout(task.index, script, arguments), self.interpreter)
        ]
        running = [self._start(n, node, spec) for n, (node, spec) in enumerate(specs)]
        try:
            self._wait([r for r in running if r.spec.essential])
        finally:
            for process in running:
                process.end()
        outcomes = [process.outcome() for process in running]
        if all(outcome.code == 0 for outcome in outcomes if outcome.spec.rank >= 0):
            SEEN.setdefault(self._seen_as(), set()).add(f"{self.nodes}x{self.processes}")
        return outcomes

    def _seen_as(self) -> str:
        """The engine, unless another one's launcher drives it: that counts for neither."""
        own = self.launcher in (None, self.engine.launcher)
        return self.engine.id if own and "stand-in" not in self.interpreter.python_version else ""

    def _start(self, number: int, node: int, spec: ProcessSpec) -> _Running:
        log = self.folder / f"process-{number}.log"
        with log.open("wb") as file:
            process = subprocess.Popen(
                spec.argv, env=spec.env, cwd=spec.cwd, stdout=file, stderr=file, start_new_session=True
            )
        return _Running(node, spec, process, log)

    def _wait(self, ranks: list[_Running]) -> None:
        deadline = time.monotonic() + self.deadline_s
        for rank in _as_they_end(ranks, deadline):
            if rank.process.returncode not in (0, *rank.spec.tolerated_codes):
                return


@dataclass
class _Running:
    node: int
    spec: ProcessSpec
    process: subprocess.Popen[bytes]
    log: Path

    def end(self) -> None:
        for number in (signal.SIGTERM, signal.SIGKILL):
            if self.process.poll() is None:
                os.killpg(self.process.pid, number)
            try:
                self.process.wait(10)
                break
            except subprocess.TimeoutExpired:
                continue

    def outcome(self) -> Outcome:
        text = self.log.read_text(errors="replace")
        return Outcome(self.node, self.spec, self.process.returncode, text)


def _as_they_end(ranks: list[_Running], deadline: float):
    """Yields each rank once it has ended; stops at the deadline."""
    waiting = {os.pidfd_open(rank.process.pid): rank for rank in ranks}
    import select

    poller = select.poll()
    for fd in waiting:
        poller.register(fd, select.POLLIN)
    try:
        while waiting and (left := deadline - time.monotonic()) > 0:
            for fd, _ in poller.poll(left * 1000):
                poller.unregister(fd)
                rank = waiting.pop(fd)
                os.close(fd)
                rank.process.wait()
                yield rank
    finally:
        for fd in waiting:
            os.close(fd)


def check(outcomes: list[Outcome], *, size: int, accuracy: float = 0.93) -> list[dict[str, Any]]:
    """All ranks ended well, each was there once, all agree, and the model is good."""
    ranks = [outcome for outcome in outcomes if outcome.spec.rank >= 0]
    for outcome in ranks:
        assert outcome.code == 0, outcome.text[-3000:]
    reports = [outcome.report for outcome in ranks]
    assert sorted(report["rank"] for report in reports) == list(range(size))
    assert {report["size"] for report in reports} == {size}
    assert min(report["accuracy"] for report in reports) >= accuracy
    if "checksum" in reports[0]:
        assert max(r["checksum"] for r in reports) == pytest.approx(
            min(r["checksum"] for r in reports), rel=1e-5
        )
    return reports


def free_ports(count: int) -> list[int]:
    """Ports in a row that nobody uses now at any address, below those that Linux gives out by itself."""
    while True:
        first = random.randrange(20_000, 32_000 - count)
        row = list(range(first, first + count))
        with contextlib.ExitStack() as held:
            try:
                for port in row:
                    held.enter_context(socket.socket()).bind(("", port))
            except OSError:
                continue
        return row


def parameter(name: str, value: str = "") -> Parameter:
    """A hyperparameter of a job."""
    return Parameter(name, value)
