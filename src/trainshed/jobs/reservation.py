"""What is kept for the job at the head, so that those who pass it do not delay it.

With known ends of running jobs, the head gets a time and nodes (EASY backfill): another job may
start if it ends by that time, or leaves those nodes enough. Without, nobody can tell which nodes
the head will get, so another job may only take what no task of the head could ever wait for; that
is what the ``holders`` of :class:`~trainshed.jobs.indexes.SlotIndex` leave free.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import islice

from trainshed.core.resources import Chip
from trainshed.jobs.capacity import Capacity
from trainshed.jobs.indexes import SlotIndex
from trainshed.jobs.nodes import UNBOUNDED, NodeState, Vector, plus, slots, vector
from trainshed.jobs.queue import QueueEntry, Unit

_WORTH = 64


class Reservation:
    """The head of a kind of node, and what is kept for it.

    Attributes:
        behind: whether a head before it may run on the same nodes. Then it has no time, because
            nobody knows what the other one leaves.
        time: when the head starts at the latest; None where nobody knows.
        keep: node number → how many tasks of the head it will take at ``time``.
    """

    def __init__(self, entry: QueueEntry, *, behind: bool = False) -> None:
        self.entry = entry
        self.behind = behind
        self.time: float | None = None
        self.keep: dict[int, int] = {}
        self._want = vector(entry.unit.resources)
        self._resolved = False
        self._loosened = 0

    def invalidate(self) -> None:
        """What it was made from has changed for the worse: make it anew when it is asked for."""
        self._resolved = False

    def loosen(self) -> None:
        """A job has ended: it stays true, but could be earlier. Made anew once that is worth its cost."""
        self._loosened += 1
        if self._loosened * _WORTH >= len(self.keep):
            self._resolved = False

    def resolve(self, capacity: Capacity, now: float) -> None:
        """Find time and nodes, unless they are known and still to come."""
        if self._resolved and (self.time is None or now < self.time):
            return
        self._resolved, self._loosened = True, 0
        self.time, self.keep = None, {}
        if self.behind:
            return
        index = capacity.index(self.entry.unit)
        missing = self.entry.node_count - index.total
        coming = list(islice(capacity.ready(self.entry.unit, now).times, max(missing, 0)))
        if missing <= 0 or len(coming) < missing:
            return
        # just enough: all that is free now, and the first slots that come
        self.time = coming[-1][0]
        self.keep = {number: room for _, room, number in index.ordered}
        for _, number, _ in coming:
            self.keep[number] = self.keep.get(number, 0) + 1

    def overlaps(self, unit: Unit) -> bool:
        """Whether the head may run on nodes that suit ``unit``, as far as chips tell."""
        mine = self.entry.unit
        return mine.arch == unit.arch and (mine.chip == unit.chip or Chip.CPU in (mine.chip, unit.chip))

    def limit(self, want: Vector, now: float) -> Callable[[NodeState], int]:
        """How many tasks of ``want`` a node takes that stay past ``time``, without delaying the head."""
        time = self.time or now

        def room(state: NodeState) -> int:
            kept = self.keep.get(state.number)
            if not kept:
                return UNBOUNDED
            free = state.free
            for end, amount in state.stays.values():
                if now < end <= time:
                    free = plus(free, amount)
            return slots(plus(free, self._want, -kept), want)

        return room


def pick(
    index: SlotIndex,
    states: Sequence[NodeState],
    count: int,
    limits: Sequence[Callable[[NodeState], int]] = (),
) -> list[int] | None:
    """Nodes for ``count`` tasks: one each where there are enough nodes, else shared; None if too few.

    Args:
        limits: each says how many tasks a node may take at most.
    """
    rooms: list[tuple[int, int]] = []
    for _, free, number in index.ordered:
        room = min([free, *(limit(states[number]) for limit in limits)]) if limits else free
        if room > 0:
            rooms.append((number, room))
        if len(rooms) == count:
            return [number for number, _ in rooms]
    if sum(room for _, room in rooms) < count:
        return None
    return _share(rooms, count)


def _share(rooms: list[tuple[int, int]], count: int) -> list[int]:
    chosen: list[int] = []
    level = 0
    while len(chosen) < count:
        chosen += [number for number, room in rooms if room > level][: count - len(chosen)]
        level += 1
    return chosen
