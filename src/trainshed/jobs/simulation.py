"""A pool in simulated time: what a scheduler would do with these jobs on these nodes.

Used by the tests and by ``benchmarks/scale.py``; takes no time of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heappush

from trainshed.core.clock import ManualClock
from trainshed.core.resources import Node
from trainshed.jobs.queue import Decision, QueueEntry
from trainshed.jobs.scheduler import Scheduler

_END, _ARRIVAL = 0, 1


@dataclass(frozen=True, slots=True)
class Arrival:
    """A job that comes at ``entry.submitted`` and, once started, runs for ``runs`` seconds."""

    entry: QueueEntry
    runs: float


@dataclass(frozen=True, slots=True)
class Run:
    """When a job started and ended, and what it passed (see :class:`Decision`)."""

    decision: Decision
    started: float
    ended: float


class Simulation:
    """Plays arrivals against a scheduler, event by event.

    Args:
        watch: called after every round of decisions with the time and the decisions.
    """

    def __init__(
        self,
        nodes: Sequence[Node],
        arrivals: Iterable[Arrival],
        *,
        scheduler: Scheduler | None = None,
        watch: Callable[[float, list[Decision]], None] | None = None,
    ) -> None:
        self.clock = ManualClock()
        self.scheduler = scheduler or Scheduler(nodes)
        self.runs: dict[str, Run] = {}
        self.rounds = 0
        self._arrivals = {arrival.entry.job_id: arrival for arrival in arrivals}
        self._watch = watch
        self._events = [(a.entry.submitted, _ARRIVAL, a.entry.job_id) for a in self._arrivals.values()]
        heapify(self._events)

    def run(self, until: float = float("inf")) -> dict[str, Run]:
        """Play all events up to ``until``; the runs by job id, ended or not."""
        while self._events and self._events[0][0] <= until:
            self.step()
        return self.runs

    def step(self) -> list[Decision]:
        """Play all events of the next moment, then decide."""
        now = self._events[0][0]
        self.clock.advance(max(0.0, now - self.clock.now()))
        while self._events and self._events[0][0] == now:
            _, kind, job_id = heappop(self._events)
            if kind == _ARRIVAL:
                self.scheduler.submit(self._arrivals[job_id].entry)
            else:
                self.scheduler.release(job_id)
        decisions = self.scheduler.place(now)
        for decision in decisions:
            self._start(decision, now)
        self.rounds += 1
        if self._watch:
            self._watch(now, decisions)
        return decisions

    def _start(self, decision: Decision, now: float) -> None:
        ends = now + self._arrivals[decision.job_id].runs
        self.runs[decision.job_id] = Run(decision, now, ends)
        heappush(self._events, (ends, _END, decision.job_id))
