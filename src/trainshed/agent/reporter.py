"""Tells the server everything, from a thread of its own, without losing any of it.

Woken by changes of the log files (inotify), by the agent, and by time. While the server does not
answer, all stays on disk where it is anyway; it is tried again after a growing pause, or as soon
as the server says where it is.
"""

from __future__ import annotations

import contextlib
import os
import select
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from trainshed.agent import linux, stacks
from trainshed.agent.journal import Journal
from trainshed.agent.outbox import Outbox
from trainshed.agent.places import Places
from trainshed.agent.server_link import AttemptOver, Refused, ServerLink
from trainshed.core.errors import Unavailable
from trainshed.core.task import Cause, Stage, TaskSpec

HEARTBEAT_S = 5.0
_FASTEST_S = 0.5
_FLUSH_S = 0.05  # what happens together is told together
_LOG_DELAY_S = 0.003  # after a pause; a script that prints on and on is read less often
_BUSY_LOG_DELAY_S = 0.01
_SAMPLES_S = (1.0, *(5.0,) * 60, 30.0)
_BACK_OFF_S = (0.1, 5.0)
_WITHOUT_INOTIFY_S = 0.1
_NEVER = float("inf")
_CHANGED = linux.IN_MODIFY | linux.IN_CREATE | linux.IN_MOVED_TO


@dataclass(frozen=True, slots=True)
class Wish:
    """The server wants the task stopped: how, and why."""

    force: bool = False
    cause: Cause = Cause.STOPPED
    reason: str = ""
    rank: int = -1


@dataclass(frozen=True, slots=True)
class Ears:
    """Who hears what the server wants; called from the reporter's thread.

    Attributes:
        stop: the task is to end.
        over: nobody waits for this attempt any more.
        resize: the number of a wish, and for how many workers it is; told again and again.
    """

    stop: Callable[[Wish], None]
    over: Callable[[], None]
    resize: Callable[[int, int], None]


