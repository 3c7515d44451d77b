"""The dispatcher: one thread that moves every job, and sleeps until something happens.

A turn takes all messages that have come, works them out in memory, places what can be placed,
writes everything in one transaction, and only then acts on it: starts gangs, answers requests,
wakes followers. If the write fails nothing was done, and memory is read anew from the database.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

from trainshed.core.errors import Internal, TrainshedError, Unavailable
from trainshed.server.services.changes import NewJob, OutpacedError
from trainshed.server.services.desk import RETRY_S, Desk, Message
from trainshed.server.services.feeds import Hub, job_topic
from trainshed.server.services.happenings import OF_KIND
from trainshed.server.services.live import LiveJob
from trainshed.server.services.messages import Asked, send_all
from trainshed.server.services.moves import Turn
from trainshed.server.services.preparation import Preparation

if TYPE_CHECKING:
    from trainshed.server.context import Context
    from trainshed.server.services.tokens import JobTokens

TICK_S = 30.0
MAX_BATCH = 2000
WHOLE_JOBS = 1000
TOLD = frozenset(OF_KIND)

_log = logging.getLogger("trainshed.server")


class Dispatcher:
    """Owns the live jobs. Everybody else sends it messages with :meth:`tell`."""

    def __init__(self, context: Context, tokens: JobTokens, hub: Hub) -> None:
        self._context = context
        self._hub = hub
        self._inbox: SimpleQueue[Message | None] = SimpleQueue()
        self._desk = Desk(context, tokens, self.tell)
        self._thread = threading.Thread(target=self._run, name="dispatcher", daemon=True)
        self._next_look = 0.0
        self._restore_at: float | None = None
        self.on_failed: Callable[[str, int], None] | None = None
        self.on_news: Callable[[], None] | None = None

    # ---- from other threads

    @property
    def live(self) -> dict[str, LiveJob]:
        """Jobs that have not finished, for reading single fields."""
        return self._desk.board.live

    def at_work(self) -> set[str]:
        """Projects that have jobs which have not ended."""
        return {job.project_id for job in list(self.live.values())}

    @property
    def preparation(self) -> Preparation:
        """Makes environments ready."""
        return self._desk.preparation

    def tell(self, message: Message) -> None:
        """Hand a message over; it is worked out soon, after those before it."""
        self._inbox.put(message)

    def open(self) -> None:
        """Take up everything that is live, and begin to work."""
        self._take_up()
        for driver in list(self._desk.drivers.values()):
            driver.open()
        self._thread.start()

    def close(self) -> None:
        """Finish the turn and end. Running jobs go on."""
        self._inbox.put(None)
        if self._thread.is_alive():
            self._thread.join(timeout=30)
        with suppress(Empty):
            while True:
                message = self._inbox.get_nowait()
                _refuse([message] if message else [], Unavailable("the service is about to end: try again"))
        self._desk.preparation.close()
        for driver in list(self._desk.drivers.values()):
            driver.close()

    # ---- the thread

    def _run(self) -> None:
        self._next_look = self._now() + TICK_S
        over = False
        while not over:
            messages, over = self._next()
            try:
                self._turn(messages)
            except Exception as error:
                _log.exception("a turn of the dispatcher failed")
                self._restore_at = self._now() + RETRY_S
                _refuse(messages, Internal(f"the request could not be worked out: {error}"))

    def _now(self) -> float:
        return self._context.clock.now()

    def _next(self) -> tuple[list[Message], bool]:
        """All messages that are there; waits for the first until something is due."""
        board = self._desk.board
        due = [self._next_look, *board.paused_until.values(), *board.held_until.values()]
        if self._restore_at is not None:
            due = [self._restore_at]
        wait = 0.0 if board.unsettled and self._restore_at is None else max(0.0, min(due) - self._now())
        messages: list[Message] = []
        with suppress(Empty):
            while len(messages) < MAX_BATCH:
                first = wait > 0 and not messages
                message = self._inbox.get(timeout=wait) if first else self._inbox.get_nowait()
                if message is None:
                    return messages, True
                messages.append(message)
        return messages, False

    def _turn(self, messages: list[Message]) -> None:
        if self._restore_at is not None and not self._restore(messages):
            return
        if self._now() >= self._next_look:
            self._next_look = self._now() + TICK_S
            self._desk.look()
        turn = Turn(self._now())
        for message in messages:
            self._work_out(turn, message)
        self._desk.place(turn)
        if not turn.changes or self._write(turn):
            self._act(turn)

    def _work_out(self, turn: Turn, message: Message) -> None:
        """One message. What is wrong with it is its sender's to know, and nobody else's."""
        if not isinstance(message, Asked):
            self._desk.heard(turn, message)
            return
        turn.replies.append(message.reply)
        try:
            message.reply.value = self._desk.asked(turn, message)
        except TrainshedError as error:
            message.reply.error = error

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
            self._restore_at = self._now() + (0.0 if isinstance(error, OutpacedError) else RETRY_S)
            send_all(turn.replies)
            return False
        return True

    def _act(self, turn: Turn) -> None:
        refused = self._forget_refused(turn.changes.new_jobs)
        for job_id, action in turn.after:
            if job_id not in refused:
                action()
        for pool_id, keys in turn.polls.items():
            self._desk.drivers[pool_id].poll(keys)
        self._tell_failed(turn)
        if self.on_news and any(row.fields["kind"] in TOLD for row in turn.changes.events):
            self.on_news()
        self._tell_followers(turn)
        self._let_go(turn)
        for subscriber in turn.subscribers:
            subscriber.reply.value = self._desk.subscribe(subscriber.job_id)
        send_all(turn.replies)

    def _forget_refused(self, new_jobs: list[NewJob]) -> set[str]:
        """Jobs whose name was taken: nothing of them stays."""
        refused = {new.job.id for new in new_jobs if new.taken}
        for job_id in refused:
            self._desk.board.release(self._desk.board.live.pop(job_id))
        return refused

    def _tell_failed(self, turn: Turn) -> None:
        """Have attempts that ended badly looked at, restarted or not."""
        for row in turn.changes.ended_attempts:
            if self.on_failed and row["outcome"]["cause"] != "success":
                self.on_failed(row["b_job"], row["b_attempt"])

    def _tell_followers(self, turn: Turn) -> None:
        feeds, woken = self._desk.board.feeds, set[str]()
        for job_id, item in turn.told:
            feed = feeds.get(job_id)
            if feed is None:
                continue
            woken.add(job_id)
            if item.kind == "event":
                feed.event(item.data)
            else:
                feed.items.append(item)
        for job in turn.changes.touched():
            if job.state.phase.terminal and (feed := feeds.pop(job.id, None)):
                feed.closed = True
                woken.add(job.id)
        self._hub.wake_soon(job_topic(job_id) for job_id in woken)
        self._hub.changed_soon(self._changed(turn))

    def _changed(self, turn: Turn) -> set[tuple[str, str]]:
        """Project and id of all jobs that this turn wrote something about."""
        live = self._desk.board.live
        ids = {job_id for job_id, _, _ in turn.changes.dirty_tasks}
        ids.update(event.fields["job_id"] for event in turn.changes.events)
        others = [job for job_id in ids if (job := live.get(job_id))]
        return {(job.project_id, job.id) for job in (*turn.changes.touched(), *others)}

    def _let_go(self, turn: Turn) -> None:
        """Forget finished jobs and, of a long queue, what a job that waits need not have in memory."""
        live = self._desk.board.live
        for job in turn.changes.touched():
            if job.state.phase.terminal:
                live.pop(job.id, None)
            elif not job.active and len(live) > WHOLE_JOBS:
                job.spec = None

    def _restore(self, messages: list[Message]) -> bool:
        """Read memory anew, after a turn that could not be written; whether that worked."""
        if self._now() < (self._restore_at or 0.0):
            _refuse(messages, Unavailable("the database does not answer: try again"))
            return False
        feeds = self._desk.board.feeds
        try:
            self._take_up()
        except (TrainshedError, OutpacedError) as error:
            self._restore_at = self._now() + RETRY_S
            _refuse(messages, Unavailable(f"the service cannot read its database: {error}"))
            return False
        self._restore_at = None
        live = self._desk.board.live
        self._desk.board.feeds = {job_id: feed for job_id, feed in feeds.items() if job_id in live}
        for job_id, feed in feeds.items():
            feed.closed = job_id not in live
        self._hub.wake_soon(job_topic(job_id) for job_id in feeds)
        return True

    def _take_up(self) -> None:
        turn = Turn(self._now())
        self._desk.take_up(turn)
        if turn.changes:
            turn.changes.commit(self._context.db, turn.now)
        self._act(turn)


def _refuse(messages: list[Message], error: TrainshedError) -> None:
    """Answer all that have not been answered."""
    replies = [message.reply for message in messages if isinstance(message, Asked)]
    for reply in replies:
        reply.error = reply.error or error
    send_all(replies)
