"""Wakes those who follow a log or a job, the moment there is something new.

Everything here lives on the event loop, but for :meth:`Hub.wake_soon`, which any thread may call.
A follower is only told *that* there is something; it reads what it has not seen from the log file
or from the job's :class:`JobFeed`, so a slow reader costs nothing and misses nothing.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Collection, Hashable, Iterable
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class FeedItem:
    """One thing to tell: ``phase``, ``event`` or ``progress``, and its facts."""

    kind: str
    data: dict[str, Any]


@dataclass(slots=True)
class JobFeed:
    """What has happened to a job since its creation, in order. The dispatcher appends to it.

    Attributes:
        events: how many of the items are events; they are numbered from 1.
        closed: whether nothing comes any more.
    """

    items: list[FeedItem] = field(default_factory=list[FeedItem])
    events: int = 0
    closed: bool = False

    def event(self, data: dict[str, Any]) -> None:
        """One more event."""
        self.events += 1
        self.items.append(FeedItem("event", {"id": self.events, **data}))


def job_topic(job_id: str) -> Hashable:
    """What the followers of a job wait for."""
    return job_id


def log_topic(job_id: str, attempt: int, stream: str) -> Hashable:
    """What the followers of a log wait for."""
    return (job_id, attempt, stream)


def project_topic(project_id: str) -> Hashable:
    """What those wait for who look at all jobs of a project."""
    return ("project", project_id)


class Recent:
    """The latest changes of jobs: one record, from which all who watch read what they have not seen.

    Attributes:
        count: how many there have been.
    """

    def __init__(self, most: int = 4096) -> None:
        self.count = 0
        self._items: deque[tuple[str, str]] = deque(maxlen=most)

    def add(self, project_id: str, job_id: str) -> None:
        """A job has changed."""
        self.count += 1
        self._items.append((project_id, job_id))

    def since(self, count: int, project_id: str) -> list[str] | None:
        """Ids of a project's jobs that changed after the first ``count`` changes; None: too many to know.

        >>> recent = Recent(2)
        >>> for project, job in ("p", "1"), ("q", "2"), ("p", "3"):
        ...     recent.add(project, job)
        >>> recent.since(1, "p"), recent.since(0, "p")
        (['3'], None)
        """
        new = self.count - count
        if new > len(self._items):
            return None
        fresh = [self._items[i] for i in range(len(self._items) - new, len(self._items))]
        return list(dict.fromkeys(job for project, job in fresh if project == project_id))


class Waiter:
    """One follower's bell; rings for all topics that it was put on."""

    __slots__ = ("_event", "topics")

    def __init__(self) -> None:
        self._event = asyncio.Event()
        self.topics: set[Hashable] = set()

    def ring(self) -> None:
        """There is something new."""
        self._event.set()

    async def wait(self, timeout_s: float) -> bool:
        """Until the next ring, or for ``timeout_s``; whether it rang."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._event.wait()
        except TimeoutError:
            return False
        self._event.clear()
        return True


class Hub:
    """Who waits for what."""

    def __init__(self) -> None:
        self._waiters: dict[Hashable, set[Waiter]] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self.closed = False
        self.recent = Recent()

    def listen(self, waiter: Waiter, topic: Hashable) -> None:
        """Ring ``waiter`` for ``topic`` from now on. Look for news after this, not before."""
        self._loop = asyncio.get_running_loop()
        waiter.topics.add(topic)
        self._waiters.setdefault(topic, set()).add(waiter)

    def leave(self, waiter: Waiter) -> None:
        """``waiter`` waits no more."""
        for topic in waiter.topics:
            waiting = self._waiters.get(topic)
            if waiting is not None:
                waiting.discard(waiter)
                if not waiting:
                    del self._waiters[topic]
        waiter.topics.clear()

    def wake(self, topic: Hashable) -> None:
        """Ring all who wait for ``topic``. On the event loop only."""
        for waiter in self._waiters.get(topic, ()):
            waiter.ring()

    def wake_soon(self, topics: Iterable[Hashable]) -> None:
        """The same for several topics, from any thread."""
        wanted = [topic for topic in topics if topic in self._waiters]
        if wanted and self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._wake_all, wanted)

    def changed_soon(self, jobs: Collection[tuple[str, str]]) -> None:
        """Jobs, as project and id, have changed. From any thread."""
        wanted = [job for job in jobs if project_topic(job[0]) in self._waiters]
        if wanted and self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._changed, wanted)

    def close(self) -> None:
        """End all followers. On the event loop only."""
        self.closed = True
        for waiting in list(self._waiters.values()):
            for waiter in list(waiting):
                waiter.ring()

    def _changed(self, jobs: list[tuple[str, str]]) -> None:
        for project_id, job_id in jobs:
            self.recent.add(project_id, job_id)
        self._wake_all({project_topic(project_id) for project_id, _ in jobs})

    def _wake_all(self, topics: Iterable[Hashable]) -> None:
        for topic in topics:
            self.wake(topic)
