"""Ports for a job on this node: free now, and never taken by two jobs of ours at once.

A reservation is the name of an abstract Unix socket, ``trainshed-port/PORT/OWNER``. Such names live
in the network namespace, which is just where ports live, and are gone when their holder is: no
files, no clean-up, nothing to agree on but the spelling. Tasks of one job that share a node (and so
its ports) have the same owner, and share the reservation.
"""

from __future__ import annotations

import contextlib
import errno
import random
import socket
from collections.abc import Iterable

FIRST, LAST = 20_000, 32_000
"""Below the range from which Linux takes ports for outgoing connections."""

_PREFIX = "trainshed-port"


class Reservations:
    """Ports that this process holds for ``owner`` until it ends or lets go."""

    def __init__(self, owner: str) -> None:
        self._owner = owner
        self._held: dict[int, socket.socket | None] = {}

    def take(self, port: int) -> bool:
        """Reserve ``port``; whether that worked: nobody listens on it and no other job has it."""
        if port in self._held:
            return True
        held: socket.socket | None = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            held.bind(f"\0{_PREFIX}/{port}/{self._owner}")
        except OSError as error:
            held.close()
            if error.errno != errno.EADDRINUSE:
                raise
            held = None  # a task of the same job on this node has it
        if any(owner != self._owner for owner in _owners(port)) or not _is_free(port):
            if held is not None:
                held.close()
            return False
        self._held[port] = held
        return True

    def find(self, count: int) -> list[int]:
        """``count`` ports in a row, reserved; fewer where there are no such runs left."""
        first = random.randrange(FIRST, LAST - count) if count else FIRST  # noqa: S311 not a secret
        for start in (*range(first, LAST - count), *range(FIRST, first)):
            run = list(range(start, start + count))
            if all(self.take(port) for port in run):
                return run
            self.release(run)
        return []

    def release(self, ports: Iterable[int]) -> None:
        """Let go of ``ports``."""
        for port in ports:
            if held := self._held.pop(port, None):
                held.close()


def _owners(port: int) -> list[str]:
    """Whose reservations of ``port`` there are on this node."""
    stem = f"@{_PREFIX}/{port}/"
    with contextlib.suppress(OSError), open("/proc/net/unix", encoding="utf-8", errors="replace") as table:
        return [line.rstrip("\n").partition(stem)[2] for line in table if stem in line]
    return []


def _is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("", port))
        except OSError:
            return False
    return True
