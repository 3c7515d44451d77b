"""Run: the ranks, from the launcher's command lines to the last exit."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Generator, Mapping
from typing import Any

from trainshed.agent import contract, warm
from trainshed.agent import facts as node
from trainshed.agent.logs import append_to, device_logs, log_names
from trainshed.agent.places import HOME, PRIVATE
from trainshed.agent.ranks import Ending, Exit, Result
from trainshed.agent.stages import launch, outputs
from trainshed.agent.stages.base import Work
from trainshed.core.errors import Code
from trainshed.core.task import Cause, Stage, TaskOutcome
from trainshed.core.wire import to_wire
from trainshed.engines import launchers

NAME = "run"
_SYNC_AFTER_S = 1.0
_TAIL = 1 << 20


def run(work: Work, syncs: outputs.Syncs) -> TaskOutcome:
    """Start the ranks (or find them at work), wait for their end, and say how it was.

    Raises:
        InvalidInput: the launcher cannot start this job.
        SupervisorLost: a fault of ours ended them.
    """
    if not work.supervision.launched(NAME):
        _order(work)
    facts = work.journal.facts["launch"]
    work.reporter.launched(facts["logs"], facts["start"], work.supervision.pid(NAME))
    try:
        result = launch.wait(work, NAME, syncs.start, _SYNC_AFTER_S)
    finally:
        work.reporter.ended()
    if result.error:
        work.log.line("launch-error", result.error)
    return _outcome(work, result, facts["logs"])


def report_again(work: Work) -> None:
    """The ranks ended in an agent's life before this one; not all of their logs may be delivered."""
    if facts := work.journal.facts.get("launch"):
        work.reporter.launched(facts["logs"], facts["start"], 0)
        work.reporter.ended()


def _order(work: Work) -> None:
    task = work.task
    layout = launch.layout(work)
    for directory in _directories(work):
        os.makedirs(directory, exist_ok=True)
    specs = launchers.get(task.launcher).processes(task, layout, work.interpreter)
    names = log_names(specs)
    work.log.line(
        "start",
        f"{task.name} of job {task.job_name} starts {task.boot_file or task.command} "
        f"with {work.interpreter.python}; sandbox: {work.supervision.mode.value}",
    )
    start = work.log.size() if len(names) == 1 else 0
    devices = device_logs(task, specs)
    _show_device_logs(work, devices)
    launch_facts = {"logs": names, "devices": devices, "start": start, "before": node.before()}
    work.journal.fact("launch", launch_facts)
    parents = warm.prepare(work, specs)
    if parents.note:
        work.note(Stage.RUN, parents.note, warm=bool(parents.places))
    work.supervision.order(
        {
            "name": NAME,
            "processes": [{**to_wire(spec), "log": name} for spec, name in zip(specs, names, strict=True)],
            "grace_s": task.grace_s,
            "limit_s": task.auto_stop_s,
            "warm": parents.places,
            "spaces": work.supervision.spaces() if parents.places else [],
        },
        parents.connections,
    )


def _show_device_logs(work: Work, devices: Mapping[str, str]) -> None:
    """Put each rank's log into ``MA_LOG_DIR`` under its name there.

    As a second name of the same file, so that nothing is written twice; where the script's directories
    are on another disk there is none.
    """
    for name in devices:
        os.close(append_to(f"{work.places.log}/{name}"))
    with contextlib.suppress(OSError), _opened(work.places.host(HOME), contract.LOG_DIR) as shown:
        for name, theirs in devices.items():
            os.link(f"{work.places.log}/{name}", theirs, dst_dir_fd=shown)


@contextlib.contextmanager
def _opened(home: str, path: str) -> Generator[int]:
    """The directory ``path`` below ``HOME``, reached through no link that a hook may have put there."""
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    at = os.open(home, flags)
    try:
        for part in os.path.relpath(path, HOME).split("/"):
            inner = os.open(part, flags, dir_fd=at)
            os.close(at)
            at = inner
        yield at
    finally:
        os.close(at)


