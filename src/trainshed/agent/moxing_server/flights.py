"""The same copy, asked for by several ranks, is made once."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Hashable
from typing import Any

from trainshed.agent.moxing_server.wire import Gone

Page = dict[str, Any]
Work = Callable[[Callable[[Page], None], threading.Event], dict[str, Any]]
_TELL_EVERY_S = 1.0


class Writes:
    """What was written to buckets through us lately, so that nobody waits for a copy from before."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._count = 0
        self._recent: deque[tuple[int, str]] = deque(maxlen=10_000)

    def now(self) -> int:
        """A point in time to ask :meth:`since` about."""
        return self._count

    def note(self, uri: str) -> None:
        """Something at or under ``uri`` was written or removed."""
        with self._lock:
            self._count += 1
            self._recent.append((self._count, _plain(uri)))

    def since(self, moment: int, uri: str) -> bool:
        """Whether something that a copy of ``uri`` would see was written after ``moment``."""
        what = _plain(uri)
        with self._lock:
            if self._count - moment > len(self._recent):
                return True
            return any(n > moment and (w.startswith(what) or what.startswith(w)) for n, w in self._recent)


def _plain(uri: str) -> str:
    return uri.partition("://")[2].rstrip("/") + "/"


class _Flight:
    def __init__(self, moment: int) -> None:
        self.moment = moment
        self.landed = threading.Event()
        self.cancel = threading.Event()
        self.page: Page = {}
        self.riders = 1
        self.result: dict[str, Any] = {}
        self.error: Exception | None = None


class Flights:
    """Copies under way. The one who asks first makes the copy; who asks for the same meanwhile waits."""

    def __init__(self, writes: Writes) -> None:
        self._writes = writes
        self._lock = threading.Lock()
        self._flying: dict[Hashable, _Flight] = {}

    def run(self, key: Hashable, source: str, work: Work, tell: Callable[[Page], None]) -> dict[str, Any]:
        """Make the copy ``key`` of ``source``, or wait for the one that is being made.

        A copy that began before something under ``source`` was last written is waited for, and then
        made again.

        Args:
            work: makes the copy; told where to report and what ends it early.
            tell: passes progress on to the one who asked.
        """
        while True:
            with self._lock:
                flight = self._flying.get(key)
                if flight is None:
                    flight = self._flying[key] = _Flight(self._writes.now())
                    break
                fresh = not (flight.cancel.is_set() or self._writes.since(flight.moment, source))
                flight.riders += 1
            self._wait(flight, tell)
            if fresh:
                return self._outcome(flight, shared=True)
        return self._fly(key, flight, work, tell)

    def cancel(self) -> None:
        """End all copies that are under way."""
        with self._lock:
            for flight in self._flying.values():
                flight.cancel.set()

    def _fly(
        self, key: Hashable, flight: _Flight, work: Work, tell: Callable[[Page], None]
    ) -> dict[str, Any]:
        listening = True

        def report(page: Page) -> None:
            nonlocal listening
            flight.page = page
            try:
                if listening:
                    tell(page)
            except Gone:
                listening = False
                self._leave(flight)

        try:
            flight.result = work(report, flight.cancel)
        except Exception as error:
            flight.error = error
        finally:
            with self._lock:
                del self._flying[key]
            flight.landed.set()
        return self._outcome(flight, shared=False)

    def _wait(self, flight: _Flight, tell: Callable[[Page], None]) -> None:
        try:
            while not flight.landed.wait(_TELL_EVERY_S):
                tell(flight.page | {"shared": True})
        except Gone:
            self._leave(flight)
            raise

    def _leave(self, flight: _Flight) -> None:
        """One rank no longer listens; when none does, the copy ends."""
        with self._lock:
            flight.riders -= 1
            if flight.riders <= 0:
                flight.cancel.set()

    def _outcome(self, flight: _Flight, *, shared: bool) -> dict[str, Any]:
        if flight.error is not None:
            raise flight.error
        return flight.result | {"shared": shared}
