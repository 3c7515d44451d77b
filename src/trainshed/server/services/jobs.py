"""Everything that a request may do with training jobs."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, update

from trainshed.core.errors import Code, Conflict, InvalidInput, TrainshedError
from trainshed.core.lifecycle import TERMINAL, JobState, Phase
from trainshed.core.names import check_description
from trainshed.core.wire import to_wire
from trainshed.server.db.tables import jobs
from trainshed.server.language import error_body
from trainshed.server.services import job_search, queries
from trainshed.server.services.changes import NewJob
from trainshed.server.services.job_checks import whole_variables
from trainshed.server.services.job_spec import Resolved, check_priority, check_without_files, resolve
from trainshed.server.services.job_view import job_view
from trainshed.server.services.live import LiveJob, longest
from trainshed.server.services.messages import AskWhy, SetPriority, Stop, Submit, ThreadReply
from trainshed.translation import chinese as in_chinese

if TYPE_CHECKING:
    from trainshed.jobs.queue import Why
    from trainshed.server.context import Context, Principal
    from trainshed.server.services.queries import Row
    from trainshed.server.wire.jobs import JobRequest, JobSearch, JobUpdate

Json = dict[str, Any]

_FINISHED = [phase.value for phase in TERMINAL]


def create(context: Context, caller: Principal, request: JobRequest) -> Json:
    """Create a job; it is queued as soon as its environment is ready.

    Raises:
        TrainshedError: something in the request is wrong; nothing was created.
    """
    context.disk.check()
    context.quotas.check_storage(caller.project_id)
    found = resolve(context, caller, request)
    caller.record["name"] = found.name
    if queries.name_taken(context.db, caller.project_id, found.name):
        raise _taken(found.name)
    job, row = new_job(context, caller, found)
    reply = ThreadReply()
    message = Submit(NewJob(job, row, warnings=found.warnings), reply)
    context.services.dispatcher.tell(message)
    reply.wait()
    if message.new.taken:
        raise _taken(found.name)
    caller.record["id"] = job.id
    if context.quotas.of(caller.project_id).storage_bytes is not None:
        context.services.upkeep.measure_soon()
    view = job_view(context, row | message.new.stored, tasks=())
    return view | {"warnings": [text for text, _ in found.warnings]} if found.warnings else view


def check(context: Context, caller: Principal, request: JobRequest) -> Json:
    """Check all of a request but its files, which may not be there yet.

    Raises:
        TrainshedError: something in it is wrong, or the name is taken.
    """
    resources = check_without_files(context, caller, request)
    name = request.metadata.name
    if queries.name_taken(context.db, caller.project_id, name):
        raise _taken(name)
    return {
        "name": name,
        "pool": resources.pool.id,
        "flavor": resources.flavor.id,
        "engine": resources.engine.id,
    }


def new_job(context: Context, caller: Principal, found: Resolved) -> tuple[LiveJob, Json]:
    """A job that has passed its checks, for the dispatcher, and its row."""
    spec, now = found.spec, context.clock.now()
    job = LiveJob(
        id=str(uuid.uuid4()),
        project_id=caller.project_id,
        name=found.name,
        pool_id=spec.pool_id,
        flavor_id=spec.flavor_id,
        engine_id=spec.engine_id,
        node_count=spec.node_count,
        priority=spec.priority,
        created_at=now,
        state=JobState(),
        duration=longest(spec.auto_stop_s, spec.grace_s),
        preemptible=spec.preemptible,
        spec=spec,
    )
    row: Json = {
        "id": job.id,
        "project_id": job.project_id,
        "workspace_id": found.workspace_id,
        "name": job.name,
        "description": found.description,
        "user_id": caller.user_id,
        "user_name": caller.user_name,
        "annotations": found.annotations,
        "algorithm_id": found.algorithm.id,
        "algorithm_name": found.algorithm.name,
        "algorithm_version": found.algorithm.version,
        "engine_id": job.engine_id,
        "flavor_id": job.flavor_id,
        "pool_id": job.pool_id,
        "node_count": job.node_count,
        "spec": to_wire(spec),
        "extra": found.extra or None,
        "created_at": now,
    }
    return job, row


def show(context: Context, caller: Principal, job: str) -> Json:
    """All about one job."""
    return _shown(context, find(context, caller, job))


def find(context: Context, caller: Principal, job: str) -> Row:
    """The row of a job of the caller's project, by id or name.

    Raises:
        NotFound: there is none.
    """
    return queries.job_row(context.db, caller.project_id, job)


def _shown(context: Context, row: Row) -> Json:
    tasks = queries.task_rows(context.db, row["id"])
    present = [task for task in tasks if task["attempt"] == row["attempt"]]
    view = job_view(context, row, tasks=present, attempts=queries.attempt_rows(context.db, row["id"]))
    if row["phase"] == Phase.RUNNING and present:
        stage = present[0]["stage"]
        view["status"]["stage"] = stage
    return view


def search(context: Context, caller: Principal, wanted: JobSearch) -> Json:
    """One page of the project's jobs."""
    total, rows = job_search.search(context.db, caller.project_id, wanted)
    return {
        "total": total,
        "count": len(rows),
        "limit": wanted.limit,
        "offset": wanted.offset,
        "sort_by": wanted.sort_by or "create_time",
        "order": wanted.order or "desc",
        "group_by": wanted.group_by or "",
        "workspace_id": wanted.workspace_id,
        "ai_project": "default-ai-project",
        "train_type": wanted.train_type or "",
        "items": [job_view(context, row) for row in rows],
    }


