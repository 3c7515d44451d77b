"""The task's log: lines of the platform, the script's own bytes, and many ranks merged into one.

A single rank writes into ``task.log`` itself. Several write into files of their own, which are
merged line by line, each line marked with its rank. All of this survives the death of the agent
at any point with every byte there exactly once.
"""

from __future__ import annotations

import contextlib
import os
import struct
import time
from collections.abc import Sequence
from typing import Any, cast

from trainshed.agent.journal import Journal
from trainshed.core.engine import LauncherName
from trainshed.core.log_names import device_of, process_log
from trainshed.core.task import ProcessSpec, TaskSpec

MARK = "[ModelArts Service Log]"
PIECE = 1 << 20


def append_to(path: str) -> int:
    """A descriptor to append to the file ``path`` by, which is made if it is missing."""
    return os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)


def append(fd: int, data: bytes) -> None:
    """Write all of ``data``."""
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


class TaskLog:
    """Writes the platform's own lines into the task's log, each once in the life of an attempt."""

    def __init__(self, path: str, journal: Journal) -> None:
        self._path = path
        self._journal = journal
        self._lines: dict[str, dict[str, Any]] = journal.facts.get("lines", {})
        self._repair()

    def line(self, key: str, text: str) -> None:
        """Write a line, unless one with this key was written before (perhaps by a dead agent)."""
        if key in self._lines:
            return
        stamp = time.strftime("%Y-%m-%d %H:%M:%S")
        whole = f"{MARK} {stamp} {text}\n"
        self._lines[key] = {"at": self.size(), "text": whole}
        self._journal.fact("lines", self._lines)
        self._append(whole)

    def size(self) -> int:
        """Bytes in the log."""
        try:
            return os.stat(self._path).st_size
        except FileNotFoundError:
            return 0

    def _repair(self) -> None:
        """Write the last line if the agent before us died when it was about to."""
        if not self._lines:
            return
        last = next(reversed(self._lines.values()))
        with open(self._path, "ab+") as file:
            file.seek(last["at"])
            if last["text"].encode() in file.read(1 << 20):
                return
        self._append(last["text"])

    def _append(self, text: str) -> None:
        fd = append_to(self._path)
        try:
            size = os.fstat(fd).st_size
            if size and os.pread(fd, 1, size - 1) not in b"\r\n":
                text = "\n" + text
            with contextlib.suppress(OSError):  # a full disk must not end the task
                append(fd, text.encode())
        finally:
            os.close(fd)


def log_names(processes: Sequence[ProcessSpec]) -> list[str]:
    """The log file of each process: the task's own where there is one process only."""
    if len(processes) == 1:
        return ["task.log"]
    return [f"rank-{p.rank}.log" if p.rank >= 0 else f"{p.role}-{i}.log" for i, p in enumerate(processes)]


def device_logs(task: TaskSpec, processes: Sequence[ProcessSpec]) -> dict[str, str]:
    """The log file of each rank, and what ModelArts calls it.

    A process that is alone on its node writes into the task's log, which is its own as well where
    the engine is started once a device.
    """
    if len(processes) == 1 and task.launcher is not LauncherName.ASCEND:
        return {}
    devices = task.peers[task.index].devices
    return {
        name: process_log(task.job_id, process.rank, device_of(devices, process.local_rank))
        for name, process in zip(log_names(processes), processes, strict=True)
        if process.rank >= 0
    }


class Merger:
    """Merges the logs of several processes into the task's log, line by line.

    Before each write it notes what it is about to write, in one small write of its own, so that a
    successor can tell how far it came.

    Args:
        log: the directory of logs.
        names: the files to merge, such as ``rank-0.log``; the same ones in every life.
        state: file for the note.
    """

    _HEAD = struct.Struct("<QIQ")

    def __init__(self, log: str, names: Sequence[str], state: str) -> None:
        self._names = list(names)
        self._marks = [f"[{n.removesuffix('.log').replace('-', ' ')}] ".encode() for n in names]
        self._files = [os.open(f"{log}/{n}", os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o640) for n in names]
        self._out = append_to(f"{log}/task.log")
        self._state = os.open(state, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._offsets = [0] * len(names)
        self._recover()

    def merge(self, *, end: bool = False) -> bool:
        """Merge what is there; whether anything was.

        Args:
            end: nothing more will come, so unfinished lines are taken as they are.
        """
        merged = False
        for index in range(len(self._files)):
            while self._step(index, end=end):
                merged = True
        return merged

    def _step(self, index: int, *, end: bool) -> bool:
        data = os.pread(self._files[index], PIECE, self._offsets[index])
        cut = _cut(data, end=end)
        if not cut:
            return False
        size = os.fstat(self._out).st_size
        try:
            self._note(size, index, cut)
            append(self._out, _marked(self._marks[index], data[:cut]))
        except OSError:  # the disk is full: as if we had not tried
            with contextlib.suppress(OSError):
                os.ftruncate(self._out, size)
            return False
        self._offsets[index] += cut
        return True

    def _note(self, size: int, index: int, length: int) -> None:
        head = self._HEAD.pack(size, index, length)
        offsets = struct.pack(f"<{len(self._offsets)}Q", *self._offsets)
        os.pwrite(self._state, head + offsets, 0)

    def _recover(self) -> None:
        note = os.pread(self._state, 1 << 16, 0)
        if not note:
            return
        size, index, length = cast("tuple[int, int, int]", self._HEAD.unpack_from(note))
        self._offsets = list(struct.unpack_from(f"<{len(self._names)}Q", note, self._HEAD.size))
        data = os.pread(self._files[index], length, self._offsets[index])
        whole = _marked(self._marks[index], data)
        written = os.fstat(self._out).st_size - size
        append(self._out, whole[written:])
        self._offsets[index] += length

    def close(self) -> None:
        """Let go of the files."""
        for fd in (*self._files, self._out, self._state):
            os.close(fd)


def _cut(data: bytes, *, end: bool) -> int:
    """How much of ``data`` is whole lines.

    A progress bar that only ever returns the carriage counts line by line too.
    """
    if end or len(data) == PIECE:
        return (data.rfind(b"\n") + 1) or len(data)
    newline = data.rfind(b"\n") + 1
    return newline or data.rfind(b"\r", 0, -1) + 1


def _marked(mark: bytes, data: bytes) -> bytes:
    """``data`` with ``mark`` before each line, and a newline after the last."""
    if not data:
        return b""
    ended = data.endswith((b"\n", b"\r"))
    body = data if ended else data + b"\n"
    return mark + body[:-1].replace(b"\n", b"\n" + mark) + body[-1:]


class Stream:
    """A file that is sent to the server by offset.

    Attributes:
        name: of the stream at the server.
        sent: how far the server has it.
    """

    def __init__(self, name: str, path: str) -> None:
        self.name = name
        self.sent = 0
        self._path = path
        self._fd = -1

    def size(self) -> int:
        """Bytes there are."""
        if self._fd < 0:
            try:
                self._fd = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
            except FileNotFoundError:
                return 0
        return os.fstat(self._fd).st_size

    def read(self, limit: int, offset: int) -> bytes:
        """Bytes from ``offset`` on, ``limit`` at most."""
        return os.pread(self._fd, limit, offset) if self.size() > offset else b""

    def close(self) -> None:
        """Let go of the file."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
