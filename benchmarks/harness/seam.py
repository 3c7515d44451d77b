"""Scheduler and pool seam at scale: every job goes through the real driver to a pool that only pretends.

The pool keeps its own, simulated, time. All that the service would do for a job between its queue and
its end is done: it is placed, its gang is made and handed to the pool's driver, the pool tells of a
change, the driver asks for its agents, and once they are gone its place is given to the next one.
"""

from __future__ import annotations

import contextlib
import resource
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from heapq import heappop, heappush
from pathlib import Path
from queue import Empty, SimpleQueue

from trainshed.core.engine import Engine, LauncherName
from trainshed.core.resources import Flavor, Node, Placement
from trainshed.core.task import Peer, Reporting, TaskSpec
from trainshed.jobs.queue import Decision, QueueEntry
from trainshed.jobs.scheduler import Scheduler
from trainshed.pools.base import AgentState, AgentStatus, Gang, Offer, Pool, TaskKey
from trainshed.server.services.logs import LogStore
from trainshed.server.services.messages import AgentsChanged
from trainshed.server.services.pool_driver import NotStarted, Polled, PoolDriver, Told

_RUNNING, _GONE = AgentStatus(AgentState.RUNNING), AgentStatus(AgentState.GONE, "its time was over")
_AT_ONCE = 64
_WATCH_EVERY = 200


class SimulatedPool(Pool):
    """Nodes that exist as names only.

    Args:
        runs: how long each job runs, in simulated seconds, by id.
    """

    kind = "simulated"

    def __init__(self, nodes: Sequence[Node], runs: dict[str, float]) -> None:
        self.id, self._nodes, self._runs = "simulated", list(nodes), runs
        self.now = 0.0
        self._at_work: dict[TaskKey, AgentStatus] = {}
        self._ends: list[tuple[float, str, tuple[TaskKey, ...]]] = []

    def nodes(self) -> list[Node]:
        return self._nodes

    def flavors(self) -> list[Flavor]:
        return []

    def offers(self, engine: Engine) -> Offer:
        del engine
        return Offer(True)

    def start(self, gang: Gang) -> None:
        keys = tuple(TaskKey(gang.job_id, gang.attempt, task.index) for task in gang.tasks)
        self._at_work |= dict.fromkeys(keys, _RUNNING)
        heappush(self._ends, (self.now + self._runs[gang.job_id], gang.job_id, keys))

    def stop(self, job_id: str, attempt: int, *, force: bool = False) -> None:
        del job_id, attempt, force

    def poll(self, keys: Sequence[TaskKey]) -> dict[TaskKey, AgentStatus]:
        return {key: self._at_work.get(key, _GONE) for key in keys}

    def pass_time(self) -> None:
        """Go on to the next few ends, and tell of them."""
        for _ in range(min(_AT_ONCE, len(self._ends))):
            self.now, _, keys = heappop(self._ends)
            for key in keys:
                del self._at_work[key]
                if self.on_change:
                    self.on_change(key)


@dataclass
class Passage:
    """What it took to bring all jobs through.

    Attributes:
        seconds: from the first submit to the last end.
        tasks: that were started, of all jobs.
        most_at_once: tasks at work at the same time.
        poll_ms: each look at all that is at work.
        memory_mb: most memory of this process.
    """

    jobs: int
    seconds: float = 0.0
    tasks: int = 0
    most_at_once: int = 0
    poll_ms: list[float] = field(default_factory=list[float])
    memory_mb: float = 0.0


def drive(nodes: Sequence[Node], jobs: Sequence[QueueEntry], runs: dict[str, float]) -> Passage:
    """Bring all jobs from the queue to their end.

    Raises:
        RuntimeError: a job did not come through.
    """
    pool, scheduler, found = SimulatedPool(nodes, runs), Scheduler(nodes), Passage(len(jobs))
    told: SimpleQueue[Told] = SimpleQueue()
    with tempfile.TemporaryDirectory() as folder:
        driver = PoolDriver(pool, told.put, LogStore(Path(folder)))
        driver.open()
        begun = time.perf_counter()
        _Drive(pool, scheduler, driver, told, found).play(jobs)
        found.seconds = time.perf_counter() - begun
        driver.close()
    found.memory_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return found


