"""The jobs that have not finished, as the dispatcher holds them in memory; the database has the same.

Only the dispatcher's thread changes them. Request handlers read single fields.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from trainshed.core.job import JobSpec
from trainshed.core.lifecycle import JobState, Phase
from trainshed.core.resources import Placement
from trainshed.core.task import TaskOutcome
from trainshed.core.wire import from_wire, to_wire
from trainshed.jobs.outcome import first_failure
from trainshed.jobs.retry import Ended


@dataclass(slots=True)
class LiveTask:
    """One task of the present attempt.

    Attributes:
        next_seq: the next event that is expected of its agent.
        heard_at: when its agent last said something, in seconds since the epoch.
        failing: whether its script is known to have failed, before the agent is done reporting.
    """

    index: int
    node: str = ""
    host: str = ""
    stage: str = ""
    next_seq: int = 0
    heard_at: float | None = None
    started_at: float | None = None
    ended_at: float | None = None
    outcome: TaskOutcome | None = None
    failing: bool = False

    @property
    def name(self) -> str:
        """``worker-0``, as ModelArts names it."""
        return f"worker-{self.index}"


@dataclass(slots=True)
class Placed:
    """Where the present attempt runs.

    Attributes:
        workers: how many workers somebody wants an elastic job to have; 0 for all, as it started.
        wish: number of that wish, so that an agent hears it as one however often it is told.
    """

    placements: tuple[Placement, ...]
    hosts: tuple[str, ...]
    ports: tuple[int, ...]
    workers: int = 0
    wish: int = 0

    def to_json(self) -> dict[str, Any]:
        """As the column ``placements`` has it."""
        return {
            "nodes": [{"node": p.node, "devices": list(p.devices)} for p in self.placements],
            "hosts": list(self.hosts),
            "ports": list(self.ports),
            **({"workers": self.workers, "wish": self.wish} if self.wish else {}),
        }

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Placed:
        """From the column ``placements``."""
        nodes = tuple(Placement(n["node"], tuple(n["devices"])) for n in data["nodes"])
        wished = (data.get("workers", 0), data.get("wish", 0))
        return cls(nodes, tuple(data["hosts"]), tuple(data["ports"]), *wished)


@dataclass(slots=True)
class LiveJob:
    """One job that has not finished.

    Attributes:
        duration: longest time in seconds that it may hold its nodes, None where nobody knows.
        spec: None while the job waits, unless it has only just come; read again when it is placed.
        stored: phase and attempt that the database has; the next write insists on them.
        forced: whether it is to be ended at once.
        history: attempts that ended and were followed by another; starts that failed are none.
        avoid: nodes on which it failed, which the next start leaves out where others will do.
        ending: why the gang is being ended though nobody asked for it.
    """

    id: str
    project_id: str
    name: str
    pool_id: str
    flavor_id: str
    engine_id: str
    node_count: int
    priority: int
    created_at: float
    state: JobState
    duration: float | None = None
    preemptible: bool = False
    spec: JobSpec | None = None
    stored: tuple[Phase, int] | None = None
    secondary_phase: str = ""
    reason: str = ""
    placed: Placed | None = None
    tasks: list[LiveTask] = field(default_factory=list[LiveTask])
    queued_at: float | None = None
    started_at: float | None = None
    ended_at: float | None = None
    stop_requested_at: float | None = None
    stopped_by: str = ""
    forced: bool = False
    ending: str = ""
    avoid: tuple[str, ...] = ()
    history: list[Ended] = field(default_factory=list[Ended])

    @property
    def attempt(self) -> int:
        """The present attempt, from 0."""
        return self.state.attempt

    @property
    def active(self) -> bool:
        """Whether it has agents, or waits for them in its pool's own queue."""
        return self.state.in_pool or self.state.phase in (Phase.RUNNING, Phase.TERMINATING)

    @property
    def ended(self) -> bool:
        """Whether every task has said how it ended."""
        return bool(self.tasks) and all(task.outcome for task in self.tasks)

    def columns(self, now: float) -> dict[str, Any]:
        """The columns of ``jobs`` that change in a job's life."""
        outcome = self.state.outcome
        return {
            "phase": self.state.phase.value,
            "attempt": self.state.attempt,
            "outcome": to_wire(outcome) if outcome else None,
            "secondary_phase": self.secondary_phase,
            "reason": self.reason,
            "priority": self.priority,
            "placements": self.placed.to_json() if self.placed else None,
            "stop_requested_at": self.stop_requested_at,
            "queued_at": self.queued_at,
            "started_at": self.started_at,
            "ended_at": self.ended_at,
            "updated_at": now,
        }


def live_job(row: Mapping[Any, Any]) -> LiveJob:
    """A job out of its row (without its tasks)."""
    phase = Phase(row["phase"])
    in_pool = phase is Phase.PENDING and bool(row["placements"])
    return LiveJob(
        id=row["id"],
        project_id=row["project_id"],
        name=row["name"],
        pool_id=row["pool_id"],
        flavor_id=row["flavor_id"],
        engine_id=row["engine_id"],
        node_count=row["node_count"],
        priority=row["priority"],
        created_at=row["created_at"],
        state=JobState(phase, row["attempt"], in_pool=in_pool),
        duration=longest(row["auto_stop_s"], row["grace_s"]),
        preemptible=bool(row["preemptible"]),
        stored=(phase, row["attempt"]),
        secondary_phase=row["secondary_phase"],
        reason=row["reason"],
        placed=Placed.of(row["placements"]) if row["placements"] else None,
        queued_at=row["queued_at"],
        started_at=row["started_at"],
        stop_requested_at=row["stop_requested_at"],
    )


def live_task(row: Mapping[Any, Any]) -> LiveTask:
    """A task out of its row."""
    outcome = from_wire(TaskOutcome, row["outcome"]) if row["outcome"] else None
    return LiveTask(
        index=row["index"],
        node=row["node"],
        host=row["host"],
        stage=row["stage"],
        next_seq=row["next_seq"],
        heard_at=row["heard_at"],
        started_at=row["started_at"],
        ended_at=row["ended_at"],
        outcome=outcome,
    )


def failed_on(tasks: Sequence[LiveTask]) -> str:
    """Node of the task of a gang that failed first; empty where none did."""
    first = first_failure([task.outcome for task in tasks])
    return tasks[first[0]].node if first else ""


def task_columns(task: LiveTask) -> dict[str, Any]:
    """The columns of ``tasks`` that change in a task's life."""
    return {
        "stage": task.stage,
        "next_seq": task.next_seq,
        "heard_at": task.heard_at,
        "started_at": task.started_at,
        "ended_at": task.ended_at,
        "outcome": to_wire(task.outcome) if task.outcome else None,
    }


def longest(auto_stop_s: int | None, grace_s: int | None) -> float | None:
    """Longest time in seconds that a job holds its nodes, None where nobody knows.

    >>> longest(3600, 30), longest(0, 30)
    (3630.0, None)
    """
    return float(auto_stop_s + (grace_s or 0)) if auto_stop_s else None


def seconds(start: float | None, end: float | None) -> float:
    """From ``start`` to ``end``, not below 0; 0 where one is not known."""
    if start is None or end is None or not math.isfinite(end - start):
        return 0.0
    return max(0.0, end - start)