class Reporter:
    """Reports one task.

    Attributes:
        stage: where the task is, for the heartbeat; set by the agent.
        over: whether nobody waits for this attempt any more.
        full: why nothing more may be stored in the project's own buckets; empty where it may.
        refused: whether the server said that it will not take what we report; then no more is sent.
    """

    def __init__(self, task: TaskSpec, places: Places, journal: Journal, ears: Ears) -> None:
        self.stage = Stage.PRECHECK
        self.over = False
        self.refused = False
        self.full = ""
        self._places, self._journal = places, journal
        self._ears = ears
        self._link = ServerLink(task)
        self._outbox = Outbox(task, places, journal, self._link)
        self._wake = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._others: dict[int, Callable[[], object]] = {}
        self._watch: linux.Inotify | None = None
        self._supervisor = 0
        self._complete = False
        self._closing = False
        self._away = 0.0
        now = time.monotonic()
        self._due = now + _FLUSH_S
        self._retry_at = 0.0
        self._sent_at = 0.0
        self._look_s = task.look_s
        self._heartbeat_s = min(HEARTBEAT_S, max(_FASTEST_S, 2 * task.look_s)) if task.look_s else HEARTBEAT_S
        self._beat_at = now + self._heartbeat_s
        self._sample_at = self._look_at = _NEVER
        self._samples = 0
        self._stacks: list[tuple[int, list[dict[str, Any]]]] = []
        self._stacks_asked: set[int] = set()
        self._asked: list[tuple[float, Callable[[], None] | None]] = []
        self._thread = threading.Thread(target=self._run, name="reporter", daemon=True)

    def watch(self, fd: int, act: Callable[[], object]) -> None:
        """Call ``act`` from the thread, once, when ``fd`` becomes readable."""
        self._ask(_NEVER, lambda: self._others.__setitem__(fd, act))

    def start(self) -> None:
        """Begin to report."""
        self._thread.start()

    def soon(self, delay_s: float = _FLUSH_S) -> None:
        """There is something new in the journal; have it sent within ``delay_s``."""
        self._ask(delay_s, None)

    def launched(self, names: Sequence[str], start: int, supervisor: int) -> None:
        """The ranks are at work: follow their logs and sample what they use.

        Args:
            names: the log files; see :meth:`trainshed.agent.outbox.Outbox.launched`.
            supervisor: process id.
        """

        def begin() -> None:
            self._outbox.launched(names, start)
            self._supervisor = supervisor
            self._sample_at = time.monotonic() + _SAMPLES_S[0]
            self._look_at = time.monotonic() + self._look_s if self._look_s and supervisor else _NEVER
            self._follow()

        self._ask(_FLUSH_S, begin)

    def ended(self) -> None:
        """The ranks are gone: take their last, unfinished lines too, and sample no more."""

        def end() -> None:
            self._sample_at = self._look_at = _NEVER
            self._outbox.looks.clear()
            self._outbox.gather(end=True)

        self._ask(_FLUSH_S, end)

    def close(self) -> None:
        """Deliver everything, the journal's last event last, and end."""

        def close() -> None:
            self._closing = True
            self._complete = False

        self._ask(0.0, close)

    def closed(self, timeout_s: float) -> bool:
        """Wait for the end that :meth:`close` asked for; whether it has come."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _ask(self, delay_s: float, act: Callable[[], None] | None) -> None:
        self._asked.append((time.monotonic() + delay_s, act))
        os.eventfd_write(self._wake, 1)

    def _run(self) -> None:
        try:
            while not self._finished():
                self._wait()
                self._work(time.monotonic())
        except BaseException as error:  # for the agent's own log; a recovering agent goes on
            sys.excepthook(type(error), error, error.__traceback__)
            os._exit(70)

    def _finished(self) -> bool:
        return self.over or self.refused or (self._closing and self._complete)

    def _wait(self) -> None:
        """Until something happens or is due."""
        poll = select.poll()
        for fd in (self._wake, *self._others, *([self._watch.fd] if self._watch else [])):
            poll.register(fd, select.POLLIN)
        next_call = max(min(self._due, self._beat_at), self._retry_at)
        until = min(next_call, self._sample_at, self._look_at)
        ready = poll.poll(None if until == _NEVER else max(0, (until - time.monotonic()) * 1000))
        for fd, _ in ready:
            if act := self._others.pop(fd, None):
                act()
            elif self._watch and fd == self._watch.fd:
                self._changed()
            else:
                self._obey()

    def _obey(self) -> None:
        """Do what other threads asked for."""
        with contextlib.suppress(BlockingIOError):
            os.eventfd_read(self._wake)
        while self._asked:
            at, act = self._asked.pop(0)
            self._due = min(self._due, at)
            if act:
                act()

    def _follow(self) -> None:
        """Be told of changes in the logs, by inotify unless this user has no more of it."""
        with contextlib.suppress(OSError):
            self._watch = self._watch or linux.Inotify()
            self._watch.watch(self._places.log, _CHANGED)

    def _changed(self) -> None:
        """The logs grew, or the server says where it is."""
        assert self._watch is not None
        name = os.path.basename(self._link.endpoint_file)
        now = time.monotonic()
        for _, changed in self._watch.events():
            if changed == name and self._away:
                self._retry_at = now
            elif changed != name:
                busy = now - self._sent_at < 2 * _BUSY_LOG_DELAY_S
                self._due = min(self._due, now + (_BUSY_LOG_DELAY_S if busy else _LOG_DELAY_S))

    def _work(self, now: float) -> None:
        if now >= self._sample_at:
            self._outbox.sample(self._supervisor)
            self._samples += 1
            self._sample_at = now + _SAMPLES_S[min(self._samples, len(_SAMPLES_S) - 1)]
        if now >= self._look_at:
            self._outbox.look(self._supervisor)
            self._look_at = now + self._look_s
        if now < max(self._due, self._retry_at) and now < max(self._beat_at, self._retry_at):
            return
        try:
            self._outbox.gather(end=self._closing)
            self._send(now)
        except AttemptOver:
            self.over = True
            self._ears.over()
        except Refused as error:
            self.refused = True
            kept = f"what is not reported is kept in {self._places.root}"
            print(f"the server refuses the reports of this agent, {kept}: {error}", file=sys.stderr)
        except Unavailable:
            self._go_away(now)
        else:
            self._away = self._retry_at = 0.0

    def _send(self, now: float) -> None:
        if now >= self._beat_at:
            self._beat()
        while self._stacks:
            self._link.send_stacks(*self._stacks[0])
            self._stacks.pop(0)
        self._complete = self._outbox.deliver(closing=self._closing)
        self._sent_at = time.monotonic()
        blind = self._watch is None and self._sample_at != _NEVER
        self._due = (self._sent_at + _WITHOUT_INOTIFY_S if blind else _NEVER) if self._complete else now

    def _beat(self) -> None:
        looks = list(self._outbox.looks)
        answer = self._link.heartbeat(self.stage.value, time.time(), looks)
        self._outbox.looks.clear()
        self._beat_at = time.monotonic() + self._heartbeat_s
        self.full = str(answer.get("full") or "")
        if answer.get("over") is True:
            raise AttemptOver("the server does not wait for this attempt any more")
        commands: list[dict[str, Any]] = answer.get("commands") or []
        for command in commands:
            if command.get("kind") == "stop":
                self._ears.stop(_wish(command))
            elif command.get("kind") == "stacks":
                self._take_stacks(int(command.get("id") or 0))
            elif command.get("kind") == "resize":
                self._ears.resize(int(command.get("id") or 0), int(command.get("workers") or 0))

    def _take_stacks(self, number: int) -> None:
        """Have the stacks taken that were asked for by this number, beside everything else."""
        if number in self._stacks_asked:
            return
        self._stacks_asked.add(number)

        def take() -> None:
            found = stacks.take(self._outbox.looker.ranks, self._supervisor)
            self._ask(0.0, lambda: self._stacks.append((number, found)))

        threading.Thread(target=take, name="stacks", daemon=True).start()

    def _go_away(self, now: float) -> None:
        """The server does not answer: try again later, or when it says where it is.

        If the task's own directory was deleted meanwhile, so was the service's home: nobody will
        ever come for this task.
        """
        if os.fstat(self._journal.fd).st_nlink == 0:
            self.over = True
            self._ears.over()
            return
        self._due = min(self._due, now)
        if not self._away and self._link.endpoint_file:
            with contextlib.suppress(OSError):
                self._watch = self._watch or linux.Inotify()
                self._watch.watch(os.path.dirname(self._link.endpoint_file), _CHANGED)
        self._away = min(_BACK_OFF_S[1], self._away * 2 or _BACK_OFF_S[0])
        self._retry_at = time.monotonic() + self._away
        self._link.find_again()


def _wish(command: dict[str, Any]) -> Wish:
    """A command to stop, as the server sends it; a cause that is not known counts as a person's."""
    cause = next((c for c in Cause if c.value == command.get("cause")), Cause.STOPPED)
    rank = command.get("rank")
    return Wish(
        force=bool(command.get("force")),
        cause=cause,
        reason=str(command.get("reason") or ""),
        rank=rank if isinstance(rank, int) else -1,
    )
