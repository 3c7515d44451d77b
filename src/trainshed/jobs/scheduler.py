"""The scheduler of one pool: who starts next, and where. Pure: told of events, asked for decisions.

The order is priority, then submission. A job gets all its nodes at once or none. The first job of
each kind of node that cannot start is a *head*: those behind it may pass it only where that does
not delay it (``reservation``). A job over its project's quota neither starts nor holds up others.

>>> from trainshed.core.resources import Node, Resources
>>> from trainshed.jobs.queue import QueueEntry, Unit
>>> pool = Scheduler([Node("here", Resources(cpus=4, memory_mb=8192))])
>>> pool.submit(QueueEntry("a", Unit(Resources(cpus=4, memory_mb=1024)), submitted=0.0))
>>> pool.submit(QueueEntry("b", Unit(Resources(cpus=1, memory_mb=1024)), submitted=1.0))
>>> [decision.job_id for decision in pool.place(now=1.0)]
['a']
>>> pool.why("b", now=1.0).reason.value
'waiting_for_resources'
>>> pool.release("a")
>>> [decision.job_id for decision in pool.place(now=2.0)]
['b']
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import replace
from heapq import heapify, heappop, heappush

from trainshed.core.resources import Node
from trainshed.jobs.capacity import Capacity
from trainshed.jobs.indexes import Holders
from trainshed.jobs.nodes import UNBOUNDED, NodeState, vector
from trainshed.jobs.queue import Decision, Head, QueueEntry, Quota, RunningGang, Unit, Why
from trainshed.jobs.reservation import Reservation, pick
from trainshed.jobs.waiting import Key, Queue, Shape, Waiting
from trainshed.jobs.why import Waits, explain

Domain = tuple[str, str, tuple[tuple[str, str], ...]]
_Candidate = tuple[Key, Waiting, Shape, float]


def _domain(unit: Unit) -> Domain:
    return (unit.chip.value, unit.arch.value, unit.labels)


class Scheduler:
    """Queue, nodes and running gangs of one pool. Not thread-safe: one thread owns it.

    Tell it what happens (``submit``, ``release``, ``set_nodes`` …), then call ``place``.

    Args:
        backfill: whether jobs may pass a head on nodes that it may run on.
    """

    def __init__(self, nodes: Iterable[Node] = (), *, backfill: bool = True) -> None:
        self._backfill = backfill
        self._queue = Queue()
        self._capacity = Capacity()
        self._quotas: dict[str, Quota] = {}
        self._held: dict[str, tuple[int, int]] = {}
        self._elsewhere: dict[str, tuple[int, int]] = {}
        self._reservations: dict[Domain, Reservation] = {}
        self.paused = False
        self.set_nodes(nodes)

    def __len__(self) -> int:
        """How many jobs wait, paused ones aside."""
        return len(self._queue)

    def __contains__(self, job_id: str) -> bool:
        """Whether the job waits (it may be paused)."""
        return job_id in self._queue

    # ---- events

    def set_nodes(self, nodes: Iterable[Node]) -> None:
        """The pool's nodes are these now. One that is no longer named takes no new job."""
        if self._capacity.set_nodes(nodes):
            self._invalidate()

    def set_quota(self, project: str, quota: Quota | None) -> None:
        """Limit what ``project`` holds at once; running jobs stay."""
        if quota is None:
            self._quotas.pop(project, None)
        else:
            self._quotas[project] = quota
        mine = [w.entry for w in self._queue.entries.values() if w.entry.project == project]
        for entry in mine:
            self._replace(entry)

    def set_elsewhere(self, project: str, jobs: int, cards: int) -> None:
        """What ``project`` holds in other pools, which counts against its quota too."""
        self._elsewhere[project] = (jobs, cards)

    def held(self, project: str) -> tuple[int, int]:
        """Jobs and cards that ``project`` holds in this pool."""
        return self._held.get(project, (0, 0))

    def submit(self, entry: QueueEntry) -> None:
        """A job waits from now on. Submitting it again replaces the entry."""
        self._queue.remove(entry.job_id)
        self._queue.add(entry, quota=entry.project in self._quotas)

    def withdraw(self, job_id: str) -> bool:
        """A job waits no longer; says whether it did."""
        return self._queue.remove(job_id) is not None

    def set_priority(self, job_id: str, priority: int) -> bool:
        """Change the priority of a job that waits; says whether it does."""
        entry = self._queue.get(job_id)
        return entry is not None and self._replace(replace(entry, priority=priority))

    def set_paused(self, job_id: str, paused: bool) -> bool:
        """Hold back a job that waits, or let it go on; says whether it waits."""
        entry = self._queue.get(job_id)
        return entry is not None and self._replace(replace(entry, paused=paused))

    def adopt(self, gang: RunningGang) -> None:
        """A gang runs that was started before this scheduler was made."""
        self.release(gang.job_id)
        self._hold(gang)
        self._invalidate()

    def release(self, job_id: str) -> None:
        """A running job has let go of its nodes (or could not be started). Unknown jobs are ignored."""
        gang = self._capacity.release(job_id)
        if gang is None:
            return
        jobs, cards = self._held[gang.project]
        self._held[gang.project] = (jobs - 1, cards - gang.cards)
        for reservation in self._reservations.values():
            reservation.loosen()

    # ---- questions

    def running(self, job_id: str) -> RunningGang | None:
        """What a running job holds."""
        return self._capacity.running.get(job_id)

    def position(self, job_id: str) -> int:
        """Place among those that wait, from 1; 0 for one that is paused or does not wait."""
        return self._queue.position(job_id)

    def heads(self, now: float) -> list[Head]:
        """The jobs that others may not delay, first come first, as the last ``place`` left them."""
        for reservation in self._reservations.values():
            reservation.resolve(self._capacity, now)
        return [Head(r.entry.job_id, r.time) for r in self._reservations.values()]

    def why(self, job_id: str, now: float) -> Why:
        """Why a job waits, and what would change it.

        Raises:
            KeyError: the job does not wait.
        """
        entry = self._queue.get(job_id)
        if entry is None:
            raise KeyError(job_id)
        reservation = self._reservations.get(_domain(entry.unit))
        if reservation:
            reservation.resolve(self._capacity, now)
        return explain(
            Waits(
                entry=entry,
                position=self._queue.position(job_id),
                queued=len(self._queue),
                paused=self.paused,
                quota=self._quotas.get(entry.project),
                held=self._held_anywhere(entry.project),
                reservation=reservation,
            ),
            self._capacity,
            now,
        )

    # ---- decisions

    def place(self, now: float, most: int | None = None) -> list[Decision]:
        """Start what can start. The jobs named are running from here on; ``release`` undoes that.

        Args:
            now: seconds since the epoch.
            most: stop after so many decisions; call again to go on.
        """
        if self.paused:
            return []
        heads: list[Reservation] = []
        decisions: list[Decision] = []
        candidates = self._candidates()
        while candidates and len(decisions) != most:
            _, waiting, shape, longest = heappop(candidates)
            if self._over_quota(waiting.entry):
                continue
            numbers = self._find(waiting, heads, now)
            if numbers is not None:
                decisions.append(self._start(waiting.entry, numbers, heads, now))
            else:
                if math.isinf(longest):
                    self._reserve(waiting.entry, heads)
                longest = self._shorter(waiting, heads, longest, now)
            if longest > 0 and (following := shape.first(longest)):
                heappush(candidates, (following.key, following, shape, longest))
        self._reservations = {_domain(head.entry.unit): head for head in heads}
        return decisions

    def _candidates(self) -> list[_Candidate]:
        tops = ((shape, shape.top()) for shape in self._queue.shapes.values())
        candidates = [(top.key, top, shape, math.inf) for shape, top in tops if top]
        heapify(candidates)
        return candidates

    def _over_quota(self, entry: QueueEntry) -> bool:
        quota = self._quotas.get(entry.project)
        if quota is None:
            return False
        jobs, cards = self._held_anywhere(entry.project)
        over_cards = quota.cards is not None and entry.cards > 0 and cards + entry.cards > quota.cards
        return over_cards or (quota.jobs is not None and jobs >= quota.jobs)

    def _held_anywhere(self, project: str) -> tuple[int, int]:
        (jobs, cards), (more_jobs, more_cards) = self.held(project), self._elsewhere.get(project, (0, 0))
        return jobs + more_jobs, cards + more_cards

    def _find(self, waiting: Waiting, heads: list[Reservation], now: float) -> list[int] | None:
        """Nodes on which the job may start now, or None."""
        entry = waiting.entry
        index = self._capacity.index(entry.unit)
        if index.total < entry.node_count:
            return None
        if not self._backfill and any(head.overlaps(entry.unit) for head in heads):
            return None
        for head in heads:
            head.resolve(self._capacity, now)
        if holders := self._holders(heads):
            index = self._capacity.index(entry.unit, holders)
        if index.total < entry.node_count:
            return None
        end, want = now + waiting.duration, vector(entry.unit.resources)
        stays = [head for head in heads if head.time is not None and end > head.time]
        limits = [head.limit(want, now) for head in stays]
        if entry.avoid:
            elsewhere = pick(
                index, self._capacity.states, entry.node_count, [*limits, _elsewhere(entry.avoid)]
            )
            if elsewhere is not None:
                return elsewhere
        return pick(index, self._capacity.states, entry.node_count, limits)

    def _holders(self, heads: list[Reservation]) -> Holders:
        """The heads for which room is left wherever they may run, with their tasks on one node:
        those without a time, and those before them that could take that room."""
        untimed = [head for head in heads if head.time is None]
        found: list[tuple[Unit, int]] = []
        for head in heads:
            unit = head.entry.unit
            if any(head is other or head.overlaps(other.entry.unit) for other in untimed):
                found.append((unit, min(head.entry.node_count, self._capacity.index(unit).most)))
        return tuple(found)

    def _reserve(self, entry: QueueEntry, heads: list[Reservation]) -> None:
        """Make the job a head, unless there is one for its kind of node or it cannot run there now."""
        domain = _domain(entry.unit)
        if any(_domain(head.entry.unit) == domain for head in heads):
            return
        if self._capacity.index(entry.unit).potential < entry.node_count:
            return
        behind = any(head.overlaps(entry.unit) for head in heads)
        known = self._reservations.get(domain)
        same = known is not None and known.entry is entry and known.behind == behind
        heads.append(known if known and same else Reservation(entry, behind=behind))

    def _shorter(self, waiting: Waiting, heads: list[Reservation], longest: float, now: float) -> float:
        """The longest duration worth trying after ``waiting`` did not fit; 0 for none."""
        entry = waiting.entry
        if self._capacity.index(entry.unit).total < entry.node_count:
            return 0.0
        times = [head.time - now for head in heads if head.time is not None and head.entry is not entry]
        return max((t for t in times if t < waiting.duration and t < longest), default=0.0)

    def _start(self, entry: QueueEntry, numbers: list[int], heads: list[Reservation], now: float) -> Decision:
        self._queue.remove(entry.job_id)
        gang = RunningGang(
            job_id=entry.job_id,
            unit=entry.unit,
            placements=self._capacity.place(entry.unit, numbers),
            ends=None if entry.duration is None else now + entry.duration,
            project=entry.project,
            preemptible=entry.preemptible,
            priority=entry.priority,
        )
        self._hold(gang)
        for known in self._reservations.values():
            if known not in heads and not known.keep.keys().isdisjoint(numbers):
                known.invalidate()
        return Decision(entry.job_id, gang.placements, heads[0].entry.job_id if heads else "")

    def _hold(self, gang: RunningGang) -> None:
        self._capacity.hold(gang)
        jobs, cards = self._held.get(gang.project, (0, 0))
        self._held[gang.project] = (jobs + 1, cards + gang.cards)

    def _replace(self, entry: QueueEntry) -> bool:
        arrival = self._queue.arrival(entry.job_id)
        self._queue.remove(entry.job_id)
        self._queue.add(entry, quota=entry.project in self._quotas, arrival=arrival)
        return True

    def _invalidate(self) -> None:
        for reservation in self._reservations.values():
            reservation.invalidate()


def _elsewhere(avoid: tuple[str, ...]) -> Callable[[NodeState], int]:
    """Room on every node but these."""
    return lambda state: 0 if state.node.name in avoid else UNBOUNDED
