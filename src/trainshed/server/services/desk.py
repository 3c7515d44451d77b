"""Where the dispatcher's messages are worked out, jobs placed, and everything taken up at a start."""

from __future__ import annotations

import functools
import logging
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from trainshed.core.engine import Engine
from trainshed.core.errors import Code, Conflict, Internal, NotFound, TrainshedError, Unavailable
from trainshed.core.lifecycle import Phase
from trainshed.core.resources import Chip, Flavor, Placement, Resources
from trainshed.core.task import Interpreter
from trainshed.jobs.queue import Decision, Why
from trainshed.jobs.scheduler import Scheduler
from trainshed.pools.base import Gang, Pool, TaskKey
from trainshed.server.services import gangs
from trainshed.server.services.board import Board
from trainshed.server.services.events import feed_event
from trainshed.server.services.feeds import FeedItem, JobFeed
from trainshed.server.services.gangs import GangMaker
from trainshed.server.services.job_view import flavor_details
from trainshed.server.services.live import LiveJob, Placed
from trainshed.server.services.logs import LogStore
from trainshed.server.services.messages import (
    AddPool,
    AgentsChanged,
    Asked,
    AskWhy,
    HangSeen,
    LimitsChanged,
    PoolBuilds,
    PoolChanged,
    RemovePool,
    Report,
    Resize,
    SetPriority,
    Stop,
    Submit,
    Subscribe,
)
from trainshed.server.services.moves import BUILDING, Moves, Turn, phase_of
from trainshed.server.services.pool_driver import NotStarted, Polled, PoolDriver, Told
from trainshed.server.services.preparation import BuildProgress, Built, Preparation
from trainshed.server.services.queries import event_rows

if TYPE_CHECKING:
    from trainshed.server.context import Context
    from trainshed.server.services.tokens import JobTokens

Heard = HangSeen | LimitsChanged | Told | BuildProgress | Built
Message = Asked | Heard

RETRY_S = 1.0
LONGEST_RETRY_S = 60.0
REMEMBER_S = 30.0

_log = logging.getLogger("trainshed.server")


