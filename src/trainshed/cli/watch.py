"""Watching a job to its end: log, progress of the long steps, and Ctrl-C."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Any

from trainshed.cli.log_view import LogView
from trainshed.cli.options import INTERRUPTED, OURS, TIMED_OUT
from trainshed.cli.output import duration_text, plain, say, tell
from trainshed.cli.pending import WhyPending
from trainshed.cli.steps import Steps
from trainshed.cli.task_logs import TaskView, other_tasks
from trainshed.cli.words import chinese, said, word
from trainshed.client import Client, Diagnosis, Job
from trainshed.client.models import Json, items, section
from trainshed.core.errors import TrainshedError
from trainshed.core.lifecycle import Phase

# How long a stop waits for a service that is just being started again.
STOP_PATIENCE_S = 60.0


class DetachedError(Exception):
    """The person pressed Ctrl-C twice: the job goes on without us."""


def watch(
    client: Client,
    job: Job,
    *,
    quiet: bool = False,
    log_to_stderr: bool = False,
    tasks: Sequence[int] = (0,),
) -> Job:
    """Show the job until it has ended, and return it as it ended.

    The first Ctrl-C stops the job and goes on showing it; the second leaves it.

    Args:
        quiet: leave out the platform's own lines.
        log_to_stderr: keep standard output free.
        tasks: whose logs to show; of several, each line says whose it is.

    Raises:
        DetachedError: at the second Ctrl-C.
    """
    out = sys.stderr if log_to_stderr else sys.stdout
    platform = None if quiet else sys.stderr
    lock = threading.Lock()

    def view_of(task: int) -> LogView | TaskView:
        return TaskView(out, platform, task, lock) if len(tasks) > 1 else LogView(out, platform)

    view, others = view_of(0), [task for task in tasks if task]
    with (
        Steps(quiet=quiet) as steps,
        _stop_on_interrupt(client, job),
        other_tasks(client, job, others, view_of),
    ):
        waiting = WhyPending(client.connection, job.id, steps)
        try:
            for event in client.jobs.follow(job.id, logs=0 in tasks):
                data = section(event.data)
                match event.name:
                    case "log":
                        steps.clear()
                        view.write(str(data["text"]))
                    case "phase":
                        _show_phase(steps, waiting, data)
                    case "progress":
                        _show_progress(steps, data)
                    case "event":
                        _show_event(steps, data)
                    case _:
                        pass
        finally:
            waiting.end()
            view.close()
    return client.jobs.show(job.id)


def _show_phase(steps: Steps, waiting: WhyPending, data: Json) -> None:
    phase = Phase(data.get("phase", "Creating"))
    if phase is Phase.PENDING:
        steps.hint(word("waiting for resources"))
        waiting.begin()
        return
    waiting.end()
    if phase is not Phase.CREATING:
        steps.clear()


def _show_progress(steps: Steps, data: Json) -> None:
    percent, line = data.get("percent"), str(data.get("message") or data.get("line") or "")
    if engine := data.get("engine_id"):
        steps.progress(word("building the environment of {engine}", engine=engine), percent, line)
    else:
        steps.progress(line, percent)


def _show_event(steps: Steps, data: Json) -> None:
    if data.get("level") == "Warning":  # an error is how it ends, which is said at the end
        steps.note(str(data.get("message", "")))


@contextmanager
def _stop_on_interrupt(client: Client, job: Job) -> Generator[None]:
    """The first signal asks the service to stop the job, beside the following; the second raises."""
    asked = threading.Event()

    def stop() -> None:
        try:
            with Client(client.connection) as other:
                other.transport.wait(STOP_PATIENCE_S)
                other.jobs.stop(job.id)
        except TrainshedError as error:
            say(f"trainshed: {said(error.message)}")

    def handle(_number: int, _frame: FrameType | None) -> None:
        if asked.is_set():
            raise DetachedError
        asked.set()
        tell("stopping {name}; press Ctrl-C again to leave it to itself", name=job.name)
        threading.Thread(target=stop, daemon=True).start()

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def exit_code_of(job: Job) -> int:
    """What ``run`` exits with: the script's own code wherever the script is why the job ended."""
    outcome = job.outcome
    if job.phase is Phase.COMPLETED:
        return outcome.exit_code or 0 if outcome else 0
    if outcome is None:
        return OURS
    if outcome.cause == "stopped":
        return INTERRUPTED
    if outcome.cause == "timeout":
        return TIMED_OUT
    if outcome.cause in ("user_error", "hang", ""):
        return 128 + outcome.signal if outcome.signal else outcome.exit_code or OURS
    return OURS


def ending(job: Job) -> str:
    """One sentence on how the job ended."""
    how = {
        Phase.COMPLETED: "{name} completed in {took}",
        Phase.TERMINATED: "{name} was stopped after {took}",
        Phase.ABNORMAL: "{name} ended abnormally after {took}",
    }.get(job.phase, "{name} failed after {took}")
    message = said(job.outcome.message if job.outcome else job.reason)
    shown = f": {message}" if message and job.phase is not Phase.COMPLETED else ""
    return word(how, name=job.name, took=duration_text(job.duration)) + shown


def reasons(found: Diagnosis | None) -> list[str]:
    """Why a job failed and what to do, a line each, in the person's language."""
    if found is None:
        return []
    cause = (found.cause_zh if chinese() else "") or found.cause
    advice = (found.advice_zh if chinese() else "") or found.advice
    where = ", ".join(
        part for part in (found.location, f"rank {found.rank}" if found.rank > 0 else "") if part
    )
    return [f"{cause} ({where})" if where else cause, *([f"→ {advice}"] if advice else [])]


def starts(job: Job) -> list[str]:
    """The starts of a job that was started again, a line each."""
    records = items(section(job.raw, "status"), "running_records")
    if len(records) < 2:
        return []
    return [
        word("start {attempt}: {how}", attempt=record.get("attempt", n), how=_how(record))
        for n, record in enumerate(records)
    ]


def _how(record: Json) -> str:
    begun, ended = record.get("start_at"), record.get("end_at")
    took = f" ({duration_text((ended - begun) / 1000)})" if begun and ended else ""
    return (said(str(record.get("end_reason") or "")) or word("it runs")) + took


def facts_of(job: Job) -> Any:
    """The job for ``--json``, with the exit code of ``run``."""
    return {**plain(job), "run_exit_code": exit_code_of(job)}
