"""The wish that a task should end before its script does, and how it reaches whoever waits."""

from __future__ import annotations

import contextlib
import os
import select
import threading

from trainshed.core.errors import TrainshedError
from trainshed.core.task import Cause


class Halted(TrainshedError):  # noqa: N818 a wish, not a mistake
    """The task was told to stop; raised where it notices."""


class Halt:
    """Says that the task should stop, from a signal handler or any thread.

    Attributes:
        cause: why; None while it should go on. Over, with no cause to report, counts as stopped.
        force: at once, without a grace period.
        reason: why in words, where there is more to say than the cause.
        rank: the rank because of which it ends; -1 for none.
        cancel: an event for copies that run: set as soon as a stop is asked for.
    """

    def __init__(self) -> None:
        self.cause: Cause | None = None
        self.force = False
        self.reason = ""
        self.rank = -1
        self.cancel = _Cancel(self)
        self.fd = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self.copying_on = False

    def ask(self, cause: Cause, *, force: bool = False, reason: str = "", rank: int = -1) -> None:
        """Ask for a stop; the first cause stays. Safe in a signal handler: takes no lock."""
        if self.cause is None:
            self.cause, self.reason, self.rank = cause, reason, rank
        self.force = self.force or force
        with contextlib.suppress(BlockingIOError):
            os.eventfd_write(self.fd, 1)

    def check(self) -> None:
        """Raise if a stop was asked for.

        Raises:
            Halted: it was.
        """
        if self.cause is not None:
            raise Halted("the task was told to stop")

    def wait_for(self, pid: int) -> None:
        """Wait until the process ends, or raise as soon as a stop is asked for.

        Raises:
            Halted: it was.
        """
        fd = os.pidfd_open(pid)
        try:
            poll = select.poll()
            poll.register(fd, select.POLLIN)
            poll.register(self.fd, select.POLLIN)
            while fd not in dict(poll.poll()):
                self.drain()
                self.check()
        finally:
            os.close(fd)

    def drain(self) -> None:
        """Make :attr:`fd` wait for the next wish."""
        with contextlib.suppress(BlockingIOError):
            os.eventfd_read(self.fd)


class _Cancel(threading.Event):
    """An event without a lock of its own to take in a signal handler.

    Once the task is over its outputs are still stored; only force ends that.
    """

    def __init__(self, halt: Halt) -> None:
        super().__init__()
        self._halt = halt

    def is_set(self) -> bool:
        return self._halt.force or (self._halt.cause is not None and not self._halt.copying_on)
