"""The log store: one file for each stream of each attempt, addressed by byte offset.

``<root>/<job id>/<attempt>/<stream>.log``. The size of a file is the only record of what has
arrived, so a server that is killed in the middle of a write goes on from the bytes that are
there, and a sender that repeats or jumps ahead can do no harm.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
import threading
from dataclasses import dataclass
from pathlib import Path

from trainshed.core.errors import Code, Conflict, NotFound, Unavailable

PLATFORM_MARK = b"[ModelArts Service Log]"
PREVIEW_BYTES = 5 * 1024 * 1024

_STREAM = re.compile(r"worker-\d{1,5}(\.(rank-\d{1,6}|build))?", re.ASCII)
_JOB = re.compile(r"[0-9a-f-]{36}", re.ASCII)
_LOCKS = 64


class LogGap(Conflict):
    """Bytes were offered that do not follow those that are there.

    Attributes:
        size: where the sender must go on.
    """

    def __init__(self, size: int) -> None:
        super().__init__(f"the log has {size} bytes: go on from there", code=Code.LOG_OFFSET_GAP)
        self.size = size


@dataclass(frozen=True, slots=True)
class StreamInfo:
    """One stream of an attempt: ``worker-0``, ``worker-0.rank-1``, … and its bytes."""

    name: str
    size: int


class LogStore:
    """Logs as plain files below ``root``. Safe to use from several threads."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._locks = tuple(threading.Lock() for _ in range(_LOCKS))

    def path(self, job_id: str, attempt: int, stream: str) -> Path:
        """Where a stream lies, whether or not it is there yet.

        Raises:
            NotFound: the names are none that the service gives.
        """
        if not _JOB.fullmatch(job_id) or not _STREAM.fullmatch(stream) or attempt < 0:
            raise NotFound(f"there is no log {stream[:80]!r}", code=Code.TASK_NOT_FOUND)
        return self.root / job_id / str(attempt) / f"{stream}.log"

    def append(self, job_id: str, attempt: int, stream: str, offset: int, data: bytes) -> int:
        """Write what of ``data`` (which starts at ``offset``) is new; the size afterwards, in bytes.

        Raises:
            LogGap: ``offset`` is past the end; nothing was written.
            Unavailable: the disk is full or does not take the bytes; those that fitted are kept.
        """
        path = str(self.path(job_id, attempt, stream))
        with self._locks[hash(path) % _LOCKS]:
            fd = _open(path)
            try:
                size = os.fstat(fd).st_size
                if offset > size:
                    raise LogGap(size)
                return _write(fd, memoryview(data)[size - offset :], size)
            finally:
                os.close(fd)

    def size(self, job_id: str, attempt: int, stream: str) -> int:
        """Bytes that have arrived; 0 where none have."""
        try:
            return self.path(job_id, attempt, stream).stat().st_size
        except FileNotFoundError:
            return 0

    def read(self, job_id: str, attempt: int, stream: str, offset: int, limit: int) -> bytes:
        """At most ``limit`` bytes from ``offset``; empty at and past the end."""
        try:
            fd = os.open(self.path(job_id, attempt, stream), os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return b""
        try:
            return os.pread(fd, limit, offset)
        finally:
            os.close(fd)

    def tail(self, job_id: str, attempt: int, stream: str, limit: int = PREVIEW_BYTES) -> tuple[bytes, int]:
        """The newest ``limit`` bytes, from the start of a line, and the size of the whole."""
        size = self.size(job_id, attempt, stream)
        start = max(0, size - limit)
        data = self.read(job_id, attempt, stream, start, size - start)
        if start and self.read(job_id, attempt, stream, start - 1, 1) != b"\n":
            newline = data.find(b"\n")
            data = data[newline + 1 :] if newline >= 0 else data
        return data, size

    def streams(self, job_id: str, attempt: int) -> list[StreamInfo]:
        """All streams of an attempt, by name."""
        folder = self.path(job_id, attempt, "worker-0").parent
        try:
            with os.scandir(folder) as entries:
                found = [
                    StreamInfo(e.name[:-4], e.stat().st_size) for e in entries if e.name.endswith(".log")
                ]
        except FileNotFoundError:
            return []
        return sorted(found, key=lambda s: s.name)

    def delete(self, job_id: str) -> None:
        """Remove all logs of a job."""
        shutil.rmtree(self.path(job_id, 0, "worker-0").parents[1], ignore_errors=True)


def _open(path: str) -> int:
    flags = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC
    try:
        return os.open(path, flags, 0o640)
    except FileNotFoundError:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        return os.open(path, flags, 0o640)


def _write(fd: int, data: memoryview, size: int) -> int:
    while data:
        try:
            done = os.pwrite(fd, data, size)
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise Unavailable(
                    "the log store's disk is full: make room there", code=Code.DISK_FULL
                ) from error
            raise Unavailable(f"the log store does not take bytes: {error.strerror}") from error
        size += done
        data = data[done:]
    return size


def without_platform_lines(data: bytes) -> bytes:
    r"""``data`` without the lines that the service wrote into the log.

    >>> without_platform_lines(b"[ModelArts Service Log]start\nepoch 1\n")
    b'epoch 1\n'
    """
    if PLATFORM_MARK not in data:
        return data
    return b"".join(line for line in data.splitlines(keepends=True) if not line.startswith(PLATFORM_MARK))


def complete_text(data: bytes) -> int:
    r"""How many bytes of ``data`` can be decoded as UTF-8 without cutting a character at the end.

    >>> complete_text("né".encode()[:2])
    1
    >>> complete_text(b"a\xff")
    2
    """
    for back in range(1, min(4, len(data) + 1)):
        byte = data[-back]
        if byte & 0xC0 == 0x80:
            continue
        needed = 4 if byte >= 0xF0 else 3 if byte >= 0xE0 else 2 if byte >= 0xC0 else 1
        return len(data) - back if needed > back and byte < 0xF8 else len(data)
    return len(data)
