"""What a job says and does: logs, events, stages, tasks, metrics, outputs, and following it live."""

from __future__ import annotations

import re
from typing import Annotated, Any

from anyio import to_thread
from fastapi import APIRouter, Header, Path, Query, Response
from fastapi.responses import StreamingResponse

from trainshed.core.errors import Code, NotFound
from trainshed.server.context import Caller, Ctx
from trainshed.server.language import wants_chinese
from trainshed.server.routers.jobs import JobName
from trainshed.server.services import job_view, log_reading, metrics, outputs, queries
from trainshed.server.services.events import event_item, parse_time, stage_records
from trainshed.server.services.following import LogCursor, follow_job, follow_log
from trainshed.server.services.jobs import find
from trainshed.server.services.log_reading import TaskStream
from trainshed.server.sse import EventStream
from trainshed.server.wire.base import JsonBody
from trainshed.server.wire.job_records import (
    EventList,
    LogLines,
    LogMatches,
    LogPreview,
    LogStreams,
    LogUrl,
    OutputList,
    PrintedMetrics,
    ResourceMetrics,
    StageList,
    TaskHistory,
)
from trainshed.server.wire.jobs import dump

router = APIRouter(tags=["training jobs"])

TaskName = Annotated[str, Path(max_length=64, examples=["worker-0"])]
Offset = Annotated[int, Query(ge=0, le=2**53)]
Attempt = Annotated[int | None, Query(ge=0, le=2**31 - 1, description="The newest where not given.")]
StreamName = Annotated[
    str, Query(max_length=32, pattern=r"^(rank-\d{1,6}|build)?$", description="rank-1, …; empty for all.")
]

_JOB = "/v2/{project_id}/training-jobs/{training_job_id}"
_TASK = re.compile(r"(?:worker-)?(\d{1,5})", re.ASCII)
_TEXT: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/plain": {"schema": {"type": "string", "format": "binary"}}}}
}
_EVENTS: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}
}


def _json(value: Any) -> JsonBody:
    return JsonBody(dump(value))


def _stream(row: queries.Row, task: str, stream: str = "", attempt: int | None = None) -> TaskStream:
    """The log that a request means.

    Raises:
        NotFound: the job has no such task or attempt.
    """
    match = _TASK.fullmatch(task)
    index = int(match[1]) if match else -1
    chosen = row["attempt"] if attempt is None else attempt
    if not 0 <= index < row["node_count"] or chosen > row["attempt"]:
        raise NotFound(f"job {row['name']!r} has no task {task[:64]!r}", code=Code.TASK_NOT_FOUND)
    return log_reading.of_task(row, index, stream, chosen)


# ---- logs


@router.get(
    f"{_JOB}/tasks/{{task_id}}/logs",
    summary="A task's log, as it is",
    response_class=StreamingResponse,
    responses=_TEXT,
)
def read_training_job_log(
    context: Ctx,
    caller: Caller,
    training_job_id: JobName,
    task_id: TaskName,
    *,
    offset: Annotated[int, Query(ge=-(2**53), le=2**53, description="From the end where negative.")] = 0,
    limit: Annotated[int | None, Query(ge=0, le=2**53)] = None,
    attempt: Attempt = None,
    stream: StreamName = "",
    platform: Annotated[bool, Query(description="Whether the platform's own lines are wanted.")] = True,
) -> Response:
    """Bytes from ``offset``; the size of the whole is in ``X-Log-Size``.

    Who saves the answer gets a file of the name that ModelArts gives it.
    """
    chosen = _stream(find(context, caller, training_job_id), task_id, stream, attempt)
    piece = log_reading.piece(context, chosen, offset, limit)
    headers = {"X-Log-Size": str(piece.size), "X-Log-Offset": str(piece.start)}
    headers["X-Content-Type-Options"] = "nosniff"
    headers["Content-Disposition"] = f'inline; filename="{chosen.file_name}"'
    kind = "text/plain; charset=utf-8"
    if not platform:
        content = log_reading.script_lines(context, chosen, piece)
        return StreamingResponse(content, media_type=kind, headers=headers)
    headers["Content-Length"] = str(piece.length)
    return StreamingResponse(log_reading.blocks(context, chosen, piece), media_type=kind, headers=headers)


@router.get(
    f"{_JOB}/tasks/{{task_id}}/logs/preview",
    summary="The newest 5 MB of a task's log",
    response_model=LogPreview,
)
def show_training_job_logs_preview(
    context: Ctx,
    caller: Caller,
    training_job_id: JobName,
    task_id: TaskName,
    *,
    attempt: Attempt = None,
    stream: StreamName = "",
) -> JsonBody:
    chosen = _stream(find(context, caller, training_job_id), task_id, stream, attempt)
    return _json(log_reading.preview(context, chosen))


