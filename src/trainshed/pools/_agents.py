"""Agents on this machine: forked by a zygote, watched by pidfd, found again by their files."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trainshed.core.errors import Code, Unavailable

LOCK_BYTES = 101
"""How much an agent writes into its lock: who it is."""
_ANSWER_S = 20.0


@dataclass(frozen=True, slots=True)
class Process:
    """A process, told apart from a later one with the same number by when it started."""

    pid: int
    started: int

    def open(self) -> int | None:
        """A descriptor (pidfd) that becomes readable at its end; None if it has ended."""
        try:
            fd = os.pidfd_open(self.pid)
        except OSError:
            return None
        if _started(self.pid) == self.started:
            return fd
        os.close(fd)
        return None


def _started(pid: int) -> int | None:
    """When the process started, in clock ticks since boot; None for one that is gone or a zombie."""
    try:
        text = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return None
    fields = text[text.rindex(b")") + 2 :].split()
    return None if fields[0] in b"ZX" else int(fields[19])


def send(fd: int, number: signal.Signals) -> None:
    """Send a signal to the process behind a pidfd, if it is still there."""
    with contextlib.suppress(OSError):
        signal.pidfd_send_signal(fd, number)


def send_and_close(fd: int, number: signal.Signals) -> None:
    """Send a signal to the process behind a pidfd, and let go of it."""
    send(fd, number)
    os.close(fd)


@dataclass(frozen=True, slots=True)
class Found:
    """What the files of a task say about its agent.

    Attributes:
        process: the last agent that lived; None where none did.
        delivered: whether no agent is needed any more.
        exists: whether there is such a task at all.
    """

    process: Process | None
    delivered: bool
    exists: bool


def find(root: Path) -> Found:
    """Look at the files of the task in ``root``."""
    try:
        said: dict[str, Any] = json.loads((root / "agent.lock").read_bytes())
        process = Process(int(said["pid"]), int(said["started"]))
        return Found(process, bool(said.get("delivered")), exists=True)
    except (OSError, ValueError, KeyError, TypeError):
        return Found(None, delivered=False, exists=(root / "task.json").exists())


def reserve(root: Path) -> None:
    """Take the room on the disk that an agent needs to live, so that it is not missing later."""
    with (root / "agent.lock").open("ab") as file:
        if not file.tell():
            file.write(b" " * LOCK_BYTES)


def last_words(root: Path) -> str:
    """The last line of what the agent itself had to say."""
    with contextlib.suppress(OSError):
        lines = (root / "agent.log").read_text(encoding="utf-8", errors="replace").split("\n")
        return next((line.strip() for line in reversed(lines) if line.strip()), "")
    return ""


class Zygote:
    """The process that forks agents; started at once, so that it is warm when the first job comes."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._socket: socket.socket | None = None
        self._buffer = b""
        self._closed = False
        self._start()

    def _start(self) -> None:
        ours, theirs = socket.socketpair()
        ours.settimeout(_ANSWER_S)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-c", "from trainshed.agent.zygote import main; main()"],
                stdin=theirs.fileno(),
                env=os.environ | {"PYTHONPATH": _import_path(), "MALLOC_ARENA_MAX": "1"},
                start_new_session=True,
                cwd="/",
            )
        self._socket, self._buffer = ours, b""

    def fork(self, root: Path, *, warm: bool = False) -> Process:
        """An agent for the task in ``root``.

        Args:
            warm: whether it may ask for warm parents, which tasks of this zygote then share.

        Raises:
            Unavailable: none could be started.
        """
        answer = self._ask({"start": str(root), "warm": warm})
        return Process(int(answer["pid"]), int(answer["started"]))

    def end(self, root: Path) -> None:
        """End all that the task in ``root`` has left behind."""
        self._ask({"end": str(root)})

    def _ask(self, order: dict[str, Any]) -> dict[str, Any]:
        with self._lock:
            for last in (False, True):
                try:
                    return self._exchange(order)
                except OSError as error:
                    self._drop()
                    if last or self._closed:
                        raise Unavailable(
                            f"the process that starts agents does not answer: {error}",
                            code=Code.SERVICE_UNREACHABLE,
                        ) from error
                    self._start()
            raise AssertionError("unreachable")

    def _exchange(self, order: dict[str, Any]) -> dict[str, Any]:
        if self._socket is None:
            raise ConnectionError("it is closed")
        self._socket.sendall(json.dumps(order).encode() + b"\n")
        while b"\n" not in self._buffer:
            data = self._socket.recv(65536)
            if not data:
                raise ConnectionError("it has ended")
            self._buffer += data
        line, _, self._buffer = self._buffer.partition(b"\n")
        return json.loads(line)

    def _drop(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def close(self) -> None:
        """End it; agents go on."""
        with self._lock:
            self._closed = True
            if self._socket is not None:
                self._socket.close()
                self._socket = None
            if self._process is not None:
                self._process.wait()
                self._process = None


def _import_path() -> str:
    """Where the zygote finds this very trainshed."""
    ours = str(Path(__file__).resolve().parents[2])
    rest = [part for part in os.environ.get("PYTHONPATH", "").split(os.pathsep) if part and part != ours]
    return os.pathsep.join((ours, *rest))
