"""Stacks of a job's ranks, as people see them and ask for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trainshed.core.errors import Code, Conflict, NotFound
from trainshed.server.services import hangs
from trainshed.server.services.jobs import find

if TYPE_CHECKING:
    from trainshed.server.context import Context, Principal


def answer(context: Context, caller: Principal, job: str, attempt: int | None) -> dict[str, Any]:
    """What is known of an attempt: whether it hangs, and the stacks that were taken.

    Raises:
        NotFound: there is no such job or attempt.
    """
    row = find(context, caller, job)
    chosen = row["attempt"] if attempt is None else attempt
    if chosen > row["attempt"]:
        raise NotFound(f"job {row['name']!r} has no attempt {chosen}", code=Code.TASK_NOT_FOUND)
    nothing: dict[str, Any] = {"state": "", "checks": []}
    record = hangs.stored(context, row["id"], chosen) or nothing
    return {"job_id": row["id"], "attempt": chosen, **record}


def ask(context: Context, caller: Principal, job: str) -> dict[str, Any]:
    """Have the stacks of all ranks of a running job taken.

    Raises:
        Conflict: it does not run.
    """
    row = find(context, caller, job)
    live = context.services.dispatcher.live.get(row["id"])
    if live is None or not live.active:
        raise Conflict(
            f"job {row['name']!r} is {row['phase']}: only a job that runs has stacks",
            code=Code.JOB_FINISHED if live is None else Code.JOB_NOT_FINISHED,
        )
    return {"id": context.services.hangs.ask(live), "attempt": live.attempt}