@router.get(f"{_JOB}/logs/{{task_id}}", summary="Some lines of a task's log", response_model=LogLines)
def show_training_job_logs_from_aom(
    context: Ctx,
    caller: Caller,
    training_job_id: JobName,
    task_id: TaskName,
    *,
    base_line: Annotated[str, Query(max_length=32, description="start_line or end_line of a page.")] = "",
    lines: Annotated[int, Query(ge=1, le=10_000)] = 50,
    order: Annotated[str, Query(max_length=8, examples=["desc"])] = "desc",
) -> JsonBody:
    """``desc`` goes from the end (or ``base_line``) back, ``asc`` from the start (or ``base_line``) on."""
    chosen = _stream(find(context, caller, training_job_id), task_id)
    return _json(log_reading.lines(context, chosen, base_line, lines, backwards=order.lower() != "asc"))


@router.get(f"{_JOB}/tasks/{{task_id}}/logs/url", summary="Where the whole log is", response_model=LogUrl)
def show_training_job_logs_url(
    context: Ctx, caller: Caller, training_job_id: JobName, task_id: TaskName
) -> JsonBody:
    """A link into this service; it needs the same credentials as any other request."""
    row = find(context, caller, training_job_id)
    chosen = _stream(row, task_id)
    path = f"/v2/{row['project_id']}/training-jobs/{row['id']}/tasks/{chosen.name}/logs"
    return _json({"obs_url": context.endpoint + path, "shards": []})


@router.get(
    f"{_JOB}/tasks/{{task_id}}/logs/search", summary="Search the whole log", response_model=LogMatches
)
def search_training_job_log(
    context: Ctx,
    caller: Caller,
    training_job_id: JobName,
    task_id: TaskName,
    *,
    q: Annotated[str, Query(max_length=1024, description="Text to look for.")] = "",
    regex: Annotated[str, Query(max_length=1024, description="Or a regular expression.")] = "",
    ignore_case: bool = False,
    limit: Annotated[int, Query(ge=1, le=10_000)] = 1000,
    attempt: Attempt = None,
    stream: StreamName = "",
) -> JsonBody:
    """Every line with the text, or that matches the expression, from the first to the last byte."""
    chosen = _stream(find(context, caller, training_job_id), task_id, stream, attempt)
    wanted = log_reading.Wanted(regex or q, regex=bool(regex), ignore_case=ignore_case, limit=limit)
    return _json(log_reading.search(context, chosen, wanted))


@router.get(f"{_JOB}/tasks/{{task_id}}/logs/streams", summary="Streams of a task", response_model=LogStreams)
def list_training_job_log_streams(
    context: Ctx, caller: Caller, training_job_id: JobName, task_id: TaskName, *, attempt: Attempt = None
) -> JsonBody:
    """The task's log, and one for each of its ranks where there are several, with ModelArts' names."""
    row = find(context, caller, training_job_id)
    return _json(log_reading.streams(context, row, _stream(row, task_id, "", attempt)))


@router.get(
    f"{_JOB}/tasks/{{task_id}}/logs/follow",
    summary="Follow a task's log",
    response_class=EventStream,
    responses=_EVENTS,
)
async def follow_training_job_log(
    context: Ctx,
    caller: Caller,
    training_job_id: JobName,
    task_id: TaskName,
    *,
    offset: Offset = 0,
    attempt: Attempt = None,
    stream: StreamName = "",
) -> EventStream:
    """Events ``log`` (attempt, offset, next, text), then ``end``."""
    row = await to_thread.run_sync(find, context, caller, training_job_id)
    return EventStream(follow_log(context, row, _cursor(row, task_id, stream, attempt, offset)))


@router.get(f"{_JOB}/follow", summary="Follow a job", response_class=EventStream, responses=_EVENTS)
async def follow_training_job(
    context: Ctx,
    caller: Caller,
    training_job_id: JobName,
    *,
    logs: Annotated[bool, Query(description="Also the log of the first task.")] = False,
    offset: Offset = 0,
    attempt: Attempt = None,
    after: Annotated[int, Query(ge=0, le=2**53, description="The last event that is known.")] = 0,
) -> EventStream:
    """Events ``phase``, ``event`` and ``progress`` (and ``log``), then ``end``."""
    row = await to_thread.run_sync(find, context, caller, training_job_id)
    cursor = _cursor(row, "worker-0", "", attempt, offset) if logs else None
    return EventStream(follow_job(context, row, cursor, after))