def _directories(work: Work) -> list[str]:
    """What the script may expect to be there: its outputs and its working directory, on the host."""
    found = [contract.output_dir(work.task, i) for i in range(len(work.task.outputs))]
    if work.task.working_dir:
        found.append(work.task.working_dir)
    return [work.places.host(path) for path in found]


def facts(work: Work) -> dict[str, Any]:
    """What the node knows of the failure of the run; see :mod:`trainshed.agent.facts`."""
    launched = work.journal.facts.get("launch", {})
    peak = 0.0
    if result := work.supervision.result(NAME):
        peak = max((each.peak_mb for each in result.exits), default=0.0)
    folders = [work.places.root, *(work.places.host(seen) for seen in PRIVATE), *_directories(work)]
    return node.after(launched.get("before", {}), folders, peak_mb=peak, limit_mb=work.task.memory_mb)


def _outcome(work: Work, result: Result, logs: list[str]) -> TaskOutcome:
    """How the task ended, as the supervisor saw it; a later stage may add a failure of its own."""
    match result.ending:
        case Ending.EXITED:
            return TaskOutcome(Cause.SUCCESS, Stage.RUN, "the script ended with exit code 0", exit_code=0)
        case Ending.STOPPED:
            return _stopped(work, result)
        case Ending.TIMEOUT:
            limit = _duration(work.task.auto_stop_s)
            return TaskOutcome(
                Cause.TIMEOUT, Stage.RUN, f"the script was stopped at its limit of {limit}", **_last(result)
            )
        case Ending.FAILED:
            assert result.first is not None
            return _failed(work, result, result.first, logs)


def _stopped(work: Work, result: Result) -> TaskOutcome:
    """Ended by a wish from outside, which may have been a verdict about the script."""
    halt = work.halt
    message = halt.reason or "the script was stopped"
    if halt.cause is Cause.HANG:
        return TaskOutcome(halt.cause, Stage.RUN, message, rank=halt.rank, failed_at=result.ended_at)
    return TaskOutcome(halt.cause or Cause.STOPPED, Stage.RUN, message, **_last(result))


def _failed(work: Work, result: Result, first: Exit, logs: list[str]) -> TaskOutcome:
    if result.error:
        return TaskOutcome(
            Cause.INFRASTRUCTURE,
            Stage.RUN,
            result.error,
            code=Code.INTERPRETER_MISSING,
            exit_code=first.code,
            rank=first.rank,
            failed_at=first.at,
        )
    who = f"rank {first.rank}" if len(logs) > 1 else "the script"
    return TaskOutcome(
        Cause.USER_ERROR,
        Stage.RUN,
        f"{who} {launch.how_it_ended(first)}",
        exit_code=first.code,
        signal=first.signal,
        rank=first.rank,
        log_offset=_evidence(work.places.task_log, first.rank if len(logs) > 1 else None),
        failed_at=first.at,
    )


def _last(result: Result) -> dict[str, Any]:
    """Exit code and signal of the first rank, for a task that was ended from outside."""
    if not result.exits:
        return {}
    return {"exit_code": result.exits[0].code, "signal": result.exits[0].signal}


def _evidence(path: str, rank: int | None) -> int:
    """Where in the log the last traceback of ``rank`` begins, or else its last lines."""
    try:
        with open(path, "rb") as file:
            start = max(0, file.seek(0, os.SEEK_END) - _TAIL)
            file.seek(start)
            tail = file.read()
    except OSError:
        return -1
    mark = b"" if rank is None else b"[rank %d] " % rank
    at = tail.rfind(mark + b"Traceback (most recent call last)")
    if at < 0:
        at = tail.rfind(mark) if mark else tail.rstrip().rfind(b"\n") + 1
    return start + at if at >= 0 else -1


def _duration(seconds: int) -> str:
    """
    >>> _duration(7200), _duration(90)
    ('2 h', '90 s')
    """
    return f"{seconds // 3600} h" if seconds and seconds % 3600 == 0 else f"{seconds} s"
