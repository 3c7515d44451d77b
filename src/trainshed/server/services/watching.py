"""Which jobs of a project have changed, told to all who look at them: only ids, from one record.

A watcher asks for what it shows once more; so what it sees is what any other request would get, and
the stream needs no more rights, no state of its own and next to no work.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from trainshed.core.errors import Code, TooManyRequests
from trainshed.server.services.feeds import Hub, Waiter, project_topic
from trainshed.server.sse import PING, sse

if TYPE_CHECKING:
    from collections.abc import Generator

PING_S = 15.0
# What changes in such a time is told together.
PACE_S = 0.5
# After this the watcher comes again, with rights that it still has.
LIFE_S = 600.0
# More ids than this are not told one by one.
MOST_IDS = 500
MOST_STREAMS = 64


class Watchers:
    """How many streams each person has open. On the event loop only."""

    def __init__(self, most: int = MOST_STREAMS) -> None:
        self._most = most
        self._open: Counter[str] = Counter()

    def admit(self, user_id: str) -> None:
        """Whether one more is bearable.

        Raises:
            TooManyRequests: there are too many.
        """
        if self._open[user_id] >= self._most:
            raise TooManyRequests(
                f"you have {self._most} streams of changes open: close some pages",
                code=Code.TOO_MANY_STREAMS,
            )

    @contextmanager
    def counted(self, user_id: str) -> Generator[None]:
        """One more, until the end of the block."""
        self._open[user_id] += 1
        try:
            yield
        finally:
            self._open[user_id] -= 1
            if not self._open[user_id]:
                del self._open[user_id]


async def watch_jobs(hub: Hub, watchers: Watchers, user_id: str, project_id: str) -> AsyncGenerator[bytes]:
    """``ready``, then ``jobs`` with the ids of those that changed; ``again`` when it is time to reconnect.

    ``ids`` is null where so many changed that all are to be looked at anew.
    """
    waiter = Waiter()
    with watchers.counted(user_id):
        hub.listen(waiter, project_topic(project_id))
        try:
            async for piece in _pieces(hub, waiter, project_id):
                yield piece
        finally:
            hub.leave(waiter)


async def _pieces(hub: Hub, waiter: Waiter, project_id: str) -> AsyncGenerator[bytes]:
    seen = hub.recent.count
    ends = asyncio.get_running_loop().time() + LIFE_S
    yield sse("ready", {})
    while not hub.closed:
        if asyncio.get_running_loop().time() >= ends:
            yield sse("again", {})
            return
        if not await waiter.wait(PING_S):
            yield PING
            continue
        ids = hub.recent.since(seen, project_id)
        seen = hub.recent.count
        if ids is None or ids:
            yield sse("jobs", {"ids": ids if ids is not None and len(ids) <= MOST_IDS else None})
            await asyncio.sleep(PACE_S)
