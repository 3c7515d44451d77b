"""The calls that agents make. Plain ASGI: they come several times for every job."""

from __future__ import annotations

import json
import logging
import time
from typing import TYPE_CHECKING, Any, cast

from anyio import to_thread
from starlette.types import ASGIApp, Receive, Scope, Send

from trainshed.core.errors import (
    Code,
    Conflict,
    InvalidInput,
    NotFound,
    TooLarge,
    TrainshedError,
    Unauthenticated,
)
from trainshed.core.lifecycle import Phase
from trainshed.pools.base import TaskKey
from trainshed.server.services import metrics, reports
from trainshed.server.services.feeds import log_topic
from trainshed.server.services.live import LiveJob
from trainshed.server.services.logs import LogGap
from trainshed.server.services.messages import LoopReply, Report
from trainshed.server.services.reports import SequenceGap

if TYPE_CHECKING:
    from trainshed.server.context import Context

AREA = "/agent/v1/"
PREFIX = f"{AREA}jobs/"
MAX_LOG_BODY = 4 * 1024 * 1024
# A write of this size takes the event loop no longer than handing it to a thread would.
SMALL = 64 * 1024
GONE = 410

_logger = logging.getLogger("trainshed.server")

Answer = tuple[int, dict[str, Any]]


class AgentCalls:
    """ASGI middleware that answers everything below ``/agent/v1``, and so spares it the routes."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith(AREA):
            await self._app(scope, receive, send)
            return
        context = cast("Context", scope["app"].state.context)
        try:
            status, answer = await _answer(context, scope, receive)
        except (LogGap, SequenceGap) as gap:
            status, answer = gap.status, _error(gap)
            answer |= {"size": gap.size} if isinstance(gap, LogGap) else {"next_seq": gap.next_seq}
        except TrainshedError as error:
            status, answer = error.status, _error(error)
            if error.code == Code.ATTEMPT_OVER:
                status = GONE
            else:
                _logger.warning("refused %s %s: %s", scope["method"], scope["path"], error.message)
        body = json.dumps(answer).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})


def _error(error: TrainshedError) -> dict[str, Any]:
    return {"error_code": error.code, "error_msg": error.message}


async def _answer(context: Context, scope: Scope, receive: Receive) -> Answer:
    key, call, rest = _parse(scope["path"])
    if not context.services.tokens.opens(_bearer(scope), key.job_id, key.attempt):
        raise Unauthenticated("the job token is missing or wrong", code=Code.TOKEN_INVALID)
    job = _live(context, key)
    method = scope["method"]
    if (method, call) == ("POST", "heartbeat") and not rest:
        return 200, await _heartbeat(context, job, key.index, receive)
    if job is None:
        raise _over()
    body = await _body(receive)
    match method, call, rest:
        case "POST", "events", "":
            return await _events(context, key, body)
        case "PUT", "logs", _ if rest:
            return await _log(context, key, rest, scope["query_string"], body)
        case "POST", "metrics", "":
            return await _metrics(context, key, body)
        case "POST", "stacks", "":
            return _stacks(context, key, body)
        case _:
            raise NotFound(f"agents have no call {method} {call[:40]}", code=Code.ROUTE_NOT_FOUND)


def _parse(path: str) -> tuple[TaskKey, str, str]:
    """``…/{job}/attempts/{attempt}/tasks/{index}/{call}[/{rest}]``."""
    parts = path.removeprefix(PREFIX).split("/")
    if len(parts) in (6, 7) and parts[1] == "attempts" and parts[3] == "tasks":
        attempt, index = parts[2], parts[4]
        if _number(attempt) and _number(index):
            key = TaskKey(parts[0], int(attempt), int(index))
            return key, parts[5], parts[6] if len(parts) == 7 else ""
    raise NotFound("agents have no such call", code=Code.ROUTE_NOT_FOUND)


def _number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 10


def _bearer(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == b"authorization":
            return cast(bytes, value)[7:].decode("latin-1") if value[:7].lower() == b"bearer " else ""
    return ""


def _live(context: Context, key: TaskKey) -> LiveJob | None:
    """The job, if this is its present attempt and it has such a task."""
    job = context.services.dispatcher.live.get(key.job_id)
    if job is None or job.attempt != key.attempt or not job.active:
        return None
    if key.index >= job.node_count:
        raise NotFound(f"the job has no task {key.index}", code=Code.TASK_NOT_FOUND)
    return job


def _over() -> TrainshedError:
    return Conflict("this attempt is over: stop and leave", code=Code.ATTEMPT_OVER)


async def _body(receive: Receive) -> bytes:
    """The whole body; the gate has read it already."""
    message = await receive()
    body = cast(bytes, message.get("body", b""))
    while message.get("more_body", False):
        message = await receive()
        body += cast(bytes, message.get("body", b""))
    return body


async def _events(context: Context, key: TaskKey, body: bytes) -> Answer:
    if len(body) > reports.MAX_BODY:
        raise TooLarge(f"a report has {reports.MAX_BODY} bytes at most", code=Code.BODY_TOO_LARGE)
    data = reports.parse_body(body)
    events = reports.parse_events(data)
    sizes, whole = _little_logs(context, key, reports.parse_logs(data))
    if not whole:  # the events are about what is in the logs, and must not be there before it
        return 409, {"error_code": Code.LOG_OFFSET_GAP, "sizes": sizes}
    reply = LoopReply()
    context.services.dispatcher.tell(Report(key, events, reply))
    next_seq = await reply.future
    if next_seq is None:
        raise _over()
    return 200, {"next_seq": next_seq} | ({"sizes": sizes} if sizes else {})


def _little_logs(
    context: Context, key: TaskKey, pieces: list[tuple[str, int, bytes]]
) -> tuple[dict[str, int], bool]:
    """Take pieces of logs; the size of each afterwards, and whether none was past the end."""
    sizes: dict[str, int] = {}
    whole = True
    for name, offset, piece in pieces:
        stream = _stream(key, name)
        try:
            sizes[name] = context.services.logs.append(key.job_id, key.attempt, stream, offset, piece)
            context.services.hub.wake(log_topic(key.job_id, key.attempt, stream))
        except LogGap as gap:
            sizes[name], whole = gap.size, False
    return sizes, whole


async def _log(context: Context, key: TaskKey, name: str, query: bytes, body: bytes) -> Answer:
    if len(body) > MAX_LOG_BODY:
        raise TooLarge(f"a piece of a log has {MAX_LOG_BODY} bytes at most", code=Code.BODY_TOO_LARGE)
    offset = query[7:].decode("latin-1") if query.startswith(b"offset=") else ""
    if not offset.isdigit() or len(offset) > 16:
        raise InvalidInput("a piece of a log needs ?offset=", code=Code.FIELD_INVALID)
    stream = _stream(key, name)
    arguments = (key.job_id, key.attempt, stream, int(offset), body)
    logs = context.services.logs
    size = (
        logs.append(*arguments) if len(body) <= SMALL else await to_thread.run_sync(logs.append, *arguments)
    )
    context.services.hub.wake(log_topic(key.job_id, key.attempt, stream))
    return 200, {"size": size}


def _stream(key: TaskKey, name: str) -> str:
    """How the log store calls a stream that its agent calls ``name``."""
    return f"worker-{key.index}" if name == "task" else f"worker-{key.index}.{name}"


async def _metrics(context: Context, key: TaskKey, body: bytes) -> Answer:
    if len(body) > reports.MAX_BODY:
        raise TooLarge(f"a report has {reports.MAX_BODY} bytes at most", code=Code.BODY_TOO_LARGE)
    found = reports.parse_metrics(reports.parse_body(body))
    await to_thread.run_sync(metrics.store, context.db, key, found)
    return 200, {}


def _stacks(context: Context, key: TaskKey, body: bytes) -> Answer:
    if len(body) > reports.MAX_BODY:
        raise TooLarge(f"stacks have {reports.MAX_BODY} bytes at most", code=Code.BODY_TOO_LARGE)
    number, ranks = reports.parse_stacks(reports.parse_body(body))
    context.services.hangs.stacks(key, number, ranks)
    return 200, {}


async def _heartbeat(context: Context, job: LiveJob | None, index: int, receive: Receive) -> dict[str, Any]:
    """What the server wants of an agent. Written nowhere: only the news is."""
    if job is None:
        return {"commands": [], "over": True}
    tasks = job.tasks
    if index < len(tasks):
        tasks[index].heard_at = context.clock.now()
    hangs = context.services.hangs
    if looks := reports.parse_looks(reports.parse_body(await _body(receive)), time.monotonic()):
        hangs.heard(job, index, looks)
    ending = job.ending not in ("", f"worker-{index}")
    if job.state.phase is Phase.TERMINATING or ending:
        commands = [{"kind": "stop", "force": job.forced}]
    else:
        commands = [*hangs.orders(job, index), *_resize(job, index)]
    full = context.quotas.full(job.project_id)
    return {"commands": commands, "over": False} | ({"full": full} if full else {})


def _resize(job: LiveJob, index: int) -> list[dict[str, Any]]:
    """The last wish for another number of workers; the first task's agent passes it on."""
    placed = job.placed
    if index or placed is None or not placed.wish:
        return []
    return [{"kind": "resize", "id": placed.wish, "workers": placed.workers}]
