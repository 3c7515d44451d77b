"""Why a job failed, and where its ranks stand."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field

from trainshed.server.context import Caller, Ctx
from trainshed.server.routers.jobs import JobName
from trainshed.server.services import diagnosis, stacks
from trainshed.server.wire.base import JsonBody, WireModel
from trainshed.server.wire.jobs import dump

router = APIRouter(tags=["training jobs"])

Attempt = Annotated[int | None, Query(ge=0, le=2**31 - 1, description="The newest where not given.")]


class EvidenceItem(WireModel):
    """A line that shows it."""

    stream: str
    offset: int = Field(description="Byte offset of the line in the log; -1 for the kernel's log.")
    text: str


class DiagnosisModel(WireModel):
    """What went wrong, as far as that can be told."""

    rule: str
    category: str
    confidence: str = Field(description="HIGH, MEDIUM or LOW.")
    title: str
    title_zh: str
    cause: str
    cause_zh: str
    advice: str
    advice_zh: str
    rank: int = Field(description="The rank that failed first of its own; -1 where unknown.")
    task: int
    exit_code: int | None = None
    signal: int = 0
    location: str = ""
    traceback: str = ""
    consequences: list[int] = Field(default_factory=list[int], description="Ranks that it took along.")
    evidence: list[EvidenceItem] = Field(default_factory=list[EvidenceItem])
    source: str = ""


class DiagnosisAnswer(WireModel):
    """The diagnosis of one attempt, or why there is none."""

    job_id: str
    attempt: int
    phase: str
    sentence: str
    sentence_zh: str
    diagnosis: DiagnosisModel | None = None


@router.get(
    "/v2/{project_id}/training-jobs/{training_job_id}/diagnosis",
    summary="Why a job failed",
    response_model=DiagnosisAnswer,
)
def show_training_job_diagnosis(
    context: Ctx, caller: Caller, training_job_id: JobName, attempt: Attempt = None
) -> JsonBody:
    """The likely cause, advice, the rank that failed first, and the lines of the log that show it."""
    return JsonBody(dump(diagnosis.answer(context, caller, training_job_id, attempt)))


class RankStackModel(WireModel):
    """The stack of one rank."""

    rank: int
    task: int
    pid: int
    text: str = Field(description="Threads and frames as py-spy prints them, the innermost frame first.")
    error: str = Field(default="", description="Why there is no Python stack, where there is none.")


class StackCheck(WireModel):
    """One time that the stacks of all ranks were taken."""

    id: int
    time: float = Field(description="Seconds since the Unix epoch.")
    why: str = Field(description="suspected, or asked.")
    waiting: list[int] = Field(default_factory=list[int], description="Tasks that have not sent theirs.")
    ranks: list[RankStackModel] = Field(default_factory=list[RankStackModel])


class StacksAnswer(WireModel):
    """Whether an attempt hangs, and where its ranks stand."""

    job_id: str
    attempt: int
    state: str = Field(default="", description="suspect, hung, healthy again, or empty: never suspected.")
    reason: str = ""
    reason_zh: str = ""
    odd_rank: int = Field(default=-1, description="The rank that waits elsewhere than the others, or -1.")
    quiet_s: float = Field(default=0.0, description="Seconds in which no rank had been alive.")
    time: float | None = None
    action: str = ""
    checks: list[StackCheck] = Field(default_factory=list[StackCheck], description="Oldest first.")


class StacksAsked(WireModel):
    """The stacks will be kept by this id."""

    id: int
    attempt: int


_STACKS = "/v2/{project_id}/training-jobs/{training_job_id}/stacks"


@router.get(_STACKS, summary="Whether a job hangs, and its stacks", response_model=StacksAnswer)
def show_training_job_stacks(
    context: Ctx, caller: Caller, training_job_id: JobName, attempt: Attempt = None
) -> JsonBody:
    """The stacks of all ranks that were taken at a suspicion or because somebody asked."""
    return JsonBody(dump(stacks.answer(context, caller, training_job_id, attempt)))


@router.post(_STACKS, summary="Take the stacks of all ranks now", status_code=202, response_model=StacksAsked)
def take_training_job_stacks(context: Ctx, caller: Caller, training_job_id: JobName) -> JsonBody:
    """They arrive within seconds; the job goes on."""
    return JsonBody(dump(stacks.ask(context, caller, training_job_id)), status_code=202)
