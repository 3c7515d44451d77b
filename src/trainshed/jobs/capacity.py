"""What is free on which node, kept so that a question about a unit costs no scan of the nodes.

Amounts are vectors of whole numbers (millicores, MiB, cards). A *slot* of a unit is room for one
task of it. A :class:`SlotIndex` knows for one unit how many slots every node has, and takes in
only the nodes that changed since it was last asked.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from trainshed.core.resources import Chip, Node, Placement, Resources
from trainshed.jobs.order import SortedKeys
from trainshed.jobs.queue import RunningGang, Unit

Vector = tuple[int, int, int]
ZERO: Vector = (0, 0, 0)
UNBOUNDED = 1 << 20


def vector(amount: Resources) -> Vector:
    """``amount`` in whole numbers; cores round to a thousandth."""
    return (round(amount.cpus * 1000), amount.memory_mb, amount.cards)


def slots(free: Vector, unit: Vector) -> int:
    """How many tasks of ``unit`` there is room for in ``free``.

    >>> slots((8000, 4096, 2), (1000, 1024, 1))
    2
    """
    room = UNBOUNDED
    for have, want in zip(free, unit, strict=True):
        if want:
            room = min(room, have // want)
    return max(room, 0)


def suits(unit: Unit, node: Node) -> bool:
    """Whether tasks of ``unit`` may run on ``node`` at all, room aside."""
    if unit.arch != node.arch or unit.chip not in (Chip.CPU, node.chip):
        return False
    return all(node.labels.get(name) == value for name, value in unit.labels)


class NodeState:
    """One node and what is taken of it."""

    __slots__ = ("cards", "free", "gangs", "node", "number", "taken", "total", "used")

    def __init__(self, node: Node, number: int) -> None:
        self.number = number
        self.used: Vector = ZERO
        self.taken: set[str] = set()
        self.gangs: dict[str, int] = {}
        self.update(node)

    def update(self, node: Node) -> None:
        """Take in what the pool now says of the node; what is taken stays taken."""
        self.node = node
        self.cards = node.devices or tuple(str(i) for i in range(node.total.cards))
        cpus, memory, _ = vector(node.total)
        self.total: Vector = (cpus, memory, min(node.total.cards, len(self.cards)))
        self._settle()

    def take(self, amount: Vector, devices: Iterable[str]) -> None:
        self.used = (self.used[0] + amount[0], self.used[1] + amount[1], self.used[2] + amount[2])
        self.taken.update(devices)
        self._settle()

    def give(self, amount: Vector, devices: Iterable[str]) -> None:
        self.used = (self.used[0] - amount[0], self.used[1] - amount[1], self.used[2] - amount[2])
        self.taken.difference_update(devices)
        self._settle()

    def _settle(self) -> None:
        total, used = self.total, self.used
        # a taken card that the pool no longer names takes no room among those it does
        cards = sum(1 for card in self.cards if card not in self.taken)
        self.free = (total[0] - used[0], total[1] - used[1], min(total[2] - used[2], cards))

    def choose_cards(self, count: int) -> tuple[str, ...]:
        """``count`` free cards: an aligned run of neighbours where there is one, else the first ones."""
        for start in range(0, len(self.cards) - count + 1, count or 1):
            run = self.cards[start : start + count]
            if not self.taken.intersection(run):
                return run
        return tuple(card for card in self.cards if card not in self.taken)[:count]


Holders = tuple[tuple[Unit, int], ...]


class SlotIndex:
    """The slots of one unit on every node, tightest node first.

    Args:
        unit: what is asked for.
        holders: units, with the most tasks of each on one node, for which room must be left
            wherever they could ever run, whoever else goes first.
    """

    def __init__(self, unit: Unit, holders: Holders, states: Sequence[NodeState]) -> None:
        self.unit = unit
        self._want = vector(unit.resources)
        self._holders = tuple((holder, vector(holder.resources), cap) for holder, cap in holders)
        self._states = states
        self._places: dict[int, tuple[int, int, int]] = {}
        self._potential: dict[int, int] = {}
        self.ordered: SortedKeys[tuple[int, int, int]] = SortedKeys()
        self.dirty: set[int] = set(range(len(states)))
        self.total = 0
        self.potential = 0

    def refresh(self) -> SlotIndex:
        """Take in the nodes that changed."""
        while self.dirty:
            self._place(self._states[self.dirty.pop()])
        return self

    def _place(self, state: NodeState) -> None:
        number = state.number
        usable = state.node.ready and suits(self.unit, state.node)
        potential = slots(state.total, self._want) if usable else 0
        self.potential += potential - self._potential.get(number, 0)
        self._potential[number] = potential
        room = slots(self._left(state), self._want) if usable else 0
        old = self._places.get(number)
        new = (self._misfit(state), room, number) if room else None
        if old == new:
            return
        if old:
            self.ordered.remove(old)
            self.total -= old[1]
            del self._places[number]
        if new:
            self.ordered.add(new)
            self.total += room
            self._places[number] = new

    def _misfit(self, state: NodeState) -> int:
        """A task without cards goes to a node without cards where it can."""
        return int(state.node.chip != Chip.CPU and not self._want[2])

    def _left(self, state: NodeState) -> Vector:
        """What is free once room is left for the holders, in the amounts that this unit takes.

        A holder never has more tasks on the node than the empty node has room for. While that
        much is free of an amount, the holder never waits for that amount here.
        """
        free = state.free
        for holder, want, cap in self._holders:
            if not suits(holder, state.node):
                continue
            most = min(slots(state.total, want), cap)
            free = (free[0] - most * want[0], free[1] - most * want[1], free[2] - most * want[2])
        return free


class Capacity:
    """All nodes of a pool, what runs on them, and the indexes over them."""

    def __init__(self) -> None:
        self.states: list[NodeState] = []
        self.running: dict[str, RunningGang] = {}
        self._numbers: dict[str, int] = {}
        self._indexes: dict[tuple[Unit, Holders], SlotIndex] = {}

    def state(self, name: str) -> NodeState:
        """The node called ``name``; one that nobody has told of yet is there without room."""
        number = self._numbers.get(name)
        if number is None:
            number = self._numbers[name] = len(self.states)
            self.states.append(NodeState(Node(name, Resources(), ready=False), number))
            self._touch(number)
        return self.states[number]

    def set_nodes(self, nodes: Iterable[Node]) -> bool:
        """Take in the pool's nodes; those no longer named are not ready. Says whether any changed."""
        given = {node.name: node for node in nodes}
        gone = [state.node for state in self.states if state.node.name not in given and state.node.ready]
        changed = False
        for node in [*given.values(), *(replace(node, ready=False) for node in gone)]:
            state = self.state(node.name)
            if state.node != node:
                state.update(node)
                self._touch(state.number)
                changed = True
        return changed

    def index(self, unit: Unit, holders: Holders = ()) -> SlotIndex:
        """The index of ``unit``, up to date."""
        found = self._indexes.get((unit, holders))
        if found is None:
            if holders:
                self._drop_stale(unit)
            found = self._indexes[unit, holders] = SlotIndex(unit, holders, self.states)
        return found.refresh() if found.dirty else found

    def _drop_stale(self, unit: Unit, keep: int = 8) -> None:
        mine = [key for key in self._indexes if key[0] == unit and key[1]]
        for key in mine[: max(0, len(mine) - keep + 1)]:
            del self._indexes[key]

    def forget(self, unit: Unit) -> None:
        """Drop the indexes of a unit that nobody asks for any more."""
        for key in [key for key in self._indexes if key[0] == unit]:
            del self._indexes[key]

    def hold(self, gang: RunningGang) -> None:
        """Count a gang on its nodes."""
        self.running[gang.job_id] = gang
        amount = vector(gang.unit.resources)
        for placement in gang.placements:
            state = self.state(placement.node)
            state.take(amount, placement.devices)
            state.gangs[gang.job_id] = state.gangs.get(gang.job_id, 0) + 1
            self._touch(state.number)

    def release(self, job_id: str) -> RunningGang | None:
        """Give back what a gang held; None for one that holds nothing."""
        gang = self.running.pop(job_id, None)
        if gang is None:
            return None
        amount = vector(gang.unit.resources)
        for placement in gang.placements:
            state = self.state(placement.node)
            state.give(amount, placement.devices)
            state.gangs.pop(job_id, None)
            self._touch(state.number)
        return gang

    def place(self, unit: Unit, numbers: Iterable[int]) -> tuple[Placement, ...]:
        """Placements with cards for one task on each of ``numbers``; nothing is taken yet."""
        count = unit.resources.cards
        chosen: dict[int, set[str]] = {}
        placements: list[Placement] = []
        for number in numbers:
            state = self.states[number]
            cards: tuple[str, ...] = ()
            if count:
                mine = chosen.setdefault(number, set())
                state.taken |= mine
                cards = state.choose_cards(count)
                state.taken -= mine
                mine.update(cards)
            placements.append(Placement(state.node.name, cards))
        return tuple(placements)

    def _touch(self, number: int) -> None:
        for index in self._indexes.values():
            index.dirty.add(number)
