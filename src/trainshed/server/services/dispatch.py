"""The dispatcher: one thread that moves every job, and sleeps until something happens.

A turn takes all messages that have come, works them out in memory, places what can be placed,
writes everything in one transaction, and only then acts on it: starts gangs, answers requests,
wakes followers. If the write fails nothing was done, and memory is read anew from the database.
"""

from __future__ import annotations

import logging
import threading
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

from trainshed.core.engine import Engine
from trainshed.core.errors import Internal, TrainshedError, Unavailable
from trainshed.core.lifecycle import Phase
from trainshed.core.resources import Chip, Flavor, Placement, Resources
from trainshed.core.task import Interpreter
from trainshed.jobs.queue import Decision
from trainshed.pools.base import Gang, TaskKey
from trainshed.server.services import gangs
from trainshed.server.services.board import Board
from trainshed.server.services.changes import NewJob, OutpacedError
from trainshed.server.services.events import feed_event
from trainshed.server.services.feeds import FeedItem, Hub, JobFeed, job_topic
from trainshed.server.services.gangs import GangMaker
from trainshed.server.services.live import LiveJob, Placed
from trainshed.server.services.messages import (
    AgentsChanged,
    AskWhy,
    PoolChanged,
    Report,
    SetPriority,
    Stop,
    Submit,
    Subscribe,
    send_all,
)
from trainshed.server.services.moves import Moves, Turn, phase_of
from trainshed.server.services.pool_driver import NotStarted, Polled, PoolDriver, Told
from trainshed.server.services.preparation import BuildProgress, Built, Preparation
from trainshed.server.services.queries import event_rows

if TYPE_CHECKING:
    from trainshed.server.context import Context
    from trainshed.server.services.tokens import JobTokens

Asked = Submit | Stop | SetPriority | Report | AskWhy | Subscribe
Message = Asked | AgentsChanged | PoolChanged | Told | BuildProgress | Built

TICK_S = 30.0
RETRY_S = 1.0
LONGEST_RETRY_S = 60.0
MAX_BATCH = 2000

_log = logging.getLogger("trainshed.server")


