"""The audit after the storm: what must be true of every job, whatever has happened."""

from __future__ import annotations

import contextlib
import threading
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

from tests.chaos.plan import JobPlan
from tests.chaos.world import World, line, outputs_of
from trainshed.pools._machine import look

ENDED = {"Completed", "Failed", "Abnormal", "Terminated"}
_END_KINDS = {phase.lower() for phase in ENDED}
_MARK = "[ModelArts Service Log]"

Outputs = Callable[[JobPlan], dict[str, str]]


def audit(world: World, outputs: Outputs, *, clocks: bool = True) -> list[str]:
    """Sentences about everything that is wrong; none is what is wanted.

    Args:
        outputs: the files that a job has left in its output, by name.
        clocks: whether the times of jobs can be compared with each other.
    """
    found: list[str] = []
    for job in world.accepted:
        found += [f"{job.name}: {fault}" for fault in _job(world, job, outputs)]
    if clocks:
        found += _counted_twice(world)
    return found


def _job(world: World, job: JobPlan, outputs: Outputs) -> Iterable[str]:
    shown = world.get(f"training-jobs/{job.name}")
    status = shown["status"]
    phase = status["phase"]
    if phase not in ENDED:
        yield f"has not ended: {status}"
        return
    if phase not in _expected(job, disturbed=job.name in world.hit):
        yield f"is {phase}, which it should not be: {status}"
    yield from _events(world, job)
    for record in status["running_records"]:
        if not record.get("end_at"):
            yield f"attempt {record['attempt']} has no end"
    folder = world.home / "jobs" / shown["metadata"]["id"]
    for record in status["running_records"]:
        attempt = record["attempt"]
        whole = phase == "Completed" and attempt == status["attempt"]
        for index in range(job.tasks):
            node = folder / str(attempt) / f"worker-{index}" / "log" / "task.log"
            yield from _log(world, job, attempt, index, node, whole=whole)
    if phase == "Completed" and outputs(job) != outputs_of(job):
        yield f"its outputs are not whole: {sorted(outputs(job))}"


def _expected(job: JobPlan, *, disturbed: bool) -> set[str]:
    if disturbed:
        return ENDED
    if job.kind == "stopped":
        return {"Terminated"}
    return {"Failed"} if job.kind == "fails" else {"Completed"}


def _events(world: World, job: JobPlan) -> Iterable[str]:
    """One end; and nothing that an agent said twice."""
    events = world.get(f"training-jobs/{job.name}/events", order="asc", limit=1000)["events"]
    ends = [event for event in events if event["source"] == "service" and event["kind"] in _END_KINDS]
    if len(ends) != 1:
        yield f"has {len(ends)} ends: {[event['kind'] for event in ends]}"
    said = Counter(
        (event["attempt"], event["source"], event["stage"], event["kind"])
        for event in events
        if event["source"] != "service" and event["kind"] not in ("note", "progress")
    )
    twice = [what for what, count in said.items() if count > 1]
    if twice:
        yield f"events came twice: {twice}"


def _log(world: World, job: JobPlan, attempt: int, index: int, node: Path, *, whole: bool) -> Iterable[str]:
    """Every line once and in order, and the very bytes that lie on the node."""
    answer = world.call(
        "GET", f"training-jobs/{job.name}/tasks/worker-{index}/logs", params={"attempt": attempt}
    )
    text = answer.content
    who = f"attempt {attempt}, worker-{index}"
    try:
        there = node.read_bytes()
    except FileNotFoundError:
        there = b""
    if text != there:
        yield f"{who}: the log has {len(text)} bytes, the node's {len(there)}"
    lines = [each for each in text.decode().split("\n") if each and not each.startswith(_MARK)]
    lines = [each for each in lines if each.startswith("line ")]
    wanted = [line(n) for n in range(len(lines))]
    if lines[:-1] != wanted[:-1] or (lines and not wanted[-1].startswith(lines[-1].rstrip())):
        wrong = next(n for n, (a, b) in enumerate(zip(lines, wanted, strict=True)) if a != b)
        yield f"{who}: line {wrong} is {lines[wrong]!r}"
    if whole and len(lines) != job.lines:
        yield f"{who}: {len(lines)} lines of {job.lines}"


def _counted_twice(world: World) -> Iterable[str]:
    """At no moment were more cores given out than there are."""
    cores = look().cpus
    changes: list[tuple[float, int]] = []
    for job in world.accepted:
        for record in world.get(f"training-jobs/{job.name}")["status"]["running_records"]:
            if record.get("start_at") and record.get("end_at"):
                changes += [(record["start_at"], job.tasks), (record["end_at"], -job.tasks)]
    used = 0
    for at, change in sorted(changes):
        used += change
        if used > cores:
            yield f"{used} of {cores} cores were given out at {at}"
            return


def left_behind(world: World) -> list[str]:
    """Processes that still have something open below the home, once the service has ended."""
    found: list[str] = []
    home = str(world.home)
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            links = [folder / "cwd", *(folder / "fd").iterdir()]
            if any(_points_below(link, home) for link in links):
                found.append(f"process {folder.name} is left: {(folder / 'cmdline').read_bytes()!r}")
    return found


def _points_below(link: Path, home: str) -> bool:
    with contextlib.suppress(OSError):
        return str(link.readlink()).startswith(home + "/")
    return False


class Crowd(threading.Thread):
    """Counts, again and again, how many tasks have a live rank; never more than there are cores."""

    def __init__(self, world: World, cores: int) -> None:
        super().__init__(daemon=True)
        self._world, self._cores = world, cores
        self._over = threading.Event()
        self.looks = 0
        self.most = 0
        self.problems: list[str] = []

    def run(self) -> None:
        while not self._over.wait(0.1):
            tasks = {str(root) for root, _ in self._world.ranks()}
            self.looks += 1
            self.most = max(self.most, len(tasks))
            if len(tasks) > self._cores:
                self.problems.append(f"{len(tasks)} tasks ran at once: {sorted(tasks)}")

    def end(self) -> list[str]:
        """Stop counting; what was wrong."""
        self._over.set()
        self.join()
        return self.problems[:3]


def local_outputs(root: str) -> Outputs:
    """Outputs in a folder."""

    def read(job: JobPlan) -> dict[str, str]:
        folder = Path(root) / job.name
        if not folder.is_dir():
            return {}
        return {
            p.relative_to(folder).as_posix(): p.read_text()
            for p in folder.rglob("*")
            if p.is_file() and ".trainshed" not in p.parts
        }

    return read
