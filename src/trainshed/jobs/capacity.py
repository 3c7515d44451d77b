"""All nodes of a pool, what runs on them, and the indexes over them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from trainshed.core.resources import Node, Placement, Resources
from trainshed.jobs.indexes import Holders, ReadyIndex, SlotIndex
from trainshed.jobs.nodes import NodeState
from trainshed.jobs.queue import RunningGang, Unit


class Capacity:
    """All nodes of a pool, what runs on them, and the indexes over them."""

    def __init__(self) -> None:
        self.states: list[NodeState] = []
        self.running: dict[str, RunningGang] = {}
        self._numbers: dict[str, int] = {}
        self._indexes: dict[tuple[Unit, Holders], SlotIndex] = {}
        self._ready: dict[Unit, ReadyIndex] = {}

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
        key = (unit, holders)
        found = self._indexes.get(key)
        if found is None:
            found = SlotIndex(unit, holders, self.states)
            _keep_recent(self._indexes)
            self._indexes[key] = found
        return found.refresh() if found.dirty else found

    def ready(self, unit: Unit, now: float) -> ReadyIndex:
        """When there will be room for more tasks of ``unit``, up to date."""
        found = self._ready.get(unit)
        if found is None:
            found = ReadyIndex(unit, self.states)
            _keep_recent(self._ready)
            self._ready[unit] = found
        return found.refresh(now)

    def hold(self, gang: RunningGang) -> None:
        """Count a gang on its nodes."""
        self.running[gang.job_id] = gang
        for placement in gang.placements:
            state = self.state(placement.node)
            state.take(gang, placement.devices)
            self._touch(state.number)

    def release(self, job_id: str) -> RunningGang | None:
        """Give back what a gang held; None for one that holds nothing."""
        gang = self.running.pop(job_id, None)
        if gang is None:
            return None
        for placement in gang.placements:
            state = self.state(placement.node)
            state.give(gang, placement.devices)
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
        for index in self._ready.values():
            index.dirty.add(number)


def _keep_recent(indexes: dict[Any, Any], most: int = 64) -> None:
    """Drop the oldest, so that units that come and go leave nothing behind."""
    while len(indexes) >= most:
        del indexes[next(iter(indexes))]
