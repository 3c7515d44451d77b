"""The agent's end of ``moxing``: a socket for the script, and behind it a process that moves the bytes.

A job that never touches ``moxing.file`` pays for one bound socket and no more. The first connection
wakes :mod:`trainshed.agent.moxing_server`, a process of its own that holds the keys (they reach it
through its standard input, never through arguments or environment) and takes the listening socket
over. It lets go when the agent does; a recovering agent binds the same path again.

The agent does, after it has forked what it forks and before it starts the ranks::

    library = put_library(root / "run" / "python")          # goes first on the ranks' PYTHONPATH
    gateway = start(task, root / "run" / "moxing.sock", mounts={"/cache": str(root / "cache"), …})
    ...                                                     # TRAINSHED_MOXING_SOCKET: as the ranks see it
    gateway.close()

An agent with an event loop and no threads watches :attr:`Gateway.fileno` for reading and calls
:meth:`Gateway.wake`; others call :meth:`Gateway.watch`, which does so in a thread.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import Any

from trainshed.core.errors import Code, Unavailable
from trainshed.core.task import TaskSpec

SOCKET_VARIABLE = "TRAINSHED_MOXING_SOCKET"
_PRIVATE = ("/tmp/", "/cache/", "/home/ma-user/")  # noqa: S108 what every sandboxed job has of its own
MEMORY = {"MALLOC_ARENA_MAX": "2", "MALLOC_MMAP_THRESHOLD_": "1048576"}  # give large buffers back at once
_LONGEST_ADDRESS = 100  # of the 108 bytes that Linux gives a socket's path
_BACKLOG = 256
_STABLE_S = 10.0  # a server that lived shorter is started again with growing delays


def start(task: TaskSpec, path: Path, mounts: Mapping[str, str] | None = None) -> Gateway:
    """Listen on ``path`` for the ranks of ``task``, and serve from the first connection on.

    Args:
        path: of the socket on the host; an old one there is replaced. Its folder is made.
        mounts: in a sandbox, what the ranks see where: their path → the host's. Files anywhere else
            are moved through the socket, and no link leads out of a mount. None: ranks and host see
            the same files.

    Returns:
        A gateway that is already being watched by a thread.
    """
    gateway = Gateway(path, task.buckets, mounts)
    gateway.watch()
    return gateway


def put_library(directory: Path) -> Path:
    """Put the ``moxing`` package into ``directory``, alone, and return it for the ranks' PYTHONPATH.

    A link, which costs nothing; a copy where a sandbox hides what the link would lead to.

    Raises:
        Unavailable: this installation has no ``moxing`` beside it.
    """
    source = library()
    directory.mkdir(parents=True, exist_ok=True)
    place = directory / "moxing"
    if str(source).startswith(_PRIVATE):
        shutil.copytree(source, place, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    elif not place.is_symlink() or place.readlink() != source:
        with contextlib.suppress(FileNotFoundError):
            place.unlink()
        place.symlink_to(source, target_is_directory=True)
    return directory


def library() -> Path:
    """The folder of the ``moxing`` package that came with this trainshed.

    Raises:
        Unavailable: there is none.
    """
    source = Path(__file__).resolve().parents[2] / "moxing"
    if not (source / "__init__.py").is_file():
        raise Unavailable(
            f"moxing is not beside trainshed in {source.parent}; install trainshed again",
            code=Code.STORAGE_UNREACHABLE,
        )
    return source


class Gateway:
    """The bound socket, and the server process once somebody has connected."""

    def __init__(
        self, path: Path, buckets: Mapping[str, Mapping[str, Any]], mounts: Mapping[str, str] | None = None
    ) -> None:
        self.path = path
        self._settings: dict[str, Any] = {"buckets": buckets, "mounts": mounts}
        self._listener = _listen(path)
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()
        self._over = False
        self._closing, self._closed = os.pipe()
        self._thread: threading.Thread | None = None

    def fileno(self) -> int:
        """The listening socket: readable when somebody waits and no server runs."""
        return self._listener.fileno()

    def wake(self) -> subprocess.Popen[bytes] | None:
        """Start the server process unless it runs; it takes the waiting connections.

        Returns:
            The process; None once the gateway is closed.
        """
        with self._lock:
            if self._over:
                return None
            if self._process is None or self._process.poll() is not None:
                _let_go(self._process)
                self._process = self._spawn()
            return self._process

    def watch(self) -> None:
        """Call :meth:`wake` from a thread of its own whenever somebody waits."""
        self._thread = threading.Thread(target=self._watch, name="moxing-gateway", daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        delay = 0.0
        while not _readable(self._closing, delay) and _readable(self.fileno(), None, self._closing):
            started = time.monotonic()
            process = self.wake()
            if process is not None:
                process.wait()
            lived = time.monotonic() - started
            delay = 0.0 if lived > _STABLE_S else min(5.0, delay * 2 or 0.1)

    def _spawn(self) -> subprocess.Popen[bytes]:
        fd = self.fileno()
        package_root = str(Path(__file__).resolve().parents[2])
        path = os.pathsep.join(p for p in (package_root, os.environ.get("PYTHONPATH")) if p)
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "trainshed.agent.moxing_server"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            pass_fds=(fd,),
            env=os.environ | MEMORY | {"PYTHONPATH": path},
            cwd="/",
        )
        assert process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            process.stdin.write(json.dumps(self._settings | {"listen_fd": fd}).encode() + b"\n")
            process.stdin.flush()
        return process

    def close(self) -> None:
        """The ranks are gone: end the server at once, and remove the socket.

        An agent that dies without this leaves a server that first finishes what it was asked.
        """
        with self._lock:
            if self._over:
                return
            self._over = True
            os.close(self._closed)
            _let_go(self._process, b"stop\n")
        if self._process is not None:
            self._process.wait()
        if self._thread is not None:
            self._thread.join()
        os.close(self._closing)
        self._listener.close()
        with contextlib.suppress(OSError):
            self.path.unlink()


def _let_go(process: subprocess.Popen[bytes] | None, last_word: bytes = b"") -> None:
    """Close a server's standard input."""
    if process is not None and process.stdin is not None and not process.stdin.closed:
        with contextlib.suppress(BrokenPipeError):
            process.stdin.write(last_word)
            process.stdin.flush()
        with contextlib.suppress(BrokenPipeError):
            process.stdin.close()


def _readable(fd: int, timeout_s: float | None, also: int = -1) -> bool:
    """Whether ``fd`` becomes readable in time, and before ``also`` does."""
    poll = select.poll()
    for each in {fd, also} - {-1}:
        poll.register(each, select.POLLIN)
    ready = dict(poll.poll(None if timeout_s is None else timeout_s * 1000))
    return fd in ready and also not in ready


def _listen(path: Path) -> socket.socket:
    """A listening Unix socket at ``path``, for our user only, however long the path is."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileNotFoundError):
        path.unlink()
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with _short_address(path) as address:
            listener.bind(address)
        path.chmod(0o600)
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise Unavailable(
            f"cannot listen on {path}: {error.strerror}", code=Code.STORAGE_UNREACHABLE
        ) from error
    return listener


@contextlib.contextmanager
def _short_address(path: Path) -> Generator[str]:
    """An address that fits, while the context lasts."""
    if len(os.fsencode(path)) <= _LONGEST_ADDRESS:
        yield str(path)
        return
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)
