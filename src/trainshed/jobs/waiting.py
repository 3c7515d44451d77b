"""The entries that wait, in lanes of like jobs, so that a decision looks at lanes and not at jobs.

Entries that ask for the same thing have the same *shape*: if the first of them does not fit, no
other of them does. Inside a shape, *lanes* hold entries of about the same duration, for backfill.
"""

from __future__ import annotations

import math
from heapq import heappop, heappush

from trainshed.jobs.order import SortedKeys
from trainshed.jobs.queue import HIGHEST_PRIORITY, QueueEntry, Unit

Key = tuple[int, float, int]
ShapeKey = tuple[str, Unit, int]
_STEP = math.log(1.25)


class Waiting:
    """One entry in the queue; ``alive`` until it leaves."""

    __slots__ = ("alive", "entry", "key", "shape")

    def __init__(self, entry: QueueEntry, key: Key, shape: Shape) -> None:
        self.entry = entry
        self.key = key
        self.shape = shape
        self.alive = True

    @property
    def duration(self) -> float:
        """Seconds; infinite where nobody knows."""
        return math.inf if self.entry.duration is None else self.entry.duration


class Shape:
    """All entries that ask for the same nodes (and count against the same quota)."""

    __slots__ = ("_lanes", "_pushes", "_top", "key", "size")

    def __init__(self, key: ShapeKey) -> None:
        self.key = key
        self.size = 0
        self._pushes = 0
        self._lanes: dict[int, list[tuple[Key, int, Waiting]]] = {}
        self._top: Waiting | None = None

    def push(self, waiting: Waiting) -> None:
        self._pushes += 1
        lane = self._lanes.setdefault(_lane(waiting.duration), [])
        heappush(lane, (waiting.key, self._pushes, waiting))
        self.size += 1
        if self._top is not None and waiting.key < self._top.key:
            self._top = waiting

    def drop(self, waiting: Waiting) -> None:
        """``waiting`` has left; its lane finds out when it comes to the top."""
        self.size -= 1
        if waiting is self._top:
            self._top = None

    def top(self) -> Waiting | None:
        """The entry that goes first."""
        if self._top is None and self.size:
            self._top = self.first(math.inf)
        return self._top

    def first(self, longest: float) -> Waiting | None:
        """The entry that goes first among those that hold their nodes for ``longest`` seconds at most.

        Of a lane that straddles ``longest``, only the first entry is looked at.
        """
        best: Waiting | None = None
        for number in list(self._lanes):
            lane = self._lanes[number]
            while lane and not lane[0][2].alive:
                heappop(lane)
            if not lane:
                del self._lanes[number]
                continue
            waiting = lane[0][2]
            if waiting.duration <= longest and (best is None or waiting.key < best.key):
                best = waiting
        return best


def _lane(duration: float) -> int:
    if math.isinf(duration):
        return 1 << 30
    return math.ceil(math.log(max(duration, 1.0)) / _STEP)


class Queue:
    """Who waits, in order: priority, then time of submission, then order of arrival."""

    def __init__(self) -> None:
        self.entries: dict[str, Waiting] = {}
        self.shapes: dict[ShapeKey, Shape] = {}
        self._paused: dict[str, tuple[QueueEntry, int]] = {}
        self._order: SortedKeys[Key] = SortedKeys()
        self._arrivals = 0

    def __len__(self) -> int:
        return len(self.entries)

    def __contains__(self, job_id: str) -> bool:
        return job_id in self.entries or job_id in self._paused

    def get(self, job_id: str) -> QueueEntry | None:
        """The entry, paused or not."""
        waiting = self.entries.get(job_id)
        return waiting.entry if waiting else self._paused.get(job_id, (None, 0))[0]

    def add(self, entry: QueueEntry, *, quota: bool, arrival: int = 0) -> None:
        """Put ``entry`` in its place.

        Args:
            quota: whether its project is limited.
            arrival: its number when it came before, for an entry that was taken out to be changed.
        """
        if not arrival:
            arrival = self._arrivals = self._arrivals + 1
        if entry.paused:
            self._paused[entry.job_id] = (entry, arrival)
            return
        key = (HIGHEST_PRIORITY - entry.priority, entry.submitted, arrival)
        shape_key = (entry.project if quota else "", entry.unit, entry.node_count)
        shape = self.shapes.get(shape_key)
        if shape is None:
            shape = self.shapes[shape_key] = Shape(shape_key)
        waiting = self.entries[entry.job_id] = Waiting(entry, key, shape)
        shape.push(waiting)
        self._order.add(key)

    def arrival(self, job_id: str) -> int:
        """The number with which an entry came."""
        waiting = self.entries.get(job_id)
        return waiting.key[2] if waiting else self._paused[job_id][1]

    def remove(self, job_id: str) -> QueueEntry | None:
        """Take an entry out; None for one that is not there."""
        if paused := self._paused.pop(job_id, None):
            return paused[0]
        waiting = self.entries.pop(job_id, None)
        if waiting is None:
            return None
        waiting.alive = False
        self._order.remove(waiting.key)
        waiting.shape.drop(waiting)
        if not waiting.shape.size:
            del self.shapes[waiting.shape.key]
        return waiting.entry

    def position(self, job_id: str) -> int:
        """Place in the queue, from 1; 0 for a paused entry."""
        waiting = self.entries.get(job_id)
        return self._order.rank(waiting.key) + 1 if waiting else 0
