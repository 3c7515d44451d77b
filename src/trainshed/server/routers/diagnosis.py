"""Why a job failed."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field

from trainshed.server.context import Caller, Ctx
from trainshed.server.routers.jobs import JobName
from trainshed.server.services import diagnosis
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
