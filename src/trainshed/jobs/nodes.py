"""One node and what is taken of it, in whole numbers (millicores, MiB, cards).

A *slot* of a unit is room for one task of it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from trainshed.core.resources import Chip, Node, Resources
from trainshed.jobs.queue import RunningGang, Unit

Vector = tuple[int, int, int]
ZERO: Vector = (0, 0, 0)
UNBOUNDED = 1 << 20
Kind = tuple[bool, str, str, Vector, tuple[tuple[str, str], ...]]


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


def plus(a: Vector, b: Vector, times: int = 1) -> Vector:
    """``a + b * times``."""
    return (a[0] + b[0] * times, a[1] + b[1] * times, a[2] + b[2] * times)


def suits(unit: Unit, node: Node) -> bool:
    """Whether tasks of ``unit`` may run on ``node`` at all, room aside."""
    if unit.arch != node.arch or unit.chip not in (Chip.CPU, node.chip):
        return False
    return all(node.labels.get(name) == value for name, value in unit.labels)


class NodeState:
    """One node and what is taken of it."""

    __slots__ = ("cards", "free", "kind", "node", "number", "stays", "taken", "total", "used")

    def __init__(self, node: Node, number: int) -> None:
        self.number = number
        self.used: Vector = ZERO
        self.taken: set[str] = set()
        self.stays: dict[str, tuple[float, Vector]] = {}
        self.update(node)

    def update(self, node: Node) -> None:
        """Take in what the pool now says of the node; what is taken stays taken."""
        self.node = node
        self.cards = node.devices or tuple(str(i) for i in range(node.total.cards))
        cpus, memory, _ = vector(node.total)
        self.total: Vector = (cpus, memory, min(node.total.cards, len(self.cards)))
        labels = tuple(sorted(node.labels.items()))
        self.kind: Kind = (node.ready, node.chip.value, node.arch.value, self.total, labels)
        self._settle()

    def take(self, gang: RunningGang, devices: Iterable[str]) -> None:
        """Count one task of ``gang``."""
        amount = vector(gang.unit.resources)
        _, already = self.stays.get(gang.job_id, (0.0, ZERO))
        ends = math.inf if gang.ends is None else gang.ends
        self.stays[gang.job_id] = (ends, plus(already, amount))
        self.used = plus(self.used, amount)
        self.taken.update(devices)
        self._settle()

    def give(self, gang: RunningGang, devices: Iterable[str]) -> None:
        """One task of ``gang``, which is over, is no longer here."""
        self.stays.pop(gang.job_id, None)
        self.used = plus(self.used, vector(gang.unit.resources), -1)
        self.taken.difference_update(devices)
        self._settle()

    def _settle(self) -> None:
        total, used = self.total, self.used
        cards = total[2] - used[2]
        if self.taken:  # a taken card that the pool no longer names takes no room among those it does
            cards = min(cards, sum(1 for card in self.cards if card not in self.taken))
        self.free = (total[0] - used[0], total[1] - used[1], cards)

    def choose_cards(self, count: int) -> tuple[str, ...]:
        """``count`` free cards: an aligned run of neighbours where there is one, else the first ones."""
        for start in range(0, len(self.cards) - count + 1, count or 1):
            run = self.cards[start : start + count]
            if not self.taken.intersection(run):
                return run
        return tuple(card for card in self.cards if card not in self.taken)[:count]
