"""What the dispatcher is told by requests; pools and builders have their own messages."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

from trainshed.core.job import HangAction
from trainshed.core.task import TaskEvent
from trainshed.pools.base import Pool, TaskKey
from trainshed.server.services.changes import NewJob


class Reply:
    """The answer to one message, once everything about it has been written down."""

    __slots__ = ("error", "value")

    def __init__(self) -> None:
        self.value: Any = None
        self.error: BaseException | None = None

    def send(self) -> None:
        """Hand the answer over. In the dispatcher's thread."""


class ThreadReply(Reply):
    """For a request handler in a worker thread."""

    __slots__ = ("_future",)

    def __init__(self) -> None:
        super().__init__()
        self._future: Future[Any] = Future()

    def send(self) -> None:
        if self._future.done():
            return
        if self.error is not None:
            self._future.set_exception(self.error)
        else:
            self._future.set_result(self.value)

    def wait(self, timeout_s: float = 60.0) -> Any:
        """The answer.

        Raises:
            TrainshedError: what went wrong.
        """
        return self._future.result(timeout_s)


class LoopReply(Reply):
    """For a request handler on the event loop."""

    __slots__ = ("future", "loop")

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.get_running_loop()
        self.future: asyncio.Future[Any] = self.loop.create_future()

    def settle(self) -> None:
        """Hand the answer over. On the event loop."""
        if self.future.done():
            return
        if self.error is not None:
            self.future.set_exception(self.error)
        else:
            self.future.set_result(self.value)


def send_all(replies: Iterable[Reply]) -> None:
    """Send every reply; those for one event loop in a single step."""
    loops: dict[asyncio.AbstractEventLoop, list[LoopReply]] = {}
    for reply in replies:
        if isinstance(reply, LoopReply):
            loops.setdefault(reply.loop, []).append(reply)
        else:
            reply.send()
    for loop, waiting in loops.items():
        if not loop.is_closed():
            loop.call_soon_threadsafe(_settle, waiting)


def _settle(replies: Sequence[LoopReply]) -> None:
    for reply in replies:
        reply.settle()


@dataclass(slots=True)
class Submit:
    """A job that passed every check. Answers True, or False where its name is taken."""

    new: NewJob
    reply: Reply = field(default_factory=Reply)


@dataclass(slots=True)
class Stop:
    """A person wants a job to end. Answers whether it was live."""

    job_id: str
    user_name: str
    force: bool = False
    reply: Reply = field(default_factory=Reply)


@dataclass(slots=True)
class SetPriority:
    """A person changes the priority of a job that waits. Answers whether it waits."""

    job_id: str
    priority: int
    reply: Reply = field(default_factory=Reply)


@dataclass(slots=True)
class Resize:
    """A person wants a running job to have so many workers. Answers whether it runs."""

    job_id: str
    workers: int
    user_name: str
    reply: Reply = field(default_factory=Reply)


@dataclass(slots=True)
class Report:
    """An agent's events. Answers the next event that is expected; None where the attempt is over."""

    key: TaskKey
    events: list[TaskEvent]
    reply: Reply = field(default_factory=Reply)


@dataclass(slots=True)
class AskWhy:
    """Why a job waits. Answers a ``jobs.queue.Why``, or None where it does not wait."""

    job_id: str
    reply: Reply = field(default_factory=Reply)


@dataclass(slots=True)
class Subscribe:
    """Somebody follows a job. Answers its ``JobFeed``, or None where it has finished."""

    job_id: str
    reply: Reply = field(default_factory=Reply)


@dataclass(slots=True)
class AddPool:
    """One more pool; from then on jobs may go there."""

    pool: Pool
    reply: Reply = field(default_factory=Reply)


@dataclass(slots=True)
class RemovePool:
    """One pool less. Answers what of it is to be closed: the pool, and its driver."""

    pool_id: str
    reply: Reply = field(default_factory=Reply)


Asked = Submit | Stop | SetPriority | Report | AskWhy | Subscribe | Resize | AddPool | RemovePool


@dataclass(frozen=True, slots=True)
class HangSeen:
    """What the hang watch thinks of a job has changed.

    Attributes:
        kind: ``hang_suspected``, ``hung`` or ``hang_over``.
        rank: the odd one, or -1.
    """

    job_id: str
    attempt: int
    kind: str
    reason: str
    reason_zh: str
    rank: int
    action: HangAction


@dataclass(frozen=True, slots=True)
class AgentsChanged:
    """A pool says that these agents may have changed."""

    pool_id: str
    key: TaskKey


@dataclass(frozen=True, slots=True)
class LimitsChanged:
    """The quotas of projects have changed, or the disk is low, or no more."""


@dataclass(frozen=True, slots=True)
class PoolBuilds:
    """How far a pool is with the environment that a job waits for."""

    job_id: str
    percent: float
    line: str


@dataclass(frozen=True, slots=True)
class PoolChanged:
    """A pool's nodes or flavors may have changed."""

    pool_id: str
