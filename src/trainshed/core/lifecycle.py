"""The job's state machine: every legal transition, with its reason.

Phases are ModelArts' own. ``Creating`` covers all that happens before the job may be queued
(its environment is built, its inputs are looked at); ``Pending`` waits for resources, in our
queue or, once it is handed over, in the queue that its pool has; ``Running`` has its agents at
work, from the first stage to the last output; ``Terminating`` was told to stop. A finished job
never changes::

    Creating ─► Pending ─► Running ─► Completed | Failed | Abnormal
        │          │ ▲        │ │
        │          │ └────────┘ │     (restart; from a pool's own queue too)
        └──────────┴─────► Terminating ─► Terminated (or Failed / Completed, if that came first)
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, replace

from trainshed.core.errors import Code, Conflict
from trainshed.core.task import Cause, TaskOutcome


class Phase(enum.StrEnum):
    """Where a job is, in ModelArts' words."""

    CREATING = "Creating"
    PENDING = "Pending"
    RUNNING = "Running"
    TERMINATING = "Terminating"
    COMPLETED = "Completed"
    FAILED = "Failed"
    ABNORMAL = "Abnormal"
    TERMINATED = "Terminated"

    @property
    def terminal(self) -> bool:
        """Whether a job in this phase has finished."""
        return self in TERMINAL


TERMINAL = frozenset({Phase.COMPLETED, Phase.FAILED, Phase.ABNORMAL, Phase.TERMINATED})


class JobEvent(enum.StrEnum):
    """What can happen to a job as a whole."""

    PREPARED = "prepared"
    PREPARATION_FAILED = "preparation_failed"
    HANDED_OVER = "handed_over"
    PLACED = "placed"
    UNPLACED = "unplaced"
    STOP_REQUESTED = "stop_requested"
    RESTARTED = "restarted"
    ENDED = "ended"


LEGAL: dict[tuple[Phase, JobEvent], str] = {
    (Phase.CREATING, JobEvent.PREPARED): "environment is ready and inputs are there; the job is queued",
    (Phase.CREATING, JobEvent.PREPARATION_FAILED): "environment or inputs could not be made ready",
    (Phase.CREATING, JobEvent.STOP_REQUESTED): "stopped before it was queued",
    (Phase.PENDING, JobEvent.HANDED_OVER): "given to a pool that queues by itself; it waits there",
    (Phase.PENDING, JobEvent.PLACED): "all its nodes were given at once",
    (Phase.PENDING, JobEvent.STOP_REQUESTED): "stopped while it was queued",
    (Phase.RUNNING, JobEvent.UNPLACED): "the pool could not start its agents; the job is queued again",
    (Phase.RUNNING, JobEvent.STOP_REQUESTED): "told to stop; the script has its grace period",
    (Phase.RUNNING, JobEvent.RESTARTED): "failed with restarts left; the job is queued again",
    (Phase.RUNNING, JobEvent.ENDED): "all its tasks have ended",
    (Phase.TERMINATING, JobEvent.ENDED): "all its tasks have ended after the stop",
    (Phase.TERMINATING, JobEvent.STOP_REQUESTED): "told to stop again; nothing changes",
}

IN_POOL: dict[tuple[Phase, JobEvent], str] = {
    (Phase.PENDING, JobEvent.PLACED): "the pool has begun to run it",
    (Phase.PENDING, JobEvent.UNPLACED): "the pool did not take it; the job is queued again",
    (Phase.PENDING, JobEvent.STOP_REQUESTED): "told to stop while it waited in the pool's queue",
    (Phase.PENDING, JobEvent.RESTARTED): "lost in the pool's queue with restarts left; it is queued again",
    (Phase.PENDING, JobEvent.ENDED): "all its tasks have ended before one was seen to run",
}
"""What can happen to a job that waits in the queue of its pool, instead of what :data:`LEGAL` says."""

_PHASE_OF_CAUSE = {
    Cause.SUCCESS: Phase.COMPLETED,
    Cause.USER_ERROR: Phase.FAILED,
    Cause.HANG: Phase.FAILED,
    Cause.TIMEOUT: Phase.TERMINATED,
    Cause.STOPPED: Phase.TERMINATED,
    Cause.PREEMPTED: Phase.TERMINATED,
    Cause.INFRASTRUCTURE: Phase.ABNORMAL,
}


@dataclass(frozen=True, slots=True)
class JobState:
    """Where a job is and how it came there.

    Attributes:
        attempt: counts starts from 0; a restart, or a start that the pool could not make, adds one.
        outcome: how it ended, once it has.
        in_pool: whether it waits in a queue of the pool's own.
    """

    phase: Phase = Phase.CREATING
    attempt: int = 0
    outcome: TaskOutcome | None = None
    in_pool: bool = False


def legal(state: JobState, event: JobEvent) -> str:
    """Why ``event`` may happen now; empty where it may not."""
    return (IN_POOL if state.in_pool else LEGAL).get((state.phase, event), "")


def advance(state: JobState, event: JobEvent, outcome: TaskOutcome | None = None) -> JobState:
    """The state after ``event``.

    ``ENDED`` and ``PREPARATION_FAILED`` need the ``outcome`` of the job as a whole.

    Raises:
        Conflict: the event cannot happen in this phase; a finished job takes none.
    """
    if not legal(state, event):
        code = Code.JOB_FINISHED if state.phase.terminal else Code.JOB_NOT_FINISHED
        wanted = event.value.replace("_", " ")
        raise Conflict(f"the job is {state.phase.value}: it cannot be {wanted}", code=code)
    match event:
        case JobEvent.PREPARED:
            return replace(state, phase=Phase.PENDING)
        case JobEvent.HANDED_OVER:
            return replace(state, in_pool=True)
        case JobEvent.PLACED:
            return replace(state, phase=Phase.RUNNING, in_pool=False)
        case JobEvent.UNPLACED | JobEvent.RESTARTED:
            return replace(state, phase=Phase.PENDING, attempt=state.attempt + 1, in_pool=False)
        case JobEvent.STOP_REQUESTED:
            return _stop(state, outcome)
        case JobEvent.ENDED | JobEvent.PREPARATION_FAILED:
            if outcome is None:
                raise ValueError(f"{event.value} needs an outcome")
            return replace(state, phase=_PHASE_OF_CAUSE[outcome.cause], outcome=outcome, in_pool=False)


def _stop(state: JobState, outcome: TaskOutcome | None) -> JobState:
    if state.in_pool or state.phase in (Phase.RUNNING, Phase.TERMINATING):
        return replace(state, phase=Phase.TERMINATING, in_pool=False)
    return replace(state, phase=Phase.TERMINATED, outcome=outcome)
