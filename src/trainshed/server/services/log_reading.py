"""Reading a task's log: pieces, previews, lines, searches."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from anyio import to_thread

from trainshed.core import log_names
from trainshed.core.errors import Code, InvalidInput
from trainshed.server.services import log_search
from trainshed.server.services.live import Placed
from trainshed.server.services.logs import PREVIEW_BYTES, without_platform_lines

if TYPE_CHECKING:
    from trainshed.server.context import Context

BLOCK = 1024 * 1024
LONGEST_LINE = 16 * 1024


@dataclass(frozen=True, slots=True)
class TaskStream:
    """One stream of one task of one attempt.

    Attributes:
        file_name: what ModelArts calls it.
    """

    job_id: str
    attempt: int
    index: int
    name: str
    file_name: str = ""


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a log: ``length`` bytes from ``start``, of ``size`` in all."""

    start: int
    length: int
    size: int


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to search for."""

    pattern: str
    regex: bool
    ignore_case: bool
    limit: int


def piece(context: Context, stream: TaskStream, offset: int, limit: int | None) -> Piece:
    """The part that is meant by ``offset`` (from the end where negative) and ``limit``."""
    size = context.services.logs.size(stream.job_id, stream.attempt, stream.name)
    start = min(size, offset) if offset >= 0 else max(0, size + offset)
    left = size - start
    return Piece(start, left if limit is None else min(left, limit), size)


async def blocks(context: Context, stream: TaskStream, wanted: Piece) -> AsyncIterator[bytes]:
    """The bytes of a piece, a mebibyte at a time."""
    logs = context.services.logs
    at, end = wanted.start, wanted.start + wanted.length
    while at < end:
        count = min(BLOCK, end - at)
        data = await to_thread.run_sync(logs.read, stream.job_id, stream.attempt, stream.name, at, count)
        if not data:
            return
        yield data
        at += len(data)


async def script_lines(context: Context, stream: TaskStream, wanted: Piece) -> AsyncIterator[bytes]:
    """The same without the platform's own lines."""
    rest = b""
    async for block in blocks(context, stream, wanted):
        data = rest + block
        cut = data.rfind(b"\n") + 1
        if not cut and len(data) > BLOCK:
            cut = len(data)
        rest = data[cut:]
        if kept := without_platform_lines(data[:cut]):
            yield kept
    if kept := without_platform_lines(rest):
        yield kept


def preview(context: Context, stream: TaskStream) -> dict[str, Any]:
    """The newest 5 MB, with their size and that of the whole."""
    data, size = context.services.logs.tail(stream.job_id, stream.attempt, stream.name, PREVIEW_BYTES)
    return {"content": data.decode("utf-8", "replace"), "current_size": len(data), "full_size": size}


def of_task(row: Mapping[str, Any], index: int, stream: str, attempt: int) -> TaskStream:
    """The stream of a task of the job ``row``: ``rank-1``, ``build`` or, empty, all that the task says."""
    name = f"worker-{index}.{stream}" if stream else f"worker-{index}"
    return TaskStream(row["id"], attempt, index, name, _file_name(row, index, stream))


def _file_name(row: Mapping[str, Any], index: int, stream: str) -> str:
    """What ModelArts calls the log; the devices are those of the newest attempt."""
    if not stream.startswith("rank-"):
        task = f"worker-{index}-{stream}" if stream else f"worker-{index}"
        return log_names.task_log(row["id"], task)
    placed = Placed.of(row["placements"]).placements if row["placements"] else ()
    devices = placed[index].devices if index < len(placed) else ()
    rank = int(stream.removeprefix("rank-"))
    local = max(0, rank - index * (row["spec"]["processes"] or len(devices) or 1))
    return log_names.process_log(row["id"], rank, log_names.device_of(devices, local))


def streams(context: Context, row: Mapping[str, Any], task: TaskStream) -> dict[str, Any]:
    """All streams of the task in this attempt, with their sizes and ModelArts' names for them."""
    found = context.services.logs.streams(task.job_id, task.attempt)
    mine = [(info, info.name[len(task.name) + 1 :]) for info in found if _belongs(info.name, task.name)]
    return {
        "streams": [
            {
                "name": info.name,
                "file_name": of_task(row, task.index, stream, task.attempt).file_name,
                "size": info.size,
                "attempt": task.attempt,
            }
            for info, stream in mine
        ]
    }


def _belongs(stream: str, task: str) -> bool:
    return stream == task or stream.startswith(f"{task}.")


def search(context: Context, stream: TaskStream, wanted: Wanted) -> dict[str, Any]:
    """Lines of the whole log that match.

    Raises:
        InvalidInput: the pattern is none.
    """
    path = context.services.logs.path(stream.job_id, stream.attempt, stream.name)
    found = log_search.search(
        path, wanted.pattern, limit=wanted.limit, regex=wanted.regex, ignore_case=wanted.ignore_case
    )
    matches = [asdict(match) for match in found.matches]
    return {"matches": matches, "size": found.size, "truncated": found.truncated}


def lines(
    context: Context, stream: TaskStream, base_line: str, count: int, *, backwards: bool
) -> dict[str, Any]:
    """``count`` lines before or from a place in the log; places are byte offsets, as text.

    Raises:
        InvalidInput: ``base_line`` is no place.
    """
    logs = context.services.logs
    size = logs.size(stream.job_id, stream.attempt, stream.name)
    base = _place(base_line, size if backwards else 0)
    reach = min(count * LONGEST_LINE, PREVIEW_BYTES)
    start = max(0, base - reach) if backwards else min(base, size)
    end = min(base, size) if backwards else min(size, base + reach)
    data = logs.read(stream.job_id, stream.attempt, stream.name, start, max(0, end - start))
    found = data.splitlines(keepends=True)
    if backwards:
        kept = found[-count:]
        first, last = end - sum(map(len, kept)), end
    else:
        kept = found[:count]
        first, last = start, start + sum(map(len, kept))
    text = b"".join(kept).decode("utf-8", "replace")
    return {"start_line": str(first), "end_line": str(last), "lines": len(kept), "content": text}


def _place(text: str, otherwise: int) -> int:
    if not text:
        return otherwise
    if not text.isascii() or not text.isdigit():
        raise InvalidInput(
            f"base_line is {text[:32]!r}; use start_line or end_line of an answer", code=Code.FIELD_INVALID
        )
    return int(text)