class Desk:
    """Owned by the dispatcher's thread."""

    def __init__(self, context: Context, tokens: JobTokens, tell: Callable[[Heard], None]) -> None:
        self._context = context
        self._gangs = GangMaker(context, tokens)
        self._known: dict[str, tuple[float, Interpreter]] = {}
        self.preparation = Preparation(context.environments, tell)
        self._driver = functools.partial(PoolDriver, tell=tell, logs=LogStore(context.log_root))
        self.drivers = {pool.id: self._driver(pool) for pool in context.pools.values()}
        self.board = Board(context.pools)
        self._moves = Moves(self.board, self._stop_agents)

    # ---- requests

    def asked(self, turn: Turn, message: Asked) -> object:
        """The answer to a request.

        Raises:
            TrainshedError: it cannot be done; nothing has changed.
        """
        answer: object = None
        match message:
            case Report():
                answer = self._moves.report(turn, message)
            case Submit():
                answer = self._submit(turn, message)
            case Stop():
                answer = self._stop(turn, message)
            case SetPriority():
                job = self.board.live.get(message.job_id)
                answer = job is not None and self._moves.priority(turn, job, message.priority)
            case Resize():
                answer = self._resize(turn, message)
            case AskWhy():
                answer = self._why(message.job_id, turn.now)
            case AddPool():
                self._add_pool(message.pool)
            case RemovePool():
                answer = self._remove_pool(message.pool_id)
            case Subscribe():
                turn.subscribers.append(message)
        return answer

    def _submit(self, turn: Turn, message: Submit) -> bool:
        job = message.new.job
        if job.pool_id not in self._context.pools:
            raise Conflict(f"pool {job.pool_id!r} has just been removed", code=Code.POOL_UNKNOWN)
        turn.changes.new_jobs.append(message.new)
        self._moves.created(turn, job, message.new.warnings)
        self._prepare(turn, job)
        return True

    def _prepare(self, turn: Turn, job: LiveJob) -> None:
        engine = self._context.catalogue.get(job.engine_id)
        if self._context.pools[job.pool_id].builds or self.interpreter(engine):
            self._moves.prepared(turn, job)
            return
        self.board.building.setdefault(engine.id, set()).add(job.id)
        if job.secondary_phase != BUILDING:
            self._moves.building(turn, job)
        turn.after.append((job.id, lambda: self.preparation.request(engine)))

    def _stop(self, turn: Turn, message: Stop) -> bool:
        job = self.board.live.get(message.job_id)
        if job is None:
            return False
        self._moves.stop(turn, job, message.user_name, force=message.force)
        return True

    def _resize(self, turn: Turn, message: Resize) -> bool:
        job = self.board.live.get(message.job_id)
        if job is None or job.placed is None or job.state.phase is not Phase.RUNNING:
            return False
        job.placed.workers, job.placed.wish = message.workers, job.placed.wish + 1
        turn.changes.job(job)
        self._moves.event(turn, job, "resize", workers=message.workers, user=message.user_name)
        return True

    def _why(self, job_id: str, now: float) -> Why | None:
        job = self.board.live.get(job_id)
        if job is not None and job.state.phase is Phase.PENDING and self._context.disk.low:
            return self._context.disk.why(job_id)
        scheduler = self.board.schedulers.get(job.pool_id) if job else None
        if job is not None and scheduler is not None:
            self._count_elsewhere(job.pool_id, scheduler)
        if job is not None and scheduler is None and job.active:
            return self._context.pools[job.pool_id].why(job_id, job.attempt)
        return scheduler.why(job_id, now) if scheduler is not None and job_id in scheduler else None

    def _add_pool(self, pool: Pool) -> None:
        driver = self.drivers[pool.id] = self._driver(pool)
        self._context.pools.add(pool)
        driver.open()
        self._refresh()

    def _refresh(self) -> None:
        self.board.refresh()
        if self._context.started:
            self._context.services.flavor_details.update(flavor_details(self._context))

    def _remove_pool(self, pool_id: str) -> tuple[Pool, PoolDriver]:
        """Let go of a pool that has no jobs.

        Raises:
            Conflict: it has some.
        """
        there = [job.name for job in self.board.live.values() if job.pool_id == pool_id]
        if there:
            raise Conflict(
                f"pool {pool_id!r} has {len(there)} jobs that have not finished, such as {there[0]!r}: "
                "stop them or wait for them first",
                code=Code.POOL_IN_USE,
            )
        if pool_id not in self.drivers:
            raise NotFound(f"there is no pool {pool_id!r} any more", code=Code.POOL_UNKNOWN)
        return self._context.pools.remove(pool_id), self.drivers.pop(pool_id)

    def subscribe(self, job_id: str) -> JobFeed | None:
        """The feed of a live job, with all that has been written about it so far."""
        job = self.board.live.get(job_id)
        if job is None:
            return None
        feed = self.board.feeds.get(job_id)
        if feed is None:
            feed = JobFeed()
            for row in event_rows(self._context.db, job_id):
                feed.event(feed_event(row))
            feed.items.append(FeedItem("phase", phase_of(job)))
            self.board.feeds[job_id] = feed
        return feed

    # ---- pools and builders

    def heard(self, turn: Turn, message: Heard) -> None:
        """Something has changed outside."""
        match message:
            case AgentsChanged():
                if message.key.job_id in self.board.live:
                    turn.polls.setdefault(message.pool_id, []).append(message.key)
            case PoolChanged():
                self._refresh()
            case LimitsChanged():
                self.board.limit(self._context.quotas.for_scheduler())
            case Polled():
                self._moves.polled(turn, message.statuses)
            case HangSeen():
                self._moves.hang(turn, message)
            case NotStarted():
                self._not_started(turn, message)
            case BuildProgress():
                for job_id in self.board.building.get(message.engine_id, ()):
                    self._progress(turn, job_id, message.percent, message.line)
            case PoolBuilds():
                self._progress(turn, message.job_id, message.percent, message.line)
            case Built():
                self._built(turn, message)

    def _not_started(self, turn: Turn, message: NotStarted) -> None:
        job = self.board.live.get(message.job_id)
        if job is None or not job.active or job.attempt != message.attempt:
            return
        self._moves.not_placed(turn, job, message.reason, retry=message.retry)
        if message.retry:
            self._back_off(turn, job.pool_id)

    def _back_off(self, turn: Turn, pool_id: str) -> None:
        """Leave a pool alone for a while, longer each time that it fails."""
        failures = self.board.failures[pool_id] = self.board.failures.get(pool_id, 0) + 1
        self.board.paused_until[pool_id] = turn.now + min(LONGEST_RETRY_S, RETRY_S * 2 ** (failures - 1))

    def _progress(self, turn: Turn, job_id: str, percent: float, line: str) -> None:
        """Tell who follows a job how far its environment is."""
        job = self.board.live.get(job_id)
        if job is not None and job_id in self.board.feeds:
            data = {"stage": "environment", "engine_id": job.engine_id, "percent": percent, "line": line}
            turn.told.append((job_id, FeedItem("progress", data)))

    def _built(self, turn: Turn, message: Built) -> None:
        if message.interpreter is not None:
            self._known[message.engine_id] = (time.monotonic(), message.interpreter)
        for job_id in sorted(self.board.building.pop(message.engine_id, ())):
            job = self.board.live.get(job_id)
            if job is None or job.state.phase is not Phase.CREATING:
                continue
            if message.interpreter is not None:
                self._moves.prepared(turn, job, message.seconds)
            else:
                self._moves.preparation_failed(turn, job, message.error, message.code)

    def interpreter(self, engine: Engine) -> Interpreter | None:
        """The engine's interpreter on this machine, if it is ready; remembered for some seconds."""
        known = self._known.get(engine.id)
        if known is not None and time.monotonic() - known[0] < REMEMBER_S:
            return known[1]
        found = self.preparation.ready(engine)
        if found is not None:
            self._known[engine.id] = (time.monotonic(), found)
        return found

    def _stop_agents(self, job: LiveJob, force: bool) -> None:
        self.drivers[job.pool_id].stop(job.id, job.attempt, force=force)

    # ---- placing

    def place(self, turn: Turn) -> None:
        """Start what can start."""
        self.board.wake(turn.now)
        if self._context.disk.low:
            self.board.unsettled.clear()  # ``LimitsChanged`` comes once there is room again
            return
        for pool_id in list(self.board.unsettled):
            self.board.unsettled.discard(pool_id)
            if self.board.paused_until.get(pool_id, 0.0) > turn.now:
                continue
            decisions = self._decide(pool_id, turn.now)
            self.board.read_specs(self._context.db, [d.job_id for d in decisions])
            for decision in decisions:
                self._start(turn, decision)

    def _decide(self, pool_id: str, now: float) -> list[Decision]:
        scheduler = self.board.schedulers.get(pool_id)
        if scheduler is None:
            return self._hand_over(pool_id)
        self._count_elsewhere(pool_id, scheduler)
        return scheduler.place(now)

    def _count_elsewhere(self, pool_id: str, scheduler: Scheduler) -> None:
        """A quota is on all pools together."""
        if len(self.board.pools) > 1:
            for project in self.board.quotas:
                scheduler.set_elsewhere(project, *self.board.held_outside(pool_id, project))

    def _hand_over(self, pool_id: str) -> list[Decision]:
        """A pool that queues by itself gets every job at once, as far as quotas go."""
        waiting = [
            job
            for job in self.board.live.values()
            if job.pool_id == pool_id and job.state.phase is Phase.PENDING and not job.active
        ]
        if self.board.quotas:
            waiting = self.board.within_quota(waiting)
        not_now = self.board.held_until.keys() | self.board.stranded
        return [Decision(job.id, ()) for job in waiting if job.id not in not_now]

    def _start(self, turn: Turn, decision: Decision) -> None:
        job = self.board.live[decision.job_id]
        try:
            gang = self._give_place(turn, job, decision.placements)
        except TrainshedError as error:
            _log.warning("job %s cannot be started: %s", job.id, error.message)
            if not job.active:
                self._moves.placed(turn, job, Placed(decision.placements, (), ()), "no node")
            self._moves.not_placed(turn, job, error.message, retry=isinstance(error, Unavailable))
            self._back_off(turn, job.pool_id)
            return
        self.board.failures.pop(job.pool_id, None)
        turn.after.append((job.id, lambda: self.drivers[job.pool_id].start(gang)))

    def _give_place(self, turn: Turn, job: LiveJob, placements: tuple[Placement, ...]) -> Gang:
        assert job.spec is not None
        engine, flavor = self._context.catalogue.get(job.engine_id), self.board.flavor(job)
        if flavor is None:
            raise Internal(f"pool {job.pool_id!r} has no flavor {job.flavor_id!r} any more")
        if self._context.pools[job.pool_id].queues:
            self._moves.handed_over(turn, job)
            return self._gangs.gang(job, engine, flavor, self._interpreter(job, engine))
        nodes = self._context.pools[job.pool_id].nodes()
        hosts = gangs.hosts(placements, nodes)
        count = gangs.ports_needed(job.spec, engine, flavor)
        ports = self.board.ports.take(job.id, count, [h for h in hosts[:1] if h.startswith(gangs.LOOPBACK)])
        self._moves.placed(turn, job, Placed(placements, hosts, ports), _names(placements, job.pool_id))
        return self._gangs.gang(job, engine, flavor, self._interpreter(job, engine))

    def _interpreter(self, job: LiveJob, engine: Engine) -> Interpreter | None:
        """The interpreter that is ready for a job; where its pool queues, each node looks for itself."""
        return None if self._context.pools[job.pool_id].queues else self.interpreter(engine)

    # ---- taking up

    def look(self) -> None:
        """Look at all pools and agents, in case one forgot to say something."""
        self.board.refresh()
        for pool_id, driver in self.drivers.items():
            keys = [
                TaskKey(job.id, job.attempt, task.index)
                for job in self.board.live.values()
                if job.pool_id == pool_id and job.active
                for task in job.tasks
                if task.outcome is None
            ]
            if keys:
                driver.poll(keys)

    def take_up(self, turn: Turn) -> None:
        """Go on with every live job where the database says that it is.

        Raises:
            Unavailable: the database does not answer.
        """
        board = Board(self._context.pools)
        board.load(self._context.db)
        board.limit(self._context.quotas.for_scheduler())
        board.refresh()
        self.board = board
        self._moves = Moves(board, self._stop_agents)
        for job in list(board.live.values()):
            try:
                self._take_up_job(turn, job)
            except TrainshedError as error:
                _log.warning("job %s cannot be taken up: %s", job.id, error.message)

    def _take_up_job(self, turn: Turn, job: LiveJob) -> None:
        if job.state.phase is Phase.CREATING:
            self._prepare(turn, job)
        elif job.state.phase is Phase.PENDING and not job.active:
            self.board.enqueue(job)
        elif job.placed is not None:
            self.board.adopt(job)
            self._again(turn, job)

    def _again(self, turn: Turn, job: LiveJob) -> None:
        """Have the gang started: the pool finds what runs already, and starts only what never did."""
        engine = self._context.catalogue.get(job.engine_id)
        flavor = self.board.flavor(job) or Flavor(job.flavor_id, Chip.CPU, Resources())
        gang = self._gangs.gang(job, engine, flavor, self._interpreter(job, engine))
        driver = self.drivers[job.pool_id]
        turn.after.append((job.id, lambda: driver.start(gang)))
        if job.state.phase is Phase.TERMINATING:
            turn.after.append((job.id, lambda: self._stop_agents(job, False)))
        self._moves.resume(turn, job)


def _names(placements: tuple[Placement, ...], pool_id: str) -> str:
    names = list(dict.fromkeys(placement.node for placement in placements))
    more = f" and {len(names) - 8} more" if len(names) > 8 else ""
    return ", ".join(names[:8]) + more or pool_id
