"""Training jobs: create, list, show, stop, delete, change, and why one waits."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path

from trainshed.server.context import Caller, Ctx
from trainshed.server.services import dry_run, elastic, jobs
from trainshed.server.wire.base import JsonBody
from trainshed.server.wire.job_answers import (
    BatchAnswer,
    Checked,
    JobList,
    JobModel,
    Plan,
    ResizeAnswer,
    WhyAnswer,
)
from trainshed.server.wire.jobs import (
    BatchDelete,
    JobAction,
    JobRequest,
    JobResize,
    JobSearch,
    JobUpdate,
    dump,
)

router = APIRouter(tags=["training jobs"])

JobName = Annotated[str, Path(max_length=128, description="Id or name.", examples=["mnist-1"])]

_JOBS = "/v2/{project_id}/training-jobs"
_JOB = _JOBS + "/{training_job_id}"


def _json(value: Any, status: int = 200) -> JsonBody:
    return JsonBody(dump(value), status_code=status)


@router.post(_JOBS, summary="Create a training job", status_code=201, response_model=JobModel)
def create_training_job(context: Ctx, caller: Caller, body: JobRequest) -> JsonBody:
    """Everything is checked first: a job that is refused leaves no trace."""
    return _json(jobs.create(context, caller, body), 201)


@router.post(f"{_JOBS}/dry-run", summary="What a job would run, exactly", response_model=Plan)
def preview_training_job(context: Ctx, caller: Caller, body: JobRequest) -> JsonBody:
    """The same checks as for a creation; nothing is created."""
    return _json(dry_run.plan(context, caller, body))


@router.post(f"{_JOBS}/checks", summary="Whether a job would do, but for its files", response_model=Checked)
def check_training_job(context: Ctx, caller: Caller, body: JobRequest) -> JsonBody:
    """Before code and data are sent: name, engine, pool, flavor, nodes, hyperparameters."""
    return _json(jobs.check(context, caller, body))


@router.post("/v2/{project_id}/training-job-searches", summary="Search training jobs", response_model=JobList)
def list_training_jobs(context: Ctx, caller: Caller, body: JobSearch) -> JsonBody:
    """Newest first, unless told otherwise."""
    return _json(jobs.search(context, caller, body))


@router.post(
    f"{_JOBS}/batch-delete", summary="Delete several jobs", status_code=202, response_model=BatchAnswer
)
def batch_delete_training_job(context: Ctx, caller: Caller, body: BatchDelete) -> JsonBody:
    """Each on its own: the answer says what became of each."""
    ids = [item.metadata.id for item in body.jobs]
    caller.record["jobs"] = ids[:100]
    return _json(jobs.remove_all(context, caller, ids), 202)


@router.get(_JOB, summary="One training job", response_model=JobModel)
def show_training_job_details(context: Ctx, caller: Caller, training_job_id: JobName) -> JsonBody:
    return _json(jobs.show(context, caller, training_job_id))


@router.delete(_JOB, summary="Delete a finished job", status_code=202)
def delete_training_job(context: Ctx, caller: Caller, training_job_id: JobName) -> JsonBody:
    """Its logs go with it; its outputs stay."""
    jobs.remove(context, caller, training_job_id)
    return _json({}, 202)


@router.put(_JOB, summary="Change description, notes or priority", response_model=JobModel)
def change_training_job_description(
    context: Ctx, caller: Caller, training_job_id: JobName, body: JobUpdate
) -> JsonBody:
    """The priority may change while the job waits."""
    return _json(jobs.change(context, caller, training_job_id, body))


@router.post(f"{_JOB}/actions", summary="Stop a job", status_code=202, response_model=JobModel)
def stop_training_job(context: Ctx, caller: Caller, training_job_id: JobName, body: JobAction) -> JsonBody:
    """The script gets SIGTERM and its grace period; what it has written to its outputs is kept."""
    jobs.check_action(body.action_type)
    return _json(jobs.stop(context, caller, training_job_id, force=body.force), 202)


@router.post(f"{_JOB}/resize", summary="Resize a job", status_code=202, response_model=ResizeAnswer)
def resize_training_job(context: Ctx, caller: Caller, training_job_id: JobName, body: JobResize) -> JsonBody:
    """How many workers an elastic job has while it runs; what it has learnt stays."""
    return _json(elastic.resize(context, caller, training_job_id, body.workers), 202)


@router.get(f"{_JOB}/why", summary="Why a job waits", response_model=WhyAnswer)
def show_training_job_why(context: Ctx, caller: Caller, training_job_id: JobName) -> JsonBody:
    """Its place in the queue, the reason, and what would change it."""
    return _json(jobs.why(context, caller, training_job_id))
