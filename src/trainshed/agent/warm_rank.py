"""A rank that a warm parent forked: started, watched and ended through its minder.

The rank is no child of ours, so its minder tells us how it ended, and names itself after us, which
makes it and everything below it ours in the eyes of :mod:`trainshed.agent.processes`.
"""

from __future__ import annotations

import os
import resource
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from trainshed.agent import fd_messages

_START_S = 30.0
_LIMITS = [name for name in dir(resource) if name.startswith("RLIMIT_")]


@dataclass(frozen=True, slots=True)
class Ended:
    """How the rank ended: a wait status, CPU seconds, and KiB at its peak."""

    status: int
    cpu_s: float
    peak_kb: int


class WarmRank:
    """The hold on one rank.

    Args:
        fd: a connection that a warm parent has the other end of.

    Attributes:
        pid, minder: process ids, once started.
        gone: whether the minder has ended; then nothing is left of the rank.
        ended: whether the rank's end was reported.
    """

    def __init__(self, fd: int) -> None:
        self._connection = socket.socket(fileno=fd)
        self.pid = self.minder = 0
        self.gone = self.ended = False

    def fileno(self) -> int:
        """For poll: readable when there is something to :meth:`read`."""
        return self._connection.fileno()

    def start(self, order: dict[str, Any], spaces: Sequence[str], out: int) -> bool:
        """Have the rank started; whether it was, else it never will be.

        Args:
            order: ``argv``, ``env`` and ``cwd``.
            spaces: our namespaces that it is to enter, in this order: ``user``, ``mnt``.
            out: descriptor of its output.

        Raises:
            ValueError: the order cannot be carried out, such as for want of its directory.
        """
        fds = [fd_messages.in_memory(order | _of_ours()), out]
        fds += [os.open(f"/proc/self/ns/{name}", os.O_RDONLY | os.O_CLOEXEC) for name in spaces]
        message = {"supervisor": os.getpid(), "spaces": list(spaces)}
        try:
            fd_messages.send(self._connection, message, fds)
            answer = self._answer()
        except OSError:
            answer = {}
        finally:
            for fd in (fds[0], *fds[2:]):
                os.close(fd)
        if "pid" not in answer:
            self._connection.close()
            self.gone = True
            if "error" in answer:
                raise ValueError(answer["error"])
            return False
        self.pid, self.minder = answer["pid"], answer["minder"]
        self._connection.setblocking(False)
        return True

    def _answer(self) -> dict[str, Any]:
        """What the rank says first; once we stop listening it does not start."""
        self._connection.settimeout(_START_S)
        try:
            return fd_messages.receive(self._connection)[0]
        except TimeoutError:
            self._connection.shutdown(socket.SHUT_RD)
            return fd_messages.receive(self._connection)[0]

    def read(self, ended: Callable[[Ended], None]) -> None:
        """Take in what the minder says, without waiting."""
        while not self.gone:
            try:
                message, _ = fd_messages.receive(self._connection)
            except BlockingIOError:
                return
            if message:
                self.ended = True
                ended(Ended(**message))
            else:
                self._connection.close()
                self.gone = True


def _of_ours() -> dict[str, Any]:
    """What a child would have from us."""
    umask = os.umask(0o022)
    os.umask(umask)
    return {
        "limits": {name: resource.getrlimit(getattr(resource, name)) for name in _LIMITS},
        "umask": umask,
        "cpus": sorted(os.sched_getaffinity(0)),
    }
