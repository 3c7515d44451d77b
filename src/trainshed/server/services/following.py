"""Streams of server-sent events: a task's log as it grows, and a job as it goes."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from anyio import to_thread

from trainshed.core.lifecycle import TERMINAL
from trainshed.server.services import queries
from trainshed.server.services.events import feed_event
from trainshed.server.services.feeds import JobFeed, Waiter, job_topic, log_topic
from trainshed.server.services.logs import complete_text
from trainshed.server.services.messages import LoopReply, Subscribe
from trainshed.server.sse import PING, sse

if TYPE_CHECKING:
    from trainshed.server.context import Context
    from trainshed.server.services.queries import Row

PIECE = 256 * 1024
PING_S = 15.0
_ENDED = frozenset(phase.value for phase in TERMINAL)


@dataclass(slots=True)
class LogCursor:
    """Where in a task's log a follower is.

    Attributes:
        onwards: whether it goes on with the next attempt when the job is started again.
    """

    job_id: str
    stream: str
    attempt: int
    offset: int
    onwards: bool = True

    def advance(self, attempt: int) -> bool:
        """Go on with the next attempt, if there is one by now; whether there is."""
        if not self.onwards or self.attempt >= attempt:
            return False
        self.attempt += 1
        self.offset = 0
        return True


@dataclass(slots=True)
class _Watch:
    """One follower of one job."""

    context: Context
    feed: JobFeed | None
    waiter: Waiter = field(default_factory=Waiter)
    attempt: int = 0
    over: bool = False

    def log_events(self, cursor: LogCursor, *, last: bool) -> bytes | None:
        """The next piece of the log as an event; None where there is nothing new.

        Args:
            last: nothing comes after what is there, so that half a character is sent too.
        """
        logs = self.context.services.logs
        data = logs.read(cursor.job_id, cursor.attempt, cursor.stream, cursor.offset, PIECE)
        size = complete_text(data) if not last or len(data) == PIECE else len(data)
        if not size:
            return None
        event = {
            "offset": cursor.offset,
            "next": cursor.offset + size,
            "attempt": cursor.attempt,
            "text": data[:size].decode("utf-8", "replace"),
        }
        cursor.offset += size
        return sse("log", event)

    def listen(self, cursor: LogCursor) -> None:
        """Wake for what the log gets from now on."""
        topic = log_topic(cursor.job_id, cursor.attempt, cursor.stream)
        self.context.services.hub.listen(self.waiter, topic)


@asynccontextmanager
async def _watch(context: Context, row: Row) -> AsyncGenerator[_Watch]:
    """Follow a job from here on; what has been so far is in its feed, or in the database."""
    reply = LoopReply()
    context.services.dispatcher.tell(Subscribe(row["id"], reply))
    watch = _Watch(context, await reply.future, attempt=row["attempt"])
    context.services.hub.listen(watch.waiter, job_topic(row["id"]))
    try:
        yield watch
    finally:
        context.services.hub.leave(watch.waiter)


async def follow_log(context: Context, row: Row, cursor: LogCursor) -> AsyncGenerator[bytes]:
    """``log`` events from the cursor on, then ``end`` once the job is over and all was sent."""
    async with _watch(context, row) as watch:
        watch.listen(cursor)
        seen = 0
        while True:
            seen = _take_phases(watch, seen)
            over = watch.feed is None or watch.feed.closed
            while (piece := watch.log_events(cursor, last=over)) is not None:
                yield piece
            if cursor.advance(await _attempt(context, row, watch)):
                watch.listen(cursor)
                continue
            if over or context.services.hub.closed:
                if over:
                    yield sse("end", await _end(context, row))
                return
            if not await watch.waiter.wait(PING_S):
                yield PING


async def follow_job(
    context: Context, row: Row, cursor: LogCursor | None, after: int
) -> AsyncGenerator[bytes]:
    """``phase``, ``event`` and ``progress`` (and ``log``), then ``end``.

    Args:
        cursor: where in the log to begin; None for no log.
        after: number of the last event that the follower has.
    """
    async with _watch(context, row) as watch:
        if cursor is not None:
            watch.listen(cursor)
        if watch.feed is None:
            async for piece in _finished(context, row, watch, cursor, after):
                yield piece
            return
        async for piece in _live(context, row, watch, cursor, after):
            yield piece


async def _live(
    context: Context, row: Row, watch: _Watch, cursor: LogCursor | None, after: int
) -> AsyncGenerator[bytes]:
    feed, seen = watch.feed, 0
    assert feed is not None
    while True:
        over, count = feed.closed, len(feed.items)
        final: list[bytes] = []
        for item in feed.items[seen:count]:
            if item.kind == "event" and item.data["id"] <= after:
                continue
            if item.kind == "phase":
                watch.attempt = item.data["attempt"]
                if item.data["phase"] in _ENDED:
                    final.append(sse(item.kind, item.data))
                    continue
            yield sse(item.kind, item.data)
        seen = count
        if cursor is not None:
            while (piece := watch.log_events(cursor, last=over)) is not None:
                yield piece
            if cursor.advance(watch.attempt):
                watch.listen(cursor)
                continue
        for piece in final:
            yield piece
        if over:
            yield sse("end", await _end(context, row))
            return
        if context.services.hub.closed:
            return
        if not await watch.waiter.wait(PING_S):
            yield PING


async def _finished(
    context: Context, row: Row, watch: _Watch, cursor: LogCursor | None, after: int
) -> AsyncGenerator[bytes]:
    """A job that is over: what is in the database, then its log."""
    events = await to_thread.run_sync(queries.event_rows, context.db, row["id"])
    end = await _end(context, row)
    for number, event in enumerate(events, start=1):
        if number > after:
            yield sse("event", {"id": number, **feed_event(event)})
    while cursor is not None:
        while (piece := watch.log_events(cursor, last=True)) is not None:
            yield piece
        if not cursor.advance(end["attempt"]):
            break
    yield sse("phase", end)
    yield sse("end", end)


def _take_phases(watch: _Watch, seen: int) -> int:
    """Learn the present attempt from what the feed says since ``seen``."""
    if watch.feed is None:
        return 0
    items = watch.feed.items[seen:]
    for item in items:
        if item.kind == "phase":
            watch.attempt = item.data["attempt"]
    return seen + len(items)


async def _attempt(context: Context, row: Row, watch: _Watch) -> int:
    """The newest attempt; of a job that is over as the database has it."""
    if watch.feed is None and not watch.over:
        watch.over = True
        watch.attempt = (await _end(context, row))["attempt"]
    return watch.attempt


async def _end(context: Context, row: Row) -> dict[str, Any]:
    """Where a job is at last."""
    found = await to_thread.run_sync(_row, context, row)
    return {
        "phase": found["phase"],
        "secondary_phase": found["secondary_phase"],
        "attempt": found["attempt"],
        "reason": found["reason"],
        "outcome": found["outcome"],
    }


def _row(context: Context, row: Row) -> Row:
    return queries.job_row(context.db, row["project_id"], row["id"])
