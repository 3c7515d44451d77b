"""What is kept for the job at the head, so that those who pass it do not delay it.

With known ends of running jobs, the head gets a time and nodes (EASY backfill): another job may
start if it ends by that time, or leaves those nodes enough. Without, nobody can tell which nodes
the head will get, so another job may only take what no task of the head could ever wait for; that
is what the ``holders`` of :class:`~trainshed.jobs.capacity.SlotIndex` leave free.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from trainshed.core.resources import Chip
from trainshed.jobs.capacity import UNBOUNDED, Capacity, NodeState, SlotIndex, Vector, slots, suits, vector
from trainshed.jobs.order import SortedKeys
from trainshed.jobs.queue import QueueEntry, Unit

Ends = SortedKeys[tuple[float, str]]
_FINE_CAP = 16
_FREE_SCAN = 64


class Reservation:
    """The head of a kind of node, and what is kept for it.

    Attributes:
        behind: whether a head before it may run on the same nodes. Then it has no time, because
            nobody knows what the other one leaves.
        time: when the head starts at the latest; None where nobody knows.
        keep: node number → how many tasks of the head it will take at ``time``.
        after: the job whose end makes it so.
    """

    def __init__(self, entry: QueueEntry, *, behind: bool = False) -> None:
        self.entry = entry
        self.behind = behind
        self.time: float | None = None
        self.keep: dict[int, int] = {}
        self.after = ""
        self._want = vector(entry.unit.resources)
        self._resolved = False
        self._loosened = 0
        self._cost = 0

    @property
    def cap(self) -> int:
        """Most tasks of the head on one node; coarse above a few, so that indexes are shared."""
        return self.entry.node_count if self.entry.node_count < _FINE_CAP else UNBOUNDED

    def invalidate(self) -> None:
        """What it was made from has changed for the worse: make it anew when it is asked for."""
        self._resolved = False

    def loosen(self) -> None:
        """A job has ended: it stays true, but could be earlier. Made anew once that is worth its cost."""
        self._loosened += 1
        if self._loosened * _FREE_SCAN >= self._cost:
            self._resolved = False

    def resolve(self, capacity: Capacity, ends: Ends, now: float) -> None:
        """Find time and nodes, unless they are known and still to come."""
        if self._resolved and (self.time is None or now < self.time):
            return
        self._resolved, self._loosened, self._cost = True, 0, 0
        self.time, self.keep, self.after = None, {}, ""
        if self.behind:
            return
        index = capacity.index(self.entry.unit)
        have, future = index.total, dict[int, Vector]()
        for end, job_id in ends:
            self._cost += 1
            if end <= now:
                continue
            have += self._add(capacity, job_id, future)
            if have >= self.entry.node_count:
                self.time, self.after = end, job_id
                self.keep = self._choose(capacity, index, future)
                return

    def _add(self, capacity: Capacity, job_id: str, future: dict[int, Vector]) -> int:
        """Count what ``job_id`` will give back; returns how many slots that makes."""
        gang, gained = capacity.running[job_id], 0
        amount = vector(gang.unit.resources)
        for placement in gang.placements:
            state = capacity.state(placement.node)
            if not (state.node.ready and suits(self.entry.unit, state.node)):
                continue
            before = future.pop(state.number, state.free)
            after = (before[0] + amount[0], before[1] + amount[1], before[2] + amount[2])
            future[state.number] = after
            gained += slots(after, self._want) - slots(before, self._want)
        return gained

    def _choose(self, capacity: Capacity, index: SlotIndex, future: dict[int, Vector]) -> dict[int, int]:
        """Nodes for the head: those that come free last, because others can use them least."""
        keep: dict[int, int] = {}
        missing = self.entry.node_count
        idle = (number for _, _, number in reversed(list(index.ordered)) if number not in future)
        for number in (*reversed(future), *idle):
            room = min(slots(future.get(number, capacity.states[number].free), self._want), missing)
            if room:
                keep[number] = room
                missing -= room
            if not missing:
                break
        return keep

    def overlaps(self, unit: Unit) -> bool:
        """Whether the head may run on nodes that suit ``unit``, as far as chips tell."""
        mine = self.entry.unit
        return mine.arch == unit.arch and (mine.chip == unit.chip or Chip.CPU in (mine.chip, unit.chip))

    def limit(self, capacity: Capacity, want: Vector, now: float) -> Callable[[NodeState], int]:
        """How many tasks of ``want`` a node takes that stay past ``time``, without delaying the head."""
        time = self.time or now

        def room(state: NodeState) -> int:
            kept = self.keep.get(state.number)
            if not kept:
                return UNBOUNDED
            free = state.free
            for job_id, count in state.gangs.items():
                gang = capacity.running[job_id]
                if gang.ends is not None and now < gang.ends <= time:
                    free = _plus(free, vector(gang.unit.resources), count)
            return slots(_plus(free, self._want, -kept), want)

        return room


def _plus(a: Vector, b: Vector, times: int) -> Vector:
    return (a[0] + b[0] * times, a[1] + b[1] * times, a[2] + b[2] * times)


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