class Dispatcher:
    """Owns the live jobs. Everybody else sends it messages with :meth:`tell`."""

    def __init__(self, context: Context, tokens: JobTokens, hub: Hub) -> None:
        self._context = context
        self._gangs = GangMaker(context, tokens)
        self._hub = hub
        self._inbox: SimpleQueue[Message | None] = SimpleQueue()
        self._preparation = Preparation(context.environments, self.tell)
        self._drivers = {pool.id: PoolDriver(pool, self.tell) for pool in context.pools.values()}
        self._board = Board(context.pools)
        self._moves = Moves(self._board, self._stop_agents)
        self._known: dict[str, tuple[float, Interpreter]] = {}
        self._thread = threading.Thread(target=self._run, name="dispatcher", daemon=True)
        self._retry_at: float | None = None

    # ---- from other threads

    @property
    def live(self) -> dict[str, LiveJob]:
        """Jobs that have not finished, for reading single fields."""
        return self._board.live

    def tell(self, message: Message) -> None:
        """Hand a message over; it is worked out soon, after those before it."""
        self._inbox.put(message)

    def open(self) -> None:
        """Take up everything that is live, and begin to work."""
        for pool in self._context.pools.values():
            pool.on_change = self._watcher(pool.id)
        self._take_up()
        for driver in self._drivers.values():
            driver.open()
        self._thread.start()

    def close(self) -> None:
        """Finish the turn and end. Running jobs go on."""
        self._inbox.put(None)
        if self._thread.is_alive():
            self._thread.join(timeout=30)
        with suppress(Empty):
            while (message := self._inbox.get_nowait()) is not None:
                _refuse([message], Unavailable("the service is about to end: try again"))
        self._preparation.close()
        for driver in self._drivers.values():
            driver.close()
        for pool in self._context.pools.values():
            pool.on_change = None

    # ---- the thread

    def _watcher(self, pool_id: str):
        def changed(key: TaskKey) -> None:
            if key.job_id in self._board.live:
                self._inbox.put(AgentsChanged(pool_id, key))

        return changed

    def _run(self) -> None:
        next_tick = self._context.clock.now() + TICK_S
        while True:
            messages, over = self._next(next_tick)
            if over:
                return
            now = self._context.clock.now()
            if now >= next_tick:
                next_tick = now + TICK_S
                self._tick()
            try:
                self._turn(messages)
            except Exception as error:
                _log.exception("a turn of the dispatcher failed")
                self._retry_at = now + RETRY_S
                _refuse(messages, Internal(f"the request could not be worked out: {error}"))

    def _next(self, next_tick: float) -> tuple[list[Message], bool]:
        """All messages that are there; waits for the first until something is due."""
        due = [next_tick, *self._board.paused_until.values()]
        if self._retry_at is not None:
            due.append(self._retry_at)
        wait = 0.0 if self._board.unsettled else max(0.0, min(due) - self._context.clock.now())
        messages: list[Message] = []
        try:
            while len(messages) < MAX_BATCH:
                message = (
                    self._inbox.get(timeout=wait) if wait > 0 and not messages else self._inbox.get_nowait()
                )
                if message is None:
                    return messages, True
                messages.append(message)
        except Empty:
            pass
        return messages, False

    def _turn(self, messages: list[Message]) -> None:
        if self._retry_at is not None:
            self._restore(messages)
        turn = Turn(self._context.clock.now())
        for message in messages:
            self._work_out(turn, message)
        self._place(turn)
        if turn.changes and not self._write(turn):
            return
        self._act(turn)

    def _work_out(self, turn: Turn, message: Message) -> None:
        """One message. What is wrong with a report is its agent's to know, and nobody else's."""
        if not isinstance(message, Asked):
            self._told(turn, message)
            return
        turn.replies.append(message.reply)
        try:
            message.reply.value = self._asked(turn, message)
        except TrainshedError as error:
            message.reply.error = error

    def _asked(self, turn: Turn, message: Asked) -> object:
        match message:
            case Report():
                return self._moves.report(turn, message)
            case Submit():
                return self._submit(turn, message)
            case Stop():
                return self._stop(turn, message)
            case SetPriority():
                job = self._board.live.get(message.job_id)
                return job is not None and self._moves.priority(turn, job, message.priority)
            case AskWhy():
                scheduler = self._scheduler_of(message.job_id)
                return scheduler.why(message.job_id, turn.now) if scheduler else None
            case Subscribe():
                return turn.subscribers.append(message)

    def _told(self, turn: Turn, message: AgentsChanged | PoolChanged | Told | BuildProgress | Built) -> None:
        match message:
            case AgentsChanged():
                turn.polls.setdefault(message.pool_id, []).append(message.key)
            case PoolChanged():
                self._board.refresh()
            case Polled():
                self._moves.polled(turn, message.statuses)
            case NotStarted():
                self._not_started(turn, message)
            case BuildProgress():
                self._progress(turn, message)
            case Built():
                self._built(turn, message)

    # ---- requests

    def _submit(self, turn: Turn, message: Submit) -> bool:
        job = message.new.job
        turn.changes.new_jobs.append(message.new)
        self._moves.created(turn, job)
        if message.ready:
            self._moves.prepared(turn, job)
        else:
            self._prepare(turn, job)
        return True

    def _prepare(self, turn: Turn, job: LiveJob) -> None:
        engine = self._context.catalogue.get(job.engine_id)
        if self._context.pools[job.pool_id].queues or self._interpreter(engine):
            self._moves.prepared(turn, job)
            return
        waiting = self._board.building.setdefault(engine.id, set())
        waiting.add(job.id)
        self._moves.building(turn, job)
        turn.after.append((job.id, lambda: self._preparation.request(engine)))

    def _stop(self, turn: Turn, message: Stop) -> bool:
        job = self._board.live.get(message.job_id)
        if job is None or job.state.phase.terminal:
            return False
        self._moves.stop(turn, job, message.user_name, force=message.force)
        return True

    def _scheduler_of(self, job_id: str):
        job = self._board.live.get(job_id)
        scheduler = self._board.schedulers.get(job.pool_id) if job else None
        return scheduler if scheduler is not None and job_id in scheduler else None

    def _subscribe(self, job_id: str) -> JobFeed | None:
        job = self._board.live.get(job_id)
        if job is None:
            return None
        feed = self._board.feeds.get(job_id)
        if feed is None:
            feed = JobFeed()
            for row in event_rows(self._context.db, job_id):
                feed.event(feed_event(row))
            feed.items.append(FeedItem("phase", phase_of(job)))
            self._board.feeds[job_id] = feed
        return feed

    # ---- pools and builders

    def _not_started(self, turn: Turn, message: NotStarted) -> None:
        job = self._board.live.get(message.job_id)
        if job is None or not job.active or job.attempt != message.attempt:
            return
        self._moves.not_placed(turn, job, message.reason, retry=message.retry)
        if message.retry:
            self._back_off(turn, job.pool_id)

    def _back_off(self, turn: Turn, pool_id: str) -> None:
        """Leave a pool alone for a while, longer each time that it fails."""
        failures = self._board.failures[pool_id] = self._board.failures.get(pool_id, 0) + 1
        self._board.paused_until[pool_id] = turn.now + min(LONGEST_RETRY_S, RETRY_S * 2 ** (failures - 1))

    def _progress(self, turn: Turn, message: BuildProgress) -> None:
        data = {"engine_id": message.engine_id, "percent": message.percent, "line": message.line}
        for job_id in self._board.building.get(message.engine_id, ()):
            if job_id in self._board.feeds:
                turn.told.append((job_id, FeedItem("progress", {"stage": "environment", **data})))

    def _built(self, turn: Turn, message: Built) -> None:
        if message.interpreter is not None:
            self._known[message.engine_id] = (turn.now, message.interpreter)
        for job_id in sorted(self._board.building.pop(message.engine_id, ())):
            job = self._board.live.get(job_id)
            if job is None or job.state.phase is not Phase.CREATING:
                continue
            if message.interpreter is not None:
                self._moves.prepared(turn, job, message.seconds)
            else:
                self._moves.preparation_failed(turn, job, message.error, message.code)

    def _interpreter(self, engine: Engine) -> Interpreter | None:
        """The engine's interpreter on this machine; remembered for some seconds."""
        now = self._context.clock.now()
        known = self._known.get(engine.id)
        if known is not None and now - known[0] < TICK_S:
            return known[1]
        found = self._preparation.ready(engine)
        if found is not None:
            self._known[engine.id] = (now, found)
        return found

    def _stop_agents(self, job: LiveJob, force: bool) -> None:
        self._drivers[job.pool_id].stop(job.id, job.attempt, force=force)

    # ---- placing

    def _place(self, turn: Turn) -> None:
        for pool_id in list(self._board.unsettled):
            self._board.unsettled.discard(pool_id)
            if self._board.paused_until.get(pool_id, 0.0) > turn.now:
                continue
            self._board.paused_until.pop(pool_id, None)
            scheduler = self._board.schedulers.get(pool_id)
            decisions = scheduler.place(turn.now) if scheduler else self._hand_over(pool_id)
            self._board.read_specs(self._context.db, [d.job_id for d in decisions])
            for decision in decisions:
                self._start(turn, decision)
        for pool_id, until in list(self._board.paused_until.items()):
            if until <= turn.now:
                del self._board.paused_until[pool_id]
                self._board.unsettled.add(pool_id)

    def _hand_over(self, pool_id: str) -> list[Decision]:
        """A pool that queues by itself gets every job at once."""
        jobs = self._board.live.values()
        waiting = [job for job in jobs if job.pool_id == pool_id and job.state.phase is Phase.PENDING]
        return [Decision(job.id, ()) for job in waiting]

    def _start(self, turn: Turn, decision: Decision) -> None:
        job = self._board.live[decision.job_id]
        try:
            gang = self._give_place(turn, job, decision.placements)
        except TrainshedError as error:
            _log.warning("job %s cannot be started: %s", job.id, error.message)
            if job.state.phase is Phase.PENDING:
                where = Placed(decision.placements, (), ())
                self._moves.placed(turn, job, where, "no node")
            self._moves.not_placed(turn, job, error.message, retry=isinstance(error, Unavailable))
            self._back_off(turn, job.pool_id)
            return
        self._board.failures.pop(job.pool_id, None)
        turn.after.append((job.id, lambda: self._drivers[job.pool_id].start(gang)))

    def _give_place(self, turn: Turn, job: LiveJob, placements: tuple[Placement, ...]) -> Gang:
        assert job.spec is not None
        engine, flavor = self._context.catalogue.get(job.engine_id), self._board.flavor(job)
        if flavor is None:
            raise Internal(f"pool {job.pool_id!r} has no flavor {job.flavor_id!r} any more")
        nodes = self._context.pools[job.pool_id].nodes() if placements else []
        hosts = gangs.hosts(placements, nodes)
        count = gangs.ports_needed(job.spec, engine, flavor)
        ports = self._board.ports.take(job.id, count, [h for h in hosts[:1] if h.startswith(gangs.LOOPBACK)])
        self._moves.placed(turn, job, Placed(placements, hosts, ports), _names(placements, job.pool_id))
        return self._gangs.gang(job, engine, flavor, self._interpreter(engine))

    # ---- the end of a turn

    def _write(self, turn: Turn) -> bool:
        """Write the changes; if that fails, say so to all who wait, and forget what was worked out."""
        try:
            turn.changes.commit(self._context.db, turn.now)
        except Exception as error:
            if not isinstance(error, OutpacedError | Unavailable):
                _log.exception("the changes of a turn could not be written")
            failure = Unavailable(f"the change could not be written, try again: {error}")
            for reply in turn.replies:
                reply.error = reply.error or failure
            self._retry_at = self._context.clock.now() + (
                0.0 if isinstance(error, OutpacedError) else RETRY_S
            )
            send_all(turn.replies)
            return False
        return True

    def _act(self, turn: Turn) -> None:
        refused = {new.job.id for new in turn.changes.new_jobs if new.taken}
        self._forget_refused(turn.changes.new_jobs)
        for job_id, action in turn.after:
            if job_id not in refused:
                action()
        for pool_id, keys in turn.polls.items():
            self._drivers[pool_id].poll(keys)
        self._tell_followers(turn)
        self._let_go(turn)
        for subscriber in turn.subscribers:
            subscriber.reply.value = self._subscribe(subscriber.job_id)
        send_all(turn.replies)

    def _forget_refused(self, new_jobs: list[NewJob]) -> None:
        for new in new_jobs:
            if new.taken:
                self._board.release(new.job)
                self._board.live.pop(new.job.id, None)

    def _tell_followers(self, turn: Turn) -> None:
        woken: set[str] = set()
        for job_id, item in turn.told:
            feed = self._board.feeds.get(job_id)
            if feed is None:
                continue
            woken.add(job_id)
            if item.kind == "event":
                feed.event(item.data)
            else:
                feed.items.append(item)
        for job in turn.changes.touched():
            if job.state.phase.terminal and (feed := self._board.feeds.pop(job.id, None)):
                feed.closed = True
                woken.add(job.id)
        self._hub.wake_soon(job_topic(job_id) for job_id in woken)

    def _let_go(self, turn: Turn) -> None:
        """Forget finished jobs, and what a job that waits need not have in memory."""
        for job in turn.changes.touched():
            if job.state.phase.terminal:
                self._board.live.pop(job.id, None)
            elif job.state.phase in (Phase.CREATING, Phase.PENDING):
                job.spec = None

    # ---- taking up

    def _tick(self) -> None:
        """Now and then look at everything, in case a pool forgot to say something."""
        try:
            self._board.refresh()
            for pool_id, driver in self._drivers.items():
                keys = [
                    TaskKey(job.id, job.attempt, task.index)
                    for job in self._board.live.values()
                    if job.pool_id == pool_id and job.active
                    for task in job.tasks
                    if task.outcome is None
                ]
                if keys:
                    driver.poll(keys)
        except Exception:
            _log.exception("the dispatcher could not look at its pools")

    def _restore(self, messages: list[Message]) -> None:
        """Read memory anew, after a turn that could not be written."""
        feeds = self._board.feeds
        self._retry_at = None
        try:
            self._take_up()
        except TrainshedError as error:
            self._retry_at = self._context.clock.now() + RETRY_S
            _refuse(messages, error)
            messages.clear()
            return
        self._board.feeds = {job_id: feed for job_id, feed in feeds.items() if job_id in self._board.live}
        for job_id, feed in feeds.items():
            if job_id not in self._board.live:
                feed.closed = True
        self._hub.wake_soon(job_topic(job_id) for job_id in feeds)

    def _take_up(self) -> None:
        """Go on with every live job where the database says that it is."""
        board = Board(self._context.pools)
        board.refresh()
        board.load(self._context.db)
        self._board = board
        self._moves = Moves(board, self._stop_agents)
        turn = Turn(self._context.clock.now())
        for job in list(board.live.values()):
            try:
                self._take_up_job(turn, job)
            except TrainshedError as error:
                _log.warning("job %s cannot be taken up: %s", job.id, error.message)
        if turn.changes:
            turn.changes.commit(self._context.db, turn.now)
        self._act(turn)

    def _take_up_job(self, turn: Turn, job: LiveJob) -> None:
        if job.state.phase is Phase.CREATING:
            self._prepare(turn, job)
        elif job.state.phase is Phase.PENDING:
            self._board.enqueue(job)
        elif job.placed is not None:
            self._board.adopt(job)
            self._again(turn, job)

    def _again(self, turn: Turn, job: LiveJob) -> None:
        """Have the gang started: the pool finds what runs already, and starts only what never did."""
        engine = self._context.catalogue.get(job.engine_id)
        flavor = self._board.flavor(job) or Flavor(job.flavor_id, Chip.CPU, Resources())
        gang = self._gangs.gang(job, engine, flavor, self._interpreter(engine))
        driver = self._drivers[job.pool_id]
        turn.after.append((job.id, lambda: driver.start(gang)))
        if job.state.phase is Phase.TERMINATING:
            turn.after.append((job.id, lambda: self._stop_agents(job, False)))
        self._moves.resume(turn, job)


def _refuse(messages: list[Message], error: TrainshedError) -> None:
    """Answer all that have not been answered."""
    replies = [message.reply for message in messages if isinstance(message, Asked)]
    for reply in replies:
        reply.error = reply.error or error
    send_all(replies)


def _names(placements: tuple[Placement, ...], pool_id: str) -> str:
    names = list(dict.fromkeys(placement.node for placement in placements))
    return ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "") or pool_id
