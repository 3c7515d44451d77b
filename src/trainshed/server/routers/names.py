"""Small questions about jobs: is a name free, how many may there be."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from sqlalchemy import func, select

from trainshed.core.lifecycle import TERMINAL
from trainshed.core.names import check_name
from trainshed.server.context import Caller, Ctx
from trainshed.server.db.tables import jobs
from trainshed.server.services.queries import name_taken
from trainshed.server.wire.base import Int, WireModel

router = APIRouter(tags=["training jobs"])

JOB_NUMBER = "job-num"
UNLIMITED = -1


class NameCheck(WireModel):
    """Whether a name is taken."""

    is_duplicate: bool


class Quota(WireModel):
    """How much of something a project may have, and has."""

    resource: str
    quota: Int
    used: Int


class QuotaList(WireModel):
    """All quotas."""

    quotas: list[Quota]


@router.get("/v2/{project_id}/training-job-names", summary="Whether a name of a job is taken")
def validate_training_job_name(
    context: Ctx,
    caller: Caller,
    job_name: Annotated[str, Query(max_length=1024, examples=["mnist-1"])],
    workspace_id: Annotated[str, Query(max_length=64)] = "",
) -> NameCheck:
    """A name that no job could have is refused with 400."""
    del workspace_id
    check_name(job_name, "job name")
    return NameCheck(is_duplicate=name_taken(context.db, caller.project_id, job_name))


@router.get("/v2/{project_id}/training-quotas", summary="Quotas and what is used of them")
def show_training_quotas(
    context: Ctx,
    caller: Caller,
    resource: Annotated[str, Query(max_length=64)] = "",
    user_id: Annotated[str, Query(max_length=64)] = "",
) -> QuotaList:
    """Jobs that have not finished; -1 means that there is no limit."""
    if resource not in ("", JOB_NUMBER):
        return QuotaList(quotas=[])
    ended = [phase.value for phase in TERMINAL]
    mine = select(func.count()).select_from(jobs).where(jobs.c.project_id == caller.project_id)
    mine = mine.where(jobs.c.phase.not_in(ended))
    if user_id:
        mine = mine.where(jobs.c.user_id == user_id)
    with context.db.read() as connection:
        used = connection.execute(mine).scalar_one()
    most = context.quotas.of(caller.project_id).jobs
    return QuotaList(
        quotas=[Quota(resource=JOB_NUMBER, quota=UNLIMITED if most is None else most, used=used)]
    )
