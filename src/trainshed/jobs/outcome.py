"""How a job ended, from how its tasks did: the first that failed, not those it took along."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import replace

from trainshed.core.task import Cause, TaskOutcome

CASCADE_S = 30.0
SKEW_S = 3.0
_NOT_FAILED = (Cause.SUCCESS, Cause.STOPPED)


def first_failure(
    tasks: Sequence[TaskOutcome | None], consequences: Collection[int] = ()
) -> tuple[int, TaskOutcome] | None:
    """Index and outcome of the task that failed first of its own, or None if none failed.

    When a rank dies, its peers fail within seconds because it went away, and clocks of nodes
    differ. So of the failures within ``CASCADE_S`` seconds of the first, one that is no
    consequence goes before one that is; and of those within ``SKEW_S`` seconds, a process that was
    killed before one that exited. Of tasks that hang, the one goes first whose rank is the odd one.

    Args:
        tasks: outcomes by task index; None where it is not known yet.
        consequences: indexes of tasks whose log says that a peer went away.
    """
    failed = [(i, o) for i, o in enumerate(tasks) if o and o.cause not in _NOT_FAILED]
    if not failed:
        return None
    start = min(_when(outcome) for _, outcome in failed)

    def order(entry: tuple[int, TaskOutcome]) -> tuple[bool, bool, bool, float, int]:
        index, outcome = entry
        late = _when(outcome) > start + CASCADE_S
        killed = _killed(outcome) and _when(outcome) <= start + SKEW_S
        along = index in consequences or (outcome.cause is Cause.HANG and outcome.rank < 0)
        return (late, along, not killed, _when(outcome), index)

    return min(failed, key=order)


def gang_outcome(
    tasks: Sequence[TaskOutcome], *, stopped: bool, consequences: Collection[int] = ()
) -> TaskOutcome:
    """The outcome of the job.

    Args:
        tasks: by index, all of them.
        stopped: whether a person asked for the stop. A gang that ends for another reason ends the
            healthy tasks too, and those then say that they were stopped.
        consequences: see :func:`first_failure`.

    >>> from trainshed.core.task import Stage
    >>> good = TaskOutcome(Cause.SUCCESS, Stage.REPORT)
    >>> bad = TaskOutcome(Cause.USER_ERROR, Stage.RUN, "exit code 1", exit_code=1, rank=1)
    >>> gang_outcome([good, bad], stopped=False).message
    'worker-1: exit code 1'

    Raises:
        ValueError: there is no task.
    """
    if not tasks:
        raise ValueError("a job has at least one task")
    if first := first_failure(tasks, consequences):
        index, outcome = first
        named = len(tasks) > 1 and outcome.message and not outcome.message.startswith("worker-")
        return replace(outcome, message=f"worker-{index}: {outcome.message}") if named else outcome
    for outcome in tasks:
        if outcome.cause is Cause.STOPPED:
            return outcome if stopped or outcome.message else replace(outcome, message="it was stopped")
    return tasks[0]


def _when(outcome: TaskOutcome) -> float:
    return outcome.failed_at or math.inf


def _killed(outcome: TaskOutcome) -> bool:
    """Ended by a signal that no peer's exit brings: SIGTERM and SIGPIPE are how others are ended."""
    return outcome.signal not in (0, 13, 15)
