"""Questions about a unit, answered without a scan of the nodes.

Both indexes take in only the nodes that changed since they were last asked.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from trainshed.core.resources import Chip
from trainshed.jobs.nodes import Kind, NodeState, Vector, plus, slots, suits, vector
from trainshed.jobs.order import SortedKeys
from trainshed.jobs.queue import Unit

Holders = tuple[tuple[Unit, int], ...]
_Place = tuple[int, int, int]
_Ready = tuple[float, int, int]
_BULK = 16
_MEMORY = 4096


class SlotIndex:
    """The slots of one unit on every node, tightest node first.

    Args:
        unit: what is asked for.
        holders: units, with the most tasks of each on one node, for which room must be left
            wherever they could ever run, whoever else goes first.

    Attributes:
        total: slots that are free now, over all nodes that are ready.
        potential: slots of all nodes that are ready, if they were empty.
        most: the most slots that one empty node has had.
        ordered: misfit, slots and number of every node that has a free slot.
    """

    def __init__(self, unit: Unit, holders: Holders, states: Sequence[NodeState]) -> None:
        self.unit = unit
        self._want = vector(unit.resources)
        self._holders = tuple((holder, vector(holder.resources), cap) for holder, cap in holders)
        self._states = states
        self._places: dict[int, _Place] = {}
        self._potential: dict[int, int] = {}
        self._known: dict[tuple[Kind, Vector], tuple[int, int, int]] = {}
        self.ordered: SortedKeys[_Place] = SortedKeys()
        self.dirty: set[int] = set(range(len(states)))
        self.total = self.potential = self.most = 0

    def refresh(self) -> SlotIndex:
        """Take in the nodes that changed."""
        dirty, self.dirty = self.dirty, set()
        many = len(dirty) * _BULK > len(self._states)
        for number in dirty:
            old, new = self._place(self._states[number])
            if not many and old != new:
                if old:
                    self.ordered.remove(old)
                if new:
                    self.ordered.add(new)
        if many:
            self.ordered.refill(self._places.values())
        return self

    def _place(self, state: NodeState) -> tuple[_Place | None, _Place | None]:
        number = state.number
        misfit, room, potential = self._count(state)
        self.potential += potential - self._potential.get(number, 0)
        self._potential[number] = potential
        self.most = max(self.most, potential)
        old = self._places.pop(number, None)
        new = (misfit, room, number) if room else None
        if new:
            self._places[number] = new
        self.total += room - (old[1] if old else 0)
        return old, new

    def _count(self, state: NodeState) -> tuple[int, int, int]:
        """Misfit, free slots and potential slots; nodes of a kind are often in the same state."""
        key = (state.kind, state.free)
        found = self._known.get(key)
        if found is None:
            if len(self._known) > _MEMORY:
                self._known.clear()
            found = self._known[key] = self._count_anew(state)
        return found

    def _count_anew(self, state: NodeState) -> tuple[int, int, int]:
        if not (state.node.ready and suits(self.unit, state.node)):
            return 0, 0, 0
        # a task without cards goes to a node without cards where it can
        misfit = int(state.node.chip != Chip.CPU and not self._want[2])
        return misfit, slots(self._left(state), self._want), slots(state.total, self._want)

    def _left(self, state: NodeState) -> Vector:
        """What is free once room is left for the holders.

        A holder never has more tasks on the node than the empty node has room for. While that
        much is free of an amount, the holder never waits for that amount here.
        """
        free = state.free
        for holder, want, cap in self._holders:
            if suits(holder, state.node):
                free = plus(free, want, -min(slots(state.total, want), cap))
        return free


class ReadyIndex:
    """When nodes will have further slots for one unit, by the known ends of what runs on them.

    Attributes:
        times: when, node number, and a count that tells several slots of one end apart.
    """

    def __init__(self, unit: Unit, states: Sequence[NodeState]) -> None:
        self.unit = unit
        self._want = vector(unit.resources)
        self._states = states
        self._mine: dict[int, list[_Ready]] = {}
        self.times: SortedKeys[_Ready] = SortedKeys()
        self.dirty: set[int] = set(range(len(states)))

    def refresh(self, now: float) -> ReadyIndex:
        """Take in the nodes that changed, and those where a job stays past its known end."""
        for time, number, _ in self.times:
            if time > now:
                break
            self.dirty.add(number)
        dirty, self.dirty = self.dirty, set()
        many = len(dirty) * _BULK > len(self._states)
        for number in dirty:
            old = self._mine.pop(number, ())
            new = self._ready(self._states[number], now)
            if new:
                self._mine[number] = new
            if not many and old != new:
                for key in old:
                    self.times.remove(key)
                for key in new:
                    self.times.add(key)
        if many:
            self.times.refill(key for keys in self._mine.values() for key in keys)
        return self

    def _ready(self, state: NodeState, now: float) -> list[_Ready]:
        if not state.stays or not (state.node.ready and suits(self.unit, state.node)):
            return []
        free, have, found = state.free, slots(state.free, self._want), list[_Ready]()
        for end, amount in sorted(stay for stay in state.stays.values() if now < stay[0] < math.inf):
            free = plus(free, amount)
            room = slots(free, self._want)
            found += [(end, state.number, slot) for slot in range(have, room)]
            have = max(have, room)
        return found