class _Drive:
    def __init__(
        self,
        pool: SimulatedPool,
        scheduler: Scheduler,
        driver: PoolDriver,
        told: SimpleQueue[Told],
        found: Passage,
    ) -> None:
        self._pool, self._scheduler, self._driver = pool, scheduler, driver
        self._told, self._found = told, found
        self._left: dict[str, int] = {}
        self._keys: dict[TaskKey, None] = {}

    def play(self, jobs: Sequence[QueueEntry]) -> None:
        for job in jobs:
            self._scheduler.submit(job)
        by_id = {job.job_id: job for job in jobs}
        self._begin(self._scheduler.place(0.0), by_id)
        rounds = 0
        while self._keys:
            if rounds % _WATCH_EVERY == 0:
                self._look_at_all()
            self._pool.pass_time()
            for key in self._ask(self._heard()):
                self._end(key)
            self._begin(self._scheduler.place(self._pool.now), by_id)
            rounds += 1
        if len(self._scheduler):
            raise RuntimeError(f"{len(self._scheduler)} jobs were never started")

    def _begin(self, decisions: Sequence[Decision], jobs: dict[str, QueueEntry]) -> None:
        for decision in decisions:
            gang = _gang(jobs[decision.job_id], decision.placements)
            self._left[gang.job_id] = len(gang.tasks)
            self._keys |= {TaskKey(gang.job_id, 0, task.index): None for task in gang.tasks}
            self._found.tasks += len(gang.tasks)
            self._driver.start(gang)
        self._found.most_at_once = max(self._found.most_at_once, len(self._keys))

    def _look_at_all(self) -> None:
        """As after a start of the service."""
        begun = time.perf_counter()
        if self._ask(tuple(self._keys)):
            raise RuntimeError("a task is gone that should run")
        self._found.poll_ms.append(1e3 * (time.perf_counter() - begun))

    def _heard(self) -> list[TaskKey]:
        """The agents of which the pool has told."""
        found: list[TaskKey] = []
        with contextlib.suppress(Empty):
            while isinstance(told := self._told.get_nowait(), AgentsChanged):
                found.append(told.key)
        return found

    def _ask(self, keys: Sequence[TaskKey]) -> list[TaskKey]:
        """Those of the agents that are gone, by the driver's word; all that was asked before is done then."""
        self._driver.poll(keys)
        while True:
            match self._told.get():
                case Polled(statuses):
                    return [key for key, status in statuses.items() if status.state is AgentState.GONE]
                case NotStarted() as failed:
                    raise RuntimeError(f"{failed.job_id} was not started: {failed.reason}")
                case _:  # what a pool tells by itself comes only while time passes
                    pass

    def _end(self, key: TaskKey) -> None:
        del self._keys[key]
        self._left[key.job_id] -= 1
        if not self._left[key.job_id]:
            del self._left[key.job_id]
            self._scheduler.release(key.job_id)


def _gang(job: QueueEntry, placements: tuple[Placement, ...]) -> Gang:
    """What the service hands over, but for the job's own data."""
    flavor = Flavor("simulated", job.unit.chip, job.unit.resources)
    first = TaskSpec(
        job_id=job.job_id,
        job_name=job.job_id,
        attempt=0,
        index=0,
        root=f"/jobs/{job.job_id}/0/worker-0",
        code_dir="obs://bucket/code/",
        boot_file="train.py",
        engine_id="",
        family="PyTorch",
        launcher=LauncherName.TORCHRUN,
        reporting=Reporting("http://127.0.0.1:1", "token"),
        peers=tuple(Peer(place.node, place.devices, place.node) for place in placements),
        ports=(29500,),
    )
    tasks = tuple(
        replace(first, index=i, root=f"/jobs/{job.job_id}/0/worker-{i}") for i in range(job.node_count)
    )
    return Gang(job.job_id, 0, flavor, tasks, placements, job.priority)