def _cursor(row: queries.Row, task: str, stream: str, attempt: int | None, offset: int) -> LogCursor:
    """Where a follower begins: at the first attempt, unless it says which."""
    chosen = _stream(row, task, stream, 0 if attempt is None else attempt)
    return LogCursor(chosen.job_id, chosen.name, chosen.attempt, offset)


# ---- what happened


@router.get(f"{_JOB}/events", summary="Events of a job", response_model=EventList)
def list_training_job_events(
    context: Ctx,
    caller: Caller,
    training_job_id: JobName,
    *,
    offset: Annotated[int, Query(ge=0, le=2**31 - 1)] = 0,
    limit: Annotated[int, Query(ge=1, le=1000)] = 50,
    order: Annotated[str, Query(max_length=8, examples=["desc"])] = "desc",
    start_time: Annotated[str, Query(max_length=40, description="ISO 8601, or milliseconds.")] = "",
    end_time: Annotated[str, Query(max_length=40, description="ISO 8601, or milliseconds.")] = "",
    level: Annotated[str, Query(max_length=16, examples=["Error"])] = "",
    pattern: Annotated[str, Query(max_length=256, description="Text in the message.")] = "",
    _: Annotated[str, Header(alias="X-Language", max_length=32, examples=["zh-cn"])] = "",
) -> JsonBody:
    """By time; ``X-Language: zh-cn`` asks for Chinese."""
    row = find(context, caller, training_job_id)
    newest_first = order.lower() != "asc"
    total, rows = queries.event_page(
        context.db,
        row["id"],
        offset=offset,
        limit=limit,
        newest_first=newest_first,
        since=parse_time(start_time, "start_time"),
        until=parse_time(end_time, "end_time"),
        level=level,
        pattern=pattern,
    )
    chinese = wants_chinese()
    return _json(
        {
            "total": total,
            "limit": limit,
            "offset": offset,
            "order": "desc" if newest_first else "asc",
            "start_time": start_time,
            "end_time": end_time,
            "events": [event_item(event, chinese=chinese) for event in rows],
        }
    )


@router.get(f"{_JOB}/stages", summary="Stages of a job", response_model=StageList)
def list_training_job_stages(context: Ctx, caller: Caller, training_job_id: JobName) -> JsonBody:
    """Of each start, in the order in which they began."""
    row = find(context, caller, training_job_id)
    records = stage_records(row["id"], queries.event_rows(context.db, row["id"]))
    return _json({"total_count": len(records), "running_records": records})


@router.get(f"{_JOB}/tasks", summary="Where the tasks run", response_model=list[TaskHistory])
def list_training_job_tasks(
    context: Ctx,
    caller: Caller,
    training_job_id: JobName,
    *,
    schedule_count: Annotated[int | None, Query(ge=0, le=2**31 - 1, description="Only this start.")] = None,
) -> JsonBody:
    """A bare list, as the official client wants it."""
    row = find(context, caller, training_job_id)
    return _json(job_view.task_history(queries.task_rows(context.db, row["id"], schedule_count)))


# ---- numbers and files


@router.get(
    f"{_JOB}/metrics/{{task_id}}", summary="What a task uses of its node", response_model=ResourceMetrics
)
def show_training_job_metrics(
    context: Ctx, caller: Caller, training_job_id: JobName, task_id: TaskName, *, attempt: Attempt = None
) -> JsonBody:
    """One value a sample; -1 where there is no such thing."""
    chosen = _stream(find(context, caller, training_job_id), task_id, "", attempt)
    return _json(metrics.resource_use(context.db, chosen.job_id, chosen.attempt, chosen.index))


@router.get(
    f"{_JOB}/training-metrics", summary="Numbers that the script printed", response_model=PrintedMetrics
)
def list_training_job_training_metrics(
    context: Ctx,
    caller: Caller,
    training_job_id: JobName,
    *,
    name: Annotated[str, Query(max_length=64, examples=["loss"])] = "",
    attempt: Attempt = None,
    limit: Annotated[int, Query(ge=1, le=100_000)] = 10_000,
) -> JsonBody:
    """In the order in which they were printed."""
    row = find(context, caller, training_job_id)
    return _json(metrics.printed(context.db, row["id"], name=name, attempt=attempt, limit=limit))


@router.get(f"{_JOB}/outputs", summary="Files at a job's outputs", response_model=OutputList)
def list_training_job_outputs(
    context: Ctx,
    caller: Caller,
    training_job_id: JobName,
    *,
    limit: Annotated[int, Query(ge=1, le=10_000)] = 10_000,
) -> JsonBody:
    """What lies there now, channel by channel."""
    return _json(outputs.listed(context, find(context, caller, training_job_id), limit))
