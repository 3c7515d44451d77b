"""What every stage is given, and how it says that it failed."""

from __future__ import annotations

import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from trainshed.agent.halt import Halt
from trainshed.agent.journal import Journal
from trainshed.agent.logs import TaskLog
from trainshed.agent.places import Places
from trainshed.agent.reporter import Reporter
from trainshed.agent.supervision import Supervision
from trainshed.core.errors import Internal, TrainshedError, Unavailable
from trainshed.core.task import Cause, EventKind, Interpreter, Stage, TaskOutcome, TaskSpec
from trainshed.core.wire import from_wire, to_wire

if TYPE_CHECKING:
    from trainshed.storage import Buckets, Progress

_PROGRESS_S = (1, 2, 4, 8, 15, 30)


class StageFailed(TrainshedError):  # noqa: N818 says what happened to a stage
    """A stage could not do its work; the task is over.

    Attributes:
        outcome: how the task ends.
    """

    def __init__(self, outcome: TaskOutcome) -> None:
        super().__init__(outcome.message, code=outcome.code or None)
        self.outcome = outcome


def failure(stage: Stage, error: Exception) -> TaskOutcome:
    """How a task ends that met ``error`` in ``stage``: whose doing it was."""
    if isinstance(error, StageFailed):
        return error.outcome
    ours = not isinstance(error, TrainshedError) or isinstance(error, (Unavailable, Internal))
    message = error.message if isinstance(error, TrainshedError) else f"{type(error).__name__}: {error}"
    return TaskOutcome(
        Cause.INFRASTRUCTURE if ours else Cause.USER_ERROR,
        stage,
        message,
        code=error.code if isinstance(error, TrainshedError) else Internal.family,
        failed_at=time.time(),
    )


@dataclass(slots=True)
class Work:
    """One task on its way; what the stages share.

    Attributes:
        keeper: a connection to a keeper of warm parents, where there is one.
    """

    task: TaskSpec
    places: Places
    journal: Journal
    log: TaskLog
    halt: Halt
    reporter: Reporter
    supervision: Supervision
    keeper: socket.socket | None = None
    _buckets: Buckets | None = field(default=None, repr=False)

    @property
    def buckets(self) -> Buckets:
        """The stores that this task may use."""
        if self._buckets is None:
            from trainshed.storage import Buckets

            self._buckets = Buckets(self.task.buckets)
        return self._buckets

    @property
    def interpreter(self) -> Interpreter:
        """The engine's interpreter, once the environment stage has found it."""
        return from_wire(Interpreter, self.journal.facts["interpreter"])

    @interpreter.setter
    def interpreter(self, interpreter: Interpreter) -> None:
        self.journal.fact("interpreter", to_wire(interpreter))

    @property
    def files(self) -> Mapping[str, str]:
        """Input channels that are a single file: name of the channel → name of the file."""
        return self.journal.facts.get("files", {})

    @property
    def exported(self) -> Mapping[str, str]:
        """Variables that the pre-start hook exported."""
        return self.journal.facts.get("exported", {})

    def note(self, stage: Stage, message: str, **detail: Any) -> None:
        """Tell something worth knowing."""
        self.journal.event(stage, EventKind.NOTE, message, detail=detail)
        self.reporter.soon()

    def progress(self, stage: Stage, what: str) -> CopyProgress:
        """Tells now and then how far a copy is."""
        return CopyProgress(self, stage, what)


class CopyProgress:
    """Turns a copy's progress into events: soon at first, then ever less often."""

    def __init__(self, work: Work, stage: Stage, what: str) -> None:
        self._work, self._stage, self._what = work, stage, what
        self._told = 0
        self._next = time.monotonic() + _PROGRESS_S[0]

    def __call__(self, progress: Progress) -> None:
        now = time.monotonic()
        if now < self._next:
            return
        self._told += 1
        self._next = now + _PROGRESS_S[min(self._told, len(_PROGRESS_S) - 1)]
        detail = {
            "files": progress.files,
            "bytes": progress.bytes,
            "total_files": progress.total_files,
            "total_bytes": progress.total_bytes,
            "rate": round(progress.rate),
        }
        total = f" of {size(progress.total_bytes)}" if progress.total_known else ""
        message = f"{self._what}: {size(progress.bytes)}{total}, {size(progress.rate)}/s"
        self._work.journal.event(self._stage, EventKind.PROGRESS, message, detail=detail)
        self._work.reporter.soon()


def amount(files: int, length: float) -> str:
    """How much was copied, for people.

    >>> amount(1, 512), amount(2, 1536)
    ('1 file, 512 B', '2 files, 1.5 KiB')
    """
    return f"{files} file{'' if files == 1 else 's'}, {size(length)}"


def size(count: float) -> str:
    """A number of bytes for people.

    >>> size(512), size(1536), size(3 << 30)
    ('512 B', '1.5 KiB', '3.0 GiB')
    """
    if count < 1024:
        return f"{count:.0f} B"
    for unit in ("KiB", "MiB", "GiB"):
        count /= 1024
        if count < 1024:
            return f"{count:.1f} {unit}"
    return f"{count / 1024:.1f} TiB"
