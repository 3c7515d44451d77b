"""One thread for each pool: it starts, stops and looks, so that a slow pool holds up nobody else."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from queue import SimpleQueue

from trainshed.core.errors import TrainshedError, Unavailable
from trainshed.pools.base import AgentState, AgentStatus, Gang, Pool, TaskKey
from trainshed.server.services.logs import LogStore
from trainshed.server.services.messages import AgentsChanged, PoolBuilds, PoolChanged
from trainshed.server.services.salvage import salvage

_log = logging.getLogger("trainshed.server")


@dataclass(frozen=True, slots=True)
class NotStarted:
    """The pool could not start a gang.

    Attributes:
        retry: whether a later try may work.
    """

    job_id: str
    attempt: int
    reason: str
    retry: bool


@dataclass(frozen=True, slots=True)
class Polled:
    """What a pool knows about agents."""

    statuses: dict[TaskKey, AgentStatus]


Told = NotStarted | Polled | AgentsChanged | PoolBuilds | PoolChanged


@dataclass(frozen=True, slots=True)
class _Stop:
    job_id: str
    attempt: int
    force: bool


class PoolDriver:
    """Does to a pool what the dispatcher asks for, in order, and tells what came of it, or changed there."""

    def __init__(self, pool: Pool, tell: Callable[[Told], None], logs: LogStore) -> None:
        self.pool = pool
        self._tell = tell
        self._logs = logs
        self._asked: SimpleQueue[Gang | _Stop | tuple[TaskKey, ...] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name=f"pool-{pool.id}", daemon=True)
        pool.on_change = lambda key: tell(AgentsChanged(pool.id, key))
        pool.on_build = lambda job_id, percent, line: tell(PoolBuilds(job_id, percent, line))
        pool.on_nodes = lambda: tell(PoolChanged(pool.id))

    def open(self) -> None:
        """Begin to work."""
        self._thread.start()

    def start(self, gang: Gang) -> None:
        """Have the gang started."""
        self._asked.put(gang)

    def stop(self, job_id: str, attempt: int, *, force: bool = False) -> None:
        """Have an attempt stopped."""
        self._asked.put(_Stop(job_id, attempt, force))

    def poll(self, keys: Sequence[TaskKey]) -> None:
        """Have a look at these agents."""
        self._asked.put(tuple(keys))

    def close(self) -> None:
        """Finish what was asked for, and end."""
        self.pool.on_change = self.pool.on_nodes = self.pool.on_build = None
        self._asked.put(None)
        if self._thread.is_alive():
            self._thread.join(timeout=30)

    def _run(self) -> None:
        while (asked := self._asked.get()) is not None:
            if isinstance(asked, Gang):
                self._start(asked)
            elif isinstance(asked, _Stop):
                self._stop(asked)
            else:
                self._poll(asked)

    def _start(self, gang: Gang) -> None:
        try:
            self.pool.start(gang)
        except Unavailable as error:
            self._tell(NotStarted(gang.job_id, gang.attempt, error.message, retry=True))
        except TrainshedError as error:
            self._tell(NotStarted(gang.job_id, gang.attempt, error.message, retry=False))
        except Exception as error:
            _log.exception("pool %s could not start job %s", self.pool.id, gang.job_id)
            self._tell(NotStarted(gang.job_id, gang.attempt, f"{type(error).__name__}: {error}", retry=False))

    def _stop(self, asked: _Stop) -> None:
        try:
            self.pool.stop(asked.job_id, asked.attempt, force=asked.force)
        except Exception:
            _log.exception("pool %s could not stop job %s", self.pool.id, asked.job_id)

    def _poll(self, keys: tuple[TaskKey, ...]) -> None:
        try:
            statuses = self.pool.poll(keys)
            for key in [key for key, status in statuses.items() if status.state is AgentState.GONE]:
                self._salvage(key)
            self._tell(Polled(statuses))
        except Exception:
            _log.exception("pool %s could not be asked for its agents", self.pool.id)

    def _salvage(self, key: TaskKey) -> None:
        """What the script of a lost agent has printed is not lost with it."""
        folder = self.pool.remains(key)
        try:
            if folder is not None:
                salvage(self._logs, key, folder)
        except (OSError, TrainshedError) as error:
            _log.warning("the logs of %s could not be read after its agent: %s", key, error)
