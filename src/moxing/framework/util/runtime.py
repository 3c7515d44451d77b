"""What scripts use of MoXing's runtime: its logger, time-outs, and a barrier for the ranks of a node."""

import functools
import logging
import os
import shutil
import signal
import tempfile
import threading
import time
from typing import Any, Callable, Dict, Optional

from moxing.framework.file._log import reset_logger  # noqa: F401


class MoxTimeoutError(Exception):
    """A call took longer than :func:`mox_timeout` allows."""


def get_func_name(func: Any) -> str:
    """The name of a function, or of what wraps one."""
    return getattr(func, "__name__", None) or getattr(getattr(func, "func", None), "__name__", repr(func))


def mox_timeout(seconds: Optional[int], ori_func: Any = None) -> Callable[[Any], Callable[..., Any]]:
    """Decorate a function to be ended after ``seconds``; only the main thread can be interrupted so.

    Raises:
        MoxTimeoutError: from the decorated function.
    """

    def decorate(func: Any) -> Callable[..., Any]:
        def expired(_signum: int, _frame: Any) -> None:
            raise MoxTimeoutError("timeout when calling {}".format(get_func_name(ori_func or func)))

        @functools.wraps(func)
        def limited(*args: Any, **kwargs: Any) -> Any:
            if not seconds or threading.current_thread() is not threading.main_thread():
                logging.getLogger("moxing").debug("no timeout for %s", get_func_name(func))
                return func(*args, **kwargs)
            before = signal.signal(signal.SIGALRM, expired)
            signal.alarm(seconds)
            try:
                return func(*args, **kwargs)
            finally:
                signal.alarm(0)
                signal.signal(signal.SIGALRM, before)

        return limited

    return decorate


def mpi_local_sync_barrier(name: str = "barrier", timeout_s: float = 1800.0) -> None:
    """Wait until all ranks of this node have called it with the same ``name``.

    How many they are is in LOCAL_WORLD_SIZE or OMPI_COMM_WORLD_LOCAL_SIZE; alone it returns at once.
    MoXing publishes no signature of it: call it without arguments; the two are ours.

    Raises:
        MoxTimeoutError: not all of them came in time.
    """
    size = int(os.environ.get("LOCAL_WORLD_SIZE") or os.environ.get("OMPI_COMM_WORLD_LOCAL_SIZE") or 1)
    if size > 1:
        _Barrier(name, size).wait(timeout_s)


_rounds: Dict[str, int] = {}  # how often each barrier was passed


class _Barrier(object):
    """Files in a directory that the ranks of a node share; each rank adds one and waits for the rest."""

    def __init__(self, name: str, size: int) -> None:
        turn = _rounds[name] = _rounds.get(name, 0) + 1
        job = os.environ.get("MA_JOB_ID") or os.environ.get("JOB_ID") or str(os.getppid())
        rank = os.environ.get("LOCAL_RANK") or os.environ.get("OMPI_COMM_WORLD_LOCAL_RANK") or "0"
        base = os.path.join(tempfile.gettempdir(), "moxing-barrier-{}-{}".format(job, name))
        self._folder = "{}-{}".format(base, turn)
        if turn > 2:  # whoever is here has seen all others leave the one before the last
            shutil.rmtree("{}-{}".format(base, turn - 2), ignore_errors=True)
        self._mine = os.path.join(self._folder, rank)
        self._size = size

    def wait(self, timeout_s: float) -> None:
        os.makedirs(self._folder, exist_ok=True)
        with open(self._mine, "wb"):
            pass
        deadline = time.time() + timeout_s
        while len(os.listdir(self._folder)) < self._size:
            if time.time() > deadline:
                raise MoxTimeoutError("{} of {} ranks came".format(len(os.listdir(self._folder)), self._size))
            time.sleep(0.02)
