"""How a job ended, from how its tasks did; and whether it is started again. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from trainshed.core.job import RestartPolicy
from trainshed.core.task import Cause, Stage, TaskOutcome

_GOOD = (Cause.SUCCESS, Cause.STOPPED)


@dataclass(frozen=True, slots=True)
class Restarts:
    """How often a job was started again, by whose fault."""

    infrastructure: int = 0
    user_error: int = 0

    def after(self, cause: Cause) -> Restarts:
        """The count with one more."""
        if cause is Cause.INFRASTRUCTURE:
            return replace(self, infrastructure=self.infrastructure + 1)
        return replace(self, user_error=self.user_error + 1)

    @property
    def total(self) -> int:
        """All of them."""
        return self.infrastructure + self.user_error


def gang_outcome(tasks: Sequence[TaskOutcome], *, stopped: bool) -> TaskOutcome:
    """The outcome of the job: that of the task that failed first, if one did.

    Args:
        tasks: by index, all of them.
        stopped: whether a person asked for the stop. A gang that ends for another reason ends the
            healthy tasks too, and those then say that they were stopped.

    >>> good = TaskOutcome(Cause.SUCCESS, Stage.REPORT)
    >>> bad = TaskOutcome(Cause.USER_ERROR, Stage.RUN, "exit code 1", exit_code=1, rank=1)
    >>> gang_outcome([good, bad], stopped=False).rank
    1
    """
    bad = [(o.failed_at or float("inf"), i, o) for i, o in enumerate(tasks) if o.cause not in _GOOD]
    if bad:
        return min(bad, key=lambda entry: entry[:2])[2]
    ended = [outcome for outcome in tasks if outcome.cause is Cause.STOPPED]
    if ended:
        return ended[0] if stopped else replace(ended[0], message=ended[0].message or "it was stopped")
    return tasks[0]


def restarts_again(policy: RestartPolicy, used: Restarts, cause: Cause) -> bool:
    """Whether a job whose attempt ended for ``cause`` is started again.

    >>> restarts_again(RestartPolicy(infrastructure=1), Restarts(), Cause.INFRASTRUCTURE)
    True
    >>> restarts_again(RestartPolicy(infrastructure=1), Restarts(), Cause.USER_ERROR)
    False
    """
    if cause not in (Cause.INFRASTRUCTURE, Cause.USER_ERROR, Cause.HANG):
        return False
    if policy.unconditional:
        return used.total < policy.infrastructure
    if cause is Cause.INFRASTRUCTURE:
        return used.infrastructure < policy.infrastructure
    return used.user_error < policy.user_error


def lost(reason: str, *, stopped: bool, stage: Stage, time: float) -> TaskOutcome:
    """The outcome of a task whose agent is gone for good and did not say how it ended."""
    if stopped:
        return TaskOutcome(Cause.STOPPED, stage, "stopped at once, before it could report", failed_at=time)
    why = f"the agent is gone: {reason}" if reason else "the agent is gone"
    return TaskOutcome(Cause.INFRASTRUCTURE, stage, why, code="agent_lost", failed_at=time)
