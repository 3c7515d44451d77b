"""What a diagnosis is made from: log streams, how ranks ended, and facts of the node."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from trainshed.core.task import TaskOutcome
from trainshed.diagnosis.stacks import RankStack


class LogSource(Protocol):
    """Bytes that can be read from anywhere."""

    @property
    def size(self) -> int:
        """How many bytes there are."""
        ...

    def read(self, offset: int, limit: int) -> bytes:
        """At most ``limit`` bytes from ``offset``; empty past the end."""
        ...


@dataclass(frozen=True, slots=True)
class Bytes:
    """A log that is in memory."""

    data: bytes

    @property
    def size(self) -> int:
        """How many bytes there are."""
        return len(self.data)

    def read(self, offset: int, limit: int) -> bytes:
        """At most ``limit`` bytes from ``offset``."""
        return self.data[offset : offset + limit]


@dataclass(frozen=True, slots=True)
class LogFile:
    """A log on disk; one that is not there is empty."""

    path: Path

    @property
    def size(self) -> int:
        """How many bytes there are."""
        try:
            return self.path.stat().st_size
        except OSError:
            return 0

    def read(self, offset: int, limit: int) -> bytes:
        """At most ``limit`` bytes from ``offset``."""
        try:
            with self.path.open("rb") as file:
                file.seek(offset)
                return file.read(limit)
        except OSError:
            return b""


@dataclass(frozen=True, slots=True)
class Stream:
    """One log.

    Attributes:
        name: as the log store names it: ``worker-0``, ``worker-0.rank-1``, ``worker-0.build``.
        rank: the global rank that wrote it; -1 for a stream of several, whose lines say which
            (``[rank 1] …``), or of none.
        task: index of the task.
    """

    name: str
    source: LogSource
    rank: int = -1
    task: int = 0


@dataclass(frozen=True, slots=True)
class RankEnd:
    """How one rank ended.

    Attributes:
        at: seconds since the epoch, 0 where unknown.
        suspect: nobody said how it ended; it is believed to have failed only if its log shows that.
    """

    rank: int
    exit_code: int | None = None
    signal: int = 0
    at: float = 0.0
    task: int = 0
    suspect: bool = False

    @property
    def failed(self) -> bool:
        """Whether that is no success."""
        return self.suspect or bool(self.signal or self.exit_code)


@dataclass(frozen=True, slots=True)
class Facts:
    """What the node knows besides the logs; None or empty where nobody looked.

    Attributes:
        oom_kills: processes that the kernel killed for memory in the job's cgroup.
        memory_limit_mb, memory_peak_mb: of the task, in MiB.
        kernel: lines of the kernel log from the time of the job.
        inodes_full, disk_full: a file system that the job writes to has nothing left.
        shm_mb: size of /dev/shm in MiB; ``shm_full``: it has nothing left.
    """

    oom_kills: int | None = None
    memory_limit_mb: int | None = None
    memory_peak_mb: float | None = None
    kernel: tuple[str, ...] = ()
    inodes_full: bool = False
    disk_full: bool = False
    shm_mb: int | None = None
    shm_full: bool = False

    @property
    def memory_near_limit(self) -> bool:
        """Whether a process had nearly all the memory that the task was given."""
        peak, limit = self.memory_peak_mb, self.memory_limit_mb
        return bool(peak and limit and peak >= 0.85 * limit)


@dataclass(frozen=True, slots=True)
class Evidence:
    """All there is to know about the end of one attempt of a job.

    Attributes:
        outcome: of the job as a whole, where one is known.
        code_dir: where the user's code was on the node, as the script saw it.
        stacks: of all ranks, where it was found hanging.
    """

    streams: tuple[Stream, ...] = ()
    ends: tuple[RankEnd, ...] = ()
    outcome: TaskOutcome | None = None
    facts: Facts = field(default_factory=Facts)
    code_dir: str = "/home/ma-user/modelarts/user-job-dir/"
    stacks: tuple[RankStack, ...] = ()
