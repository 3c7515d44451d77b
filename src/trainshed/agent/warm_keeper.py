"""Keeps warm parents on a node: starts them when they are asked for, and ends them when they are not.

One keeper a node (or, for an agent that runs by itself, one an agent). Agents speak to it over a
connection that they were given at birth, so that nothing else can reach it. A parent belongs to a key
(interpreter, modules, environment variables, and what the environment's folder is); it runs no
job's code, so that jobs can share it. There are never more than a few, and one that nobody used
for long, or whose memory is needed, is ended.
"""

from __future__ import annotations

import contextlib
import gc
import os
import select
import shutil
import signal
import socket
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, NoReturn

from trainshed.agent import fd_messages, linux, sandbox
from trainshed.agent.places import Places
from trainshed.agent.ranks import RESET
from trainshed.core.wire import from_wire
from trainshed.engines.launchers.base import support_file

MOST_PARENTS = 4
IDLE_S = 600.0
_TICK_S = 15.0
_SPARE_MEMORY = 0.1
_PROGRAM = ("warm_parent", "warm_script")
_RETRY_S = 300.0
_RESET = (*RESET, signal.SIGCHLD, signal.SIGTERM)


@dataclass(eq=False, slots=True)
class _Parent:
    """One warm parent.

    Attributes:
        channel: connections for ranks go in, what it says comes out; closing it ends it.
        folder: its own home, scratch and log.
        about: what it said when it was ready; empty until then.
        waiting: agents that asked meanwhile, with how many ranks they want.
    """

    key: str
    channel: socket.socket
    folder: str
    used_at: float
    about: dict[str, Any] = field(default_factory=dict[str, Any])
    waiting: list[tuple[socket.socket, int]] = field(default_factory=list[tuple[socket.socket, int]])


class Keeper:
    """The parents of a node.

    Args:
        control: brings new agents' connections; the keeper ends with it.
    """

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._agents: dict[int, socket.socket] = {}
        self._parents: dict[str, _Parent] = {}
        self._unfit: dict[str, tuple[float, str]] = {}
        self._poll = select.poll()
        self._poll.register(control, select.POLLIN)

    def serve(self) -> None:
        """Until nobody is left that could bring an agent."""
        while True:
            for fd, _ in self._poll.poll(_TICK_S * 1000 if self._parents else None):
                if fd == self._control.fileno():
                    if not self._welcome():
                        return
                elif fd in self._agents:
                    self._hear_agent(self._agents[fd])
                else:
                    self._hear_parent(fd)
            self._end_idle()

    def _welcome(self) -> bool:
        """Take in the connection of a new agent; False when there will be no more."""
        message, fds = fd_messages.receive(self._control)
        for fd in fds:
            self._agents[fd] = socket.socket(fileno=fd)
            self._poll.register(fd, select.POLLIN)
        return bool(message)

    def _hear_agent(self, agent: socket.socket) -> None:
        message, fds = fd_messages.receive(agent)
        if not message:
            self._poll.unregister(agent)
            del self._agents[agent.fileno()]
            for parent in self._parents.values():
                parent.waiting = [each for each in parent.waiting if each[0] is not agent]
            agent.close()
            return
        request: dict[str, Any] = fd_messages.from_memory(fds[0])
        self._obtain(agent, request)

    def _obtain(self, agent: socket.socket, request: dict[str, Any]) -> None:
        """Give the agent its connections, now or when there is a parent for it."""
        key = request["key"]
        known = self._unfit.get(key)
        if known and time.monotonic() < known[0]:
            _answer(agent, {"reason": known[1]})
            return
        try:
            parent = self._parents.get(key) or self._start(request)
        except OSError as error:
            _answer(agent, {"reason": f"a warm parent could not be started: {error}"})
            return
        parent.used_at = time.monotonic()
        if parent.about:
            self._grant(parent, agent, request["ranks"], made=False)
        else:
            parent.waiting.append((agent, request["ranks"]))

    def _start(self, request: dict[str, Any]) -> _Parent:
        while len(self._parents) >= MOST_PARENTS:
            self._end(min(self._parents.values(), key=lambda each: each.used_at))
        import tempfile  # late: most agents start nothing warm

        folder = tempfile.mkdtemp(prefix="trainshed-warm-")
        ours, theirs = fd_messages.pair()
        if os.fork() == 0:
            _become_parent(request, folder, theirs)
        theirs.close()
        parent = _Parent(request["key"], ours, folder, time.monotonic())
        self._parents[parent.key] = parent
        self._poll.register(ours, select.POLLIN)
        return parent

    def _hear_parent(self, fd: int) -> None:
        parent = next((each for each in self._parents.values() if each.channel.fileno() == fd), None)
        if parent is None:  # it was ended while we looked
            return
        message, _ = fd_messages.receive(parent.channel)
        if message.get("ready"):
            parent.about = message
            for count, (agent, ranks) in enumerate(parent.waiting):
                self._grant(parent, agent, ranks, made=count == 0)
            parent.waiting.clear()
            return
        reason = message.get("error") or f"the warm parent died; {_last_line(parent.folder)}"
        self._unfit[parent.key] = (time.monotonic() + _RETRY_S, reason)
        self._end(parent, reason)

    def _grant(self, parent: _Parent, agent: socket.socket, ranks: int, *, made: bool) -> None:
        pairs = [fd_messages.pair() for _ in range(ranks)]
        try:
            fd_messages.send(parent.channel, {"ranks": ranks}, [theirs.fileno() for _, theirs in pairs])
        except OSError as error:
            _answer(agent, {"reason": f"the warm parent died: {error}"})
        else:
            answer = {"seconds": parent.about["seconds"], "names": parent.about["names"], "made": made}
            _answer(agent, answer, [ours.fileno() for ours, _ in pairs])
        for end in (each for pair in pairs for each in pair):
            end.close()

    def _end(self, parent: _Parent, reason: str = "its warm parent had to make room") -> None:
        del self._parents[parent.key]
        self._poll.unregister(parent.channel)
        parent.channel.close()
        for agent, _ in parent.waiting:
            _answer(agent, {"reason": reason})
        shutil.rmtree(parent.folder, ignore_errors=True)

    def _end_idle(self) -> None:
        now = time.monotonic()
        scarce = _memory_left() < _SPARE_MEMORY
        for parent in list(self._parents.values()):
            if not parent.waiting and (scarce or now - parent.used_at > IDLE_S):
                self._end(parent)

    def close(self) -> None:
        """End all parents; ranks go on."""
        for parent in list(self._parents.values()):
            self._end(parent)


