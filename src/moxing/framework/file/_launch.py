"""Where the gateway listens: the agent's socket in a job, a process of our own elsewhere."""

import json
import os
import re
import shutil
import socket
import sys
import threading
import time
from importlib import util as importlib_util
from typing import Any, Dict, List, Optional

from moxing.framework.file import _errors

SOCKET_VARIABLE = "TRAINSHED_MOXING_SOCKET"
PYTHON_VARIABLE = "TRAINSHED_PYTHON"
_HOW = (
    "obs:// and s3:// paths need trainshed, which moves the bytes: run the script as a trainshed job, or "
    "install trainshed in a Python 3.11 or newer (pip install trainshed) and put its 'trainshed' command on "
    "the PATH; local paths need nothing"
)
_SERVER = "trainshed.cli.moxing_gateway"
# after all other folders, so that nothing there stands in for the standard library
_BEGIN = (
    "import runpy, sys; sys.path.append({!r}); runpy.run_module({!r}, run_name='__main__', alter_sys=True)"
)
_TRIES = 3
_STABLE_S = 10.0  # a gateway that lived so long did not end at once


def in_job() -> bool:
    """Whether an agent listens for us."""
    return bool(os.environ.get(SOCKET_VARIABLE))


def address() -> str:
    """Path of the gateway's socket; starts a gateway of our own where there is no agent.

    Raises:
        MoxFileRespException: no trainshed is to be found.
    """
    return os.environ.get(SOCKET_VARIABLE) or _own.address()


class _OwnGateway(object):
    """A server process that lives as long as this process and those forked from it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: Any = None  # subprocess.Popen, once there is one
        self._folder = ""
        self._pid = 0
        self._started = 0.0
        self._failed = 0

    def address(self) -> str:
        with self._lock:
            if self._process is None or self._ended():
                if time.monotonic() - self._started > _STABLE_S:
                    self._failed = 0
                if self._failed >= _TRIES:
                    raise _errors.unavailable(
                        "the storage gateway ended at once, {} times; see what it wrote above".format(_TRIES)
                    )
                self._failed += 1
                self._start()
            return os.path.join(self._folder, "gateway.sock")

    def _ended(self) -> bool:
        # A forked child is not the process's parent and cannot ask; connecting will tell.
        assert self._process is not None
        return self._pid == os.getpid() and self._process.poll() is not None

    def _start(self) -> None:
        if not hasattr(socket, "AF_UNIX"):
            raise _errors.unavailable("this system has no Unix sockets; use Linux or macOS for obs:// paths")
        import tempfile  # late: most scripts never come here, and importing moxing should cost little

        python = find_python()
        self._folder = tempfile.mkdtemp(prefix="moxing-")
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            listener.bind(os.path.join(self._folder, "gateway.sock"))
            listener.listen(128)
            self._let_go()
            self._process = self._spawn(python, listener.fileno())
            self._pid, self._started = os.getpid(), time.monotonic()
        except BaseException:
            shutil.rmtree(self._folder, ignore_errors=True)
            raise
        finally:
            listener.close()

    def _let_go(self) -> None:
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()

    def _spawn(self, python: str, fd: int) -> Any:
        import subprocess

        where = _home_of_trainshed() if python == sys.executable else ""
        process = subprocess.Popen(
            [python, "-P", "-c", _BEGIN.format(where, _SERVER)],
            stdin=subprocess.PIPE,
            pass_fds=(fd,),
            env=_environment(),
        )
        settings = {"listen_fd": fd, "buckets": {}, "home": True, "folder": self._folder}
        assert process.stdin is not None
        process.stdin.write(json.dumps(settings).encode() + b"\n")
        process.stdin.flush()
        return process


_own = _OwnGateway()


def _environment() -> Dict[str, str]:
    """Ours, without what leads another interpreter to our packages; memory is given back at once."""
    kept = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "PYTHONHOME")}
    return dict(kept, MALLOC_ARENA_MAX="2", MALLOC_MMAP_THRESHOLD_="1048576")


def find_python() -> str:
    """An interpreter that has trainshed: this one, ``TRAINSHED_PYTHON``, or that of the command.

    Raises:
        MoxFileRespException: none was found.
    """
    if sys.version_info >= (3, 11) and _has_trainshed():
        return sys.executable
    chosen = os.environ.get(PYTHON_VARIABLE) or _python_of(shutil.which("trainshed"))
    if not chosen:
        raise _errors.unavailable(_HOW)
    return chosen


def _has_trainshed() -> bool:
    try:
        return importlib_util.find_spec(_SERVER) is not None
    except ImportError:
        return False


def _home_of_trainshed() -> str:
    """The folder that this interpreter finds trainshed in."""
    spec = importlib_util.find_spec("trainshed")
    return os.path.dirname(os.path.dirname(spec.origin)) if spec and spec.origin else ""


def _python_of(command: Optional[str]) -> Optional[str]:
    """The interpreter in the first line of a console script."""
    if command is None:
        return None
    try:
        with open(command, "rb") as script:
            first = script.readline(4096).decode("utf-8", "replace").strip()
            second = script.readline(4096).decode("utf-8", "replace").strip()
    except OSError:
        return None
    candidates: List[str] = [first[2:].strip()] if first.startswith("#!") else []
    candidates += re.findall(r"'''exec' \"?(.+?)\"? \"\$0\"", second)  # pip's way around long paths
    return next((c for c in candidates if os.path.isfile(c) and "python" in os.path.basename(c)), None)


def _after_fork() -> None:
    """The lock may have been held by a thread that the child does not have."""
    _own._lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
