"""The supervisor: a small process between the agent and the ranks, that outlives the agent.

It is forked before the agent starts any thread, enters the sandbox, and waits for orders (one JSON
line each, on a socket, perhaps with descriptors). While a launch runs it needs nobody: exit statuses
go to disk, so that a recovering agent finds them. With no launch, it ends when its agent does.

Signals: TERM stops the launch within its grace period, USR1 at once.
"""

from __future__ import annotations

import contextlib
import fcntl
import gc
import json
import os
import select
import signal
import socket
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from types import FrameType
from typing import Any, NoReturn

from trainshed.agent import linux, sandbox
from trainshed.agent.places import Places
from trainshed.agent.processes import write_identity
from trainshed.agent.ranks import Ranks
from trainshed.agent.warm_rank import WarmRank

LOCK = "supervisor.lock"
"""Held as long as a supervisor lives; says which process that is."""


@dataclass(slots=True)
class Hello:
    """What a new supervisor says first.

    Attributes:
        failure: why it is not in the sandbox that it was to enter; it has ended then.
    """

    failure: str = ""


def fork(
    places: Places, mode: sandbox.Mode, plan: sandbox.Plan, close: Iterable[int]
) -> tuple[int, socket.socket]:
    """Fork a supervisor; to be called while this process has one thread.

    Args:
        close: descriptors of the agent's that the supervisor must not keep open.

    Returns:
        Its process id, and the socket to order launches by.
    """
    ours, theirs = socket.socketpair()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGTERM, signal.SIGUSR1, signal.SIGCHLD))
    pid = os.fork()
    if pid == 0:
        ours.close()
        for fd in close:
            os.close(fd)
        _live(places, mode, plan, theirs)
    signal.pthread_sigmask(signal.SIG_SETMASK, before)
    theirs.close()
    return pid, ours


def _live(places: Places, mode: sandbox.Mode, plan: sandbox.Plan, orders: socket.socket) -> NoReturn:
    code = 1
    try:
        gc.disable()
        os.setsid()
        linux.become_subreaper()
        linux.set_name("trainshed-super")
        _Supervisor(places, orders).serve(mode, plan)
        code = 0
    except BaseException as error:
        sys.excepthook(type(error), error, error.__traceback__)
    finally:
        os._exit(code)


class _Supervisor:
    def __init__(self, places: Places, orders: socket.socket) -> None:
        self._orders = orders
        self._run = os.open(places.run, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self._log = os.open(places.log, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self._ranks: Ranks | None = None
        self._stopped = self._forced = False
        self._buffer = b""
        self._fds: list[int] = []

    def serve(self, mode: sandbox.Mode, plan: sandbox.Plan) -> None:
        """Say hello, then carry out orders until the agent is gone."""
        self._take_signals()
        hello = Hello()
        try:
            sandbox.enter(mode, plan)
        except OSError as error:
            hello.failure = str(error)
        self._say(asdict(hello))
        if hello.failure:
            return
        self._lock()
        while order := self._next_order():
            self._ranks = Ranks(order, self._run, self._log, self._wait, self._fds)
            self._fds = []
            self._pass_on()
            self._ranks.execute()
            self._ranks = None
            self._say({"finished": order["name"]})

    def _lock(self) -> None:
        """Wait until the supervisor of a dead agent has ended, then say who we are."""
        lock = os.open(LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600, dir_fd=self._run)
        fcntl.flock(lock, fcntl.LOCK_EX)
        write_identity(lock)

    def _say(self, message: dict[str, Any]) -> None:
        with contextlib.suppress(OSError):  # the agent may be dead; the files say it too
            self._orders.sendall(json.dumps(message).encode() + b"\n")

    def _next_order(self) -> dict[str, Any] | None:
        while b"\n" not in self._buffer:
            data = b""
            with contextlib.suppress(ConnectionError):
                data, fds, _, _ = socket.recv_fds(self._orders, 1 << 16, 250, socket.MSG_CMSG_CLOEXEC)
                self._fds += fds
            if not data:
                return None
            self._buffer += data
        line, _, self._buffer = self._buffer.partition(b"\n")
        return json.loads(line)

    def _take_signals(self) -> None:
        self._woken, waker = socket.socketpair()
        for end in (self._woken, waker):
            end.setblocking(False)
        self._waker = waker
        self._poll = select.poll()
        self._poll.register(self._woken, select.POLLIN)
        signal.set_wakeup_fd(waker.fileno(), warn_on_full_buffer=False)
        for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGUSR1):
            signal.signal(number, self._on_signal)
        for number in (signal.SIGINT, signal.SIGHUP, signal.SIGPIPE):
            signal.signal(number, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())

    def _on_signal(self, number: int, _: FrameType | None) -> None:
        """A stop ends what runs, and whatever an order that is still on its way would start."""
        if number != signal.SIGCHLD:
            self._stopped = True
            self._forced = self._forced or number == signal.SIGUSR1
            self._pass_on()

    def _pass_on(self) -> None:
        if self._ranks is not None:
            self._ranks.stop, self._ranks.force = self._stopped, self._forced

    def _wait(self, seconds: float | None, also: Sequence[WarmRank]) -> None:
        for each in also:
            self._poll.register(each, select.POLLIN)
        ready = self._poll.poll(None if seconds is None else seconds * 1000)
        for each in also:
            self._poll.unregister(each)
        if any(fd == self._woken.fileno() for fd, _ in ready):
            with contextlib.suppress(BlockingIOError):
                self._woken.recv(4096)
