"""Ports for the jobs of a pool on this machine: really free, and never given to two jobs."""

from __future__ import annotations

import socket
from collections.abc import Iterable, Sequence

from trainshed.core.errors import Unavailable

# Below the range from which Linux takes ports for outgoing connections.
FIRST, LAST = 20_000, 32_000


class Ports:
    """Gives out ports in turn, so that one is not given again soon after it was let go.

    Not thread-safe: the dispatcher owns it.
    """

    def __init__(self, first: int = FIRST, last: int = LAST) -> None:
        self._first, self._count = first, last - first
        self._next = 0
        self._held: dict[str, tuple[int, ...]] = {}
        self._taken: set[int] = set()

    def take(self, job_id: str, count: int, hosts: Sequence[str]) -> tuple[int, ...]:
        """``count`` ports that nobody listens on at any of ``hosts`` now; kept until ``release``.

        Raises:
            Unavailable: there are not that many.
        """
        self.release(job_id)
        found: list[int] = []
        for _ in range(self._count):
            if len(found) == count:
                break
            port = self._first + self._next
            self._next = (self._next + 1) % self._count
            if port not in self._taken and is_free(port, hosts):
                found.append(port)
        if len(found) < count:
            raise Unavailable(f"there are no {count} free ports from {self._first} on this machine")
        self.hold(job_id, found)
        return tuple(found)

    def hold(self, job_id: str, ports: Iterable[int]) -> None:
        """Count ``ports`` as this job's; for a job that was started before this server."""
        self._held[job_id] = tuple(ports)
        self._taken.update(self._held[job_id])

    def release(self, job_id: str) -> None:
        """The job needs its ports no longer."""
        self._taken.difference_update(self._held.pop(job_id, ()))


def is_free(port: int, hosts: Iterable[str]) -> bool:
    """Whether ``port`` can be listened on at all of ``hosts``; a host that is not here does not count."""
    for host in hosts:
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError:
                return False
    return True