def stop(context: Context, caller: Principal, job: str, *, force: bool = False) -> Json:
    """Ask a job to end.

    Raises:
        Conflict: it has finished.
    """
    row = find(context, caller, job)
    reply = ThreadReply()
    context.services.dispatcher.tell(Stop(row["id"], caller.user_name, force, reply))
    if not reply.wait():
        phase = find(context, caller, row["id"])["phase"]
        raise Conflict(f"job {row['name']!r} is {phase} already", code=Code.JOB_FINISHED)
    return _shown(context, find(context, caller, row["id"]))


def remove(context: Context, caller: Principal, job: str) -> None:
    """Delete a finished job with its logs and its working files; its outputs stay.

    Raises:
        Conflict: it has not finished.
    """
    row = find(context, caller, job)
    query = delete(jobs).where(jobs.c.id == row["id"], jobs.c.phase.in_(_FINISHED))
    with context.db.write() as connection:
        gone = connection.execute(query).rowcount
    if not gone:
        raise Conflict(
            f"job {row['name']!r} is {row['phase']}: stop it first, and delete it once it has ended",
            code=Code.JOB_NOT_FINISHED,
        )
    context.services.hub.changed_soon([(row["project_id"], row["id"])])
    context.services.logs.delete(row["id"])
    _remove_folder(context.settings.files.jobs / row["id"])


def _remove_folder(folder: Path) -> None:
    """Remove a job's working files. Moved away first: an agent may still be about to leave there."""
    away = folder.with_name(f".{folder.name}.deleted")
    with suppress(OSError):
        folder.rename(away)
    shutil.rmtree(away, ignore_errors=True)


def remove_all(context: Context, caller: Principal, ids: Sequence[str]) -> Json:
    """Delete several jobs; each on its own, with what became of it."""
    done: list[Json] = []
    for job in ids:
        try:
            remove(context, caller, job)
        except TrainshedError as error:
            done.append({"id": job, "success": False, **error_body(error.code, error.message)})
        else:
            done.append({"id": job, "success": True})
    return {"jobs": done}


def change(context: Context, caller: Principal, job: str, wanted: JobUpdate) -> Json:
    """Change description, notes, and the priority of a job that waits.

    Raises:
        InvalidInput: a value that may not be.
        Conflict: the priority of a job that waits no longer.
    """
    row = find(context, caller, job)
    values: Json = {}
    if wanted.description is not None:
        values["description"] = check_description(wanted.description)
    notes = wanted.metadata and (wanted.metadata.annotation or wanted.metadata.annotations)
    if notes:
        values["annotations"] = {**(row["annotations"] or {}), **whole_variables(notes)}
    policy = wanted.spec.schedule_policy if wanted.spec else None
    if policy and policy.priority is not None:
        _set_priority(context, caller, row, policy.priority)
    if values:
        with context.db.write() as connection:
            connection.execute(update(jobs).where(jobs.c.id == row["id"]).values(values))
        context.services.hub.changed_soon([(row["project_id"], row["id"])])
    return _shown(context, find(context, caller, row["id"]))


def _set_priority(context: Context, caller: Principal, row: Row, priority: int) -> None:
    reply = ThreadReply()
    message = SetPriority(row["id"], check_priority(caller, priority), reply)
    context.services.dispatcher.tell(message)
    if not reply.wait():
        raise Conflict(
            f"job {row['name']!r} is {row['phase']}: its priority can only change while it waits here",
            code=Code.JOB_FINISHED,
        )


def why(context: Context, caller: Principal, job: str) -> Json:
    """Why a job waits, its place in the queue, and what would change it."""
    row = find(context, caller, job)
    answer: Json = {"job_id": row["id"], "phase": row["phase"], "position": 0, "queued": 0}
    reply = ThreadReply()
    context.services.dispatcher.tell(AskWhy(row["id"], reply))
    found: Why | None = reply.wait()
    if found is not None:
        return answer | to_wire(found)
    sentence, chinese = _SENTENCES.get(row["phase"], ("the job has ended", "作业已结束"))
    if row["secondary_phase"] == "Building":
        sentence = f"the environment of engine {row['engine_id']} is being built"
        chinese = f"正在构建引擎 {row['engine_id']} 的环境"
    elif row["phase"] == Phase.PENDING and row["placements"]:
        sentence = f"the job waits in the queue of pool {row['pool_id']}"
        chinese = f"作业正在资源池 {row['pool_id']} 的队列中等待"
    reason = row["reason"] or ""
    said = f"{sentence}: {reason}" if reason else sentence
    return answer | {
        "reason": row["secondary_phase"].lower(),
        "sentence": said,
        "sentence_zh": f"{chinese}：{in_chinese(reason)}" if reason else chinese,
        "unblock": "",
        "unblock_zh": "",
        "facts": {},
    }


_SENTENCES = {
    "Creating": ("the job is being made ready", "作业准备中"),
    "Pending": ("the job waits to be started", "作业等待启动"),
    "Running": ("the job does not wait: it runs", "作业正在运行，未在等待"),
    "Terminating": ("the job is being stopped", "作业正在停止"),
    "Completed": ("the job has completed", "作业已完成"),
}


def _taken(name: str) -> Conflict:
    return Conflict(f"a training job named {name!r} exists: choose another name", code=Code.NAME_TAKEN)


def check_action(action: str) -> None:
    """Whether this can be done with a job.

    Raises:
        InvalidInput: only ``terminate`` can.
    """
    if action.lower() not in ("terminate", "stop"):
        raise InvalidInput(
            f"action_type {action[:40]!r} is not offered: use terminate", code=Code.FIELD_INVALID
        )
