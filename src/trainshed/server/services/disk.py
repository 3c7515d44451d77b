"""Watches the room that is left, so that the service stops taking jobs before its disk is full.

What runs goes on, and its logs are still taken; what waits is not started, and what comes is
refused with a code. As soon as there is room again, all of it goes on by itself.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from trainshed.core.errors import Code, Unavailable
from trainshed.jobs.queue import Reason, Why

# Taking up again needs so much more than what makes it stop, or it would go to and fro.
AGAIN = 1.1
LEAST_INODES = 0.01
RETRY_AFTER_S = 60


@dataclass(frozen=True, slots=True)
class Room:
    """What is left on the fullest of the watched file systems, in bytes."""

    path: str
    free: int
    total: int
    inodes_free: int
    inodes_total: int

    @property
    def few_inodes(self) -> bool:
        """Whether files run out before bytes do."""
        return self.inodes_total > 0 and self.inodes_free < self.inodes_total * LEAST_INODES


class DiskWatch:
    """Knows whether there is room for more.

    Args:
        paths: folders that the service writes to.
        reserve: bytes that must stay free.
        measure: for tests.
    """

    def __init__(
        self, paths: Iterable[Path], reserve: int, measure: Callable[[Path], Room] | None = None
    ) -> None:
        self._paths = tuple(paths)
        self._measure = measure or room
        self.reserve = reserve
        self.low = False
        self.room = self._fullest()
        self.low = self._is_low()

    def look(self) -> bool:
        """Measure again; whether it is low now and was not before, or the other way round."""
        before, self.room = self.low, self._fullest()
        self.low = self._is_low()
        return self.low != before

    def check(self) -> None:
        """Whether there is room for a job, or for files.

        Raises:
            Unavailable: there is not.
        """
        if self.low:
            message = (
                f"the service takes nothing new: {self.sentence()}; it goes on by itself once there is room"
            )
            raise Unavailable(message, code=Code.DISK_LOW, retry_after=RETRY_AFTER_S)

    def sentence(self) -> str:
        """How much room there is."""
        if self.room.few_inodes:
            return f"only {self.room.inodes_free:,} files can still be made at {self.room.path}"
        return f"{_gib(self.room.free)} are free at {self.room.path}, and {_gib(self.reserve)} must stay free"

    def sentence_zh(self) -> str:
        """The same in Chinese."""
        if self.room.few_inodes:
            return f"{self.room.path} 仅剩 {self.room.inodes_free:,} 个 inode"
        return f"{self.room.path} 剩余 {_gib(self.room.free)}，低于预留的 {_gib(self.reserve)}"

    def why(self, job_id: str) -> Why:
        """Why a job waits while the disk is low."""
        return Why(
            job_id=job_id,
            reason=Reason.DISK,
            position=0,
            queued=0,
            sentence=f"No job is started: {self.sentence()}.",
            unblock="It starts by itself after an administrator has made room.",
            sentence_zh=f"暂停启动作业：{self.sentence_zh()}。",
            unblock_zh="管理员清理磁盘后自动恢复。",
            facts={"free": self.room.free, "reserve": self.reserve},
        )

    def _fullest(self) -> Room:
        return min((self._measure(path) for path in self._paths), key=lambda found: found.free)

    def _is_low(self) -> bool:
        needed = self.reserve * (AGAIN if self.low else 1.0)
        return self.room.free < needed or self.room.few_inodes


def room(path: Path) -> Room:
    """What is left where ``path`` is, or would be."""
    there = path.absolute()
    while not there.exists() and there != there.parent:
        there = there.parent
    found = os.statvfs(there)
    return Room(
        path=str(path),
        free=found.f_bavail * found.f_frsize,
        total=found.f_blocks * found.f_frsize,
        inodes_free=found.f_favail,
        inodes_total=found.f_files,
    )


def _gib(count: int) -> str:
    return f"{count / 1024**3:.1f} GiB"