def _answer(agent: socket.socket, message: dict[str, Any], fds: list[int] | None = None) -> None:
    with contextlib.suppress(OSError):  # it is gone; we hear so in a moment
        fd_messages.send(agent, message, fds or [])


def _become_parent(request: dict[str, Any], folder: str, channel: socket.socket) -> NoReturn:
    """Enter the parent's own sandbox and execute its interpreter; runs in a child."""
    try:
        log = os.open(f"{folder}/log", os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        null = os.open(os.devnull, os.O_RDONLY)
        for source, fd in ((null, 0), (log, 1), (log, 2)):
            os.dup2(source, fd)
        for number in _RESET:
            signal.signal(number, signal.SIG_DFL)
        plan = sandbox.rooted(from_wire(sandbox.Plan, request["plan"]), folder)
        for bind in plan.binds:
            if bind.writable:
                os.makedirs(bind.source, exist_ok=True)
        mode = sandbox.Mode(request["sandbox"])
        program = _program(folder, mode)
        sandbox.enter(mode, plan)
        with contextlib.suppress(ChildProcessError):  # bubblewrap's
            while True:
                os.waitpid(-1, 0)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        _keep_only(channel.fileno())
        argv = [request["python"], program, str(channel.fileno()), *request["modules"]]
        os.execve(argv[0], argv, request["environ"])  # noqa: S606
    except BaseException as error:
        with contextlib.suppress(OSError):
            fd_messages.send(channel, {"error": f"a warm parent could not be started: {error}"})
    finally:
        os._exit(1)


def _program(folder: str, mode: sandbox.Mode) -> str:
    """A copy of the parent's program where its sandbox shows it, wherever we are installed."""
    places = Places(folder)
    places.sandboxed = mode is not sandbox.Mode.NONE
    own = "/tmp"  # noqa: S108 the parent's own
    os.makedirs(places.host(own), exist_ok=True)
    for name in _PROGRAM:
        shutil.copyfile(support_file(name), places.host(f"{own}/{name}.py"))
    return places.seen(f"{own}/{_PROGRAM[0]}.py")


def _keep_only(fd: int) -> None:
    """Have the program that we become get this descriptor, and none that we inherited."""
    for name in os.listdir("/proc/self/fd"):
        if int(name) > 2:
            with contextlib.suppress(OSError):
                os.set_inheritable(int(name), int(name) == fd)


def _last_line(folder: str) -> str:
    """The last thing that a parent printed."""
    with contextlib.suppress(OSError), open(f"{folder}/log", encoding="utf-8", errors="replace") as file:
        lines = [line.strip() for line in file.read()[-4000:].splitlines() if line.strip()]
        return f"its last words: {lines[-1][:300]}" if lines else "it said nothing"
    return "it said nothing"


def _memory_left() -> float:
    """The part of the machine's memory that is available; 1 where that is unknown."""
    with contextlib.suppress(OSError, KeyError), open("/proc/meminfo", "rb") as file:
        facts = {line.split(b":")[0]: int(line.split()[1]) for line in file}
        return facts[b"MemAvailable"] / facts[b"MemTotal"]
    return 1.0


def fork(close: Iterable[int]) -> socket.socket:
    """Fork a keeper; to be called while this process has one thread.

    It stays in our session, as all helpers of an agent do.

    Args:
        close: descriptors of ours that it must not keep open.

    Returns:
        The connection by which it gets agents; it ends when that is closed.
    """
    ours, theirs = fd_messages.pair()
    if os.fork() == 0:
        ours.close()
        for fd in close:
            os.close(fd)
        _live(theirs)
    theirs.close()
    return ours


def introduce(control: socket.socket) -> socket.socket:
    """A new agent's connection to the keeper.

    Raises:
        OSError: the keeper is gone.
    """
    ours, theirs = fd_messages.pair()
    try:
        fd_messages.send(control, {"agent": True}, [theirs.fileno()])
    finally:
        theirs.close()
    return ours


def _live(control: socket.socket) -> NoReturn:
    try:
        linux.set_name("trainshed-warm")
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # parents say themselves how they are
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        gc.enable()
        keeper = Keeper(control)
        try:
            keeper.serve()
        finally:
            keeper.close()
    except BaseException as error:
        sys.excepthook(type(error), error, error.__traceback__)
    finally:
        os._exit(0)
