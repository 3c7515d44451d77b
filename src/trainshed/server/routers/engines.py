"""Engines: ModelArts' list, and ours with environments, builds and their logs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path as FilePath
from typing import Annotated, Any

from anyio import to_thread
from fastapi import APIRouter, Path, Query, Response

from trainshed.core.engine import Engine
from trainshed.engines.environments import State
from trainshed.engines.runner import parse_line
from trainshed.server.context import Caller, Context, Ctx
from trainshed.server.services import engines
from trainshed.server.sse import EventStream, sse
from trainshed.server.wire.engines import (
    EngineInfo,
    EngineInfoList,
    EngineItemList,
    engine_item,
)

router = APIRouter(tags=["engines"])

EngineName = Annotated[
    str,
    Path(max_length=128, description="Id, family or alias; a family means its newest.", examples=["pytorch"]),
]
Offset = Annotated[int, Query(ge=0, le=2**53)]

FOLLOW_S = 0.2
CHUNK = 256 * 1024
_TEXT: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/plain": {"schema": {"type": "string", "format": "binary"}}}}
}
_EVENTS: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}
}


@router.get("/v2/{project_id}/training-job-engines", summary="Engines, as ModelArts lists them")
def show_training_job_engines(context: Ctx, _: Caller) -> EngineItemList:
    """The engines that a pool here can run."""
    found = [engine_item(engine) for engine in context.catalogue if engines.offered(context, engine)]
    return EngineItemList(total=len(found), items=found)


@router.get("/v2/{project_id}/engines", summary="The whole catalogue, with what can run here")
def list_engines(context: Ctx, _: Caller) -> EngineInfoList:
    found = [engines.describe(context, engine) for engine in context.catalogue]
    return EngineInfoList(total=len(found), items=found)


@router.get("/v2/{project_id}/engines/{engine}", summary="One engine")
def show_engine(context: Ctx, _: Caller, engine: EngineName) -> EngineInfo:
    return engines.describe(context, engines.find(context, engine))


@router.post(
    "/v2/{project_id}/engines/{engine}/build", summary="Build an engine's environment", status_code=202
)
def build_engine(context: Ctx, _: Caller, engine: EngineName) -> EngineInfo:
    """Returns at once; the log and its follow-up tell the rest. An environment that is there stays."""
    return engines.build(context, engines.find(context, engine))


@router.get(
    "/v2/{project_id}/engines/{engine}/build-log",
    summary="Log of the last build",
    response_class=Response,
    responses=_TEXT,
)
def show_build_log(
    context: Ctx,
    _: Caller,
    engine: EngineName,
    offset: Offset = 0,
    limit: Annotated[int, Query(ge=1, le=16 * 1024 * 1024)] = 16 * 1024 * 1024,
) -> Response:
    """Bytes from ``offset``; the size of the whole is in ``X-Log-Size``."""
    size, content = _read(engines.build_log(context, engines.find(context, engine)), offset, limit)
    headers = {"X-Log-Size": str(size), "X-Log-Offset": str(min(offset, size))}
    return Response(content, media_type="text/plain; charset=utf-8", headers=headers)


@router.get(
    "/v2/{project_id}/engines/{engine}/build-log/follow",
    summary="Follow a build",
    response_class=EventStream,
    responses=_EVENTS,
)
async def follow_build_log(context: Ctx, _: Caller, engine: EngineName, offset: Offset = 0) -> EventStream:
    """Events ``log`` (offset, next, text) and ``progress`` (percent, line), then ``end`` (state, error)."""
    found = await to_thread.run_sync(engines.find, context, engine)
    return EventStream(_follow(context, found, offset))


async def _follow(context: Context, engine: Engine, offset: int) -> AsyncIterator[bytes]:
    while True:
        info = await to_thread.run_sync(engines.describe, context, engine)
        path = engines.build_log(context, engine)
        _, content = await to_thread.run_sync(_read, path, offset, CHUNK)
        if whole := content[: content.rfind(b"\n") + 1]:
            text = whole.decode(errors="replace")
            yield sse("log", {"offset": offset, "next": offset + len(whole), "text": text})
            offset += len(whole)
            last = parse_line(text.splitlines()[-1])
            if last:
                yield sse("progress", {"percent": last.percent, "line": last.line})
        elif info.environment.state != State.BUILDING or context.stopping:
            yield sse("end", {"state": info.environment.state, "error": info.environment.error})
            return
        else:
            await asyncio.sleep(FOLLOW_S)


def _read(path: FilePath, offset: int, limit: int) -> tuple[int, bytes]:
    """Size of the log, and up to ``limit`` bytes of it."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(min(offset, size))
            return size, file.read(limit)
    except FileNotFoundError:
        return 0, b""
