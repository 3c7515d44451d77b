"""The agent's hold on its supervisor: orders, results, and what to do when one of them died.

A recovering agent finds the supervisor of the dead agent in one of these states, told by files:
it runs a launch (it is adopted), it finished one (the result is taken), it was killed during one
(the rest of its tree is ended, a fault of ours), or it had nothing to do (then it is ending).
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import time
from collections.abc import Iterable, Sequence
from typing import Any, NoReturn

from trainshed.agent import linux, processes, sandbox, supervisor
from trainshed.agent.places import Places
from trainshed.agent.processes import Identity
from trainshed.agent.ranks import Result
from trainshed.core.errors import Unavailable
from trainshed.core.wire import from_wire

_END_TREE_S = 30.0


class SupervisorLost(Unavailable):
    """The supervisor was killed during a launch; what it supervised has been ended."""


class Supervision:
    """One supervisor of ours, and perhaps the one that a dead agent left behind.

    The supervisor is forked at once, and enters its sandbox while the agent does other things;
    :meth:`settle` waits for that.

    Args:
        wanted: the sandbox that the task asks for.
        mark: what all its processes carry in their environment.
        close: descriptors that the supervisor must not keep open.

    Attributes:
        mode: the sandbox that is in use, once settled.
        reason: why it is less than the task asked for.
    """

    def __init__(
        self, places: Places, plan: sandbox.Plan, wanted: str, mark: str, close: Iterable[int]
    ) -> None:
        linux.become_subreaper()
        self._places = places
        self._plan = plan
        self._mark = mark
        self._close = tuple(close)
        self._buffer = b""
        self._ordered: set[str] = set()
        self._namespaces: list[tuple[int, str]] = []
        self._adopted = self._find_old()
        if self._adopted:
            self._keep_namespace(self._adopted[1].pid)
        self._ways = sandbox.ways(wanted)
        closed = [f"{mode.value}: {why}" for mode, why in sandbox.closed.items()]
        self._reasons = closed if wanted != "none" else []
        self._settled = False
        self._fork()

    def _fork(self) -> None:
        self.mode = self._ways.pop(0)
        self._pid, self._socket = supervisor.fork(self._places, self.mode, self._plan, self._close)

    def settle(self) -> None:
        """Wait until the supervisor is in its sandbox, or else in the next best one."""
        while not self._settled:
            hello = self._hello()
            if not hello.failure or not self._ways:
                self._settled = True
                self._keep_namespace(self._pid)
            else:
                self._reasons.append(f"{self.mode.value}: {hello.failure}")
                self._socket.close()
                self._fork()

    @property
    def reason(self) -> str:
        """Why the sandbox is less than the task asked for; empty where it is not."""
        return "; ".join(self._reasons) if self.mode is sandbox.Mode.NONE else ""

    def _find_old(self) -> tuple[str, Identity] | None:
        """The launch that a dead agent's supervisor is in the middle of, and that supervisor."""
        data = self._read(supervisor.LOCK)
        old = Identity(**data) if data else None
        fd = old.open() if old else None
        if old is None or fd is None:
            return None
        poll = select.poll()
        poll.register(fd, select.POLLIN)
        try:
            while not poll.poll(5):  # it either ends, its agent being dead, or shows its launch
                if name := self._unfinished():
                    return name, old
        finally:
            os.close(fd)
        return None

    def _unfinished(self) -> str:
        names = os.listdir(self._places.run)
        launched = [name.removesuffix(".launched") for name in names if name.endswith(".launched")]
        return next((name for name in launched if f"{name}.result" not in names), "")

    def _keep_namespace(self, pid: int) -> None:
        """Remember the sandbox that ``pid`` is in; the open descriptor keeps its name from being reused."""
        try:
            fd = os.open(f"/proc/{pid}/ns/mnt", os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return
        name = os.readlink(f"/proc/self/fd/{fd}")
        if name == processes.mount_namespace():
            os.close(fd)
        else:
            self._namespaces.append((fd, name))

    def _hello(self) -> supervisor.Hello:
        message = self._next_message()
        return supervisor.Hello(**message) if message else supervisor.Hello("the supervisor died")

    def _next_message(self) -> dict[str, Any] | None:
        """The next line that the supervisor says; None if it is dead."""
        while b"\n" not in self._buffer:
            data = b""
            with contextlib.suppress(ConnectionError):
                data = self._socket.recv(4096)
            if not data:
                return None
            self._buffer += data
        line, _, self._buffer = self._buffer.partition(b"\n")
        return json.loads(line)

    def launched(self, name: str) -> bool:
        """Whether this launch was begun, by this agent or one before it."""
        return os.path.exists(f"{self._places.run}/{name}.launched")

    def pid(self, name: str) -> int:
        """The supervisor that carries out this launch."""
        return self._adopted[1].pid if self._adopted and self._adopted[0] == name else self._pid

    def order(self, order: dict[str, Any], connections: Sequence[int] = ()) -> None:
        """Have a launch carried out; see :class:`trainshed.agent.ranks.Ranks` for what is in it.

        Args:
            connections: descriptors that go with the order; ours are closed.
        """
        self._ordered.add(order["name"])
        line = json.dumps({**order, "mark": self._mark}).encode() + b"\n"
        with contextlib.suppress(OSError):  # wait() finds out
            sent = socket.send_fds(self._socket, [line], list(connections)) if connections else 0
            self._socket.sendall(line[sent:])
        for fd in connections:
            os.close(fd)

    def spaces(self) -> list[str]:
        """The namespaces that set the supervisor apart from us, in the order of entering them."""
        return [
            name
            for name in ("user", "mnt")
            if os.readlink(f"/proc/{self._pid}/ns/{name}") != os.readlink(f"/proc/self/ns/{name}")
        ]

    def wait(self, name: str, wake: int, seconds: float | None = None) -> Result | None:
        """Wait for the end of the launch ``name``, which was ordered or adopted.

        Args:
            wake: a descriptor; when it becomes readable the waiting ends too.

        Returns:
            The result, or None if woken or out of time.

        Raises:
            SupervisorLost: there will be no result.
        """
        if result := self.result(name):
            return result
        if name in self._ordered:
            return self._wait_for_ours(name, wake, seconds)
        return self._wait_for_adopted(name, wake, seconds)

    def _wait_for_ours(self, name: str, wake: int, seconds: float | None) -> Result | None:
        if not _readable(self._socket.fileno(), wake, seconds):
            return None
        alive = self._next_message() is not None
        return self.result(name) or (None if alive else self._lost(name))

    def _wait_for_adopted(self, name: str, wake: int, seconds: float | None) -> Result | None:
        fd = self._adopted[1].open() if self._adopted and self._adopted[0] == name else None
        if fd is not None:
            try:
                if not _readable(fd, wake, seconds):
                    return None
            finally:
                os.close(fd)
        return self.result(name) or self._lost(name)

    def result(self, name: str) -> Result | None:
        """How a launch has ended; None as long as it has not."""
        data = self._read(f"{name}.result")
        return from_wire(Result, data) if data else None

    def _read(self, name: str) -> dict[str, Any] | None:
        try:
            with open(f"{self._places.run}/{name}", "rb") as file:
                return json.load(file)
        except (FileNotFoundError, ValueError):
            return None

    def stop(self, *, force: bool) -> None:
        """Have the launch that runs ended, within its grace period or at once."""
        number = signal.SIGUSR1 if force else signal.SIGTERM
        if self._adopted:
            self._adopted[1].send(number)
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._pid, number)

    def end_launches(self) -> None:
        """Make sure that nothing runs any more, after a failure of the agent itself."""
        until = time.monotonic() + _END_TREE_S
        while self._unfinished() and time.monotonic() < until:
            self.stop(force=True)
            if not self._alive():
                self.end_tree()
                return
            time.sleep(0.02)

    def _alive(self) -> bool:
        """Whether a supervisor is left that could end a launch."""
        adopted = self._adopted is not None and self._adopted[1].alive
        return adopted or Identity.of(self._pid) is not None

    def _lost(self, name: str) -> NoReturn:
        left = self.end_tree()
        rest = f"; {left} processes could not be ended" if left else "; its processes were ended"
        raise SupervisorLost(f"the supervisor of the {name} stage was killed{rest}")

    def end_tree(self) -> int:
        """End everything of this task that still runs without a supervisor; how many resisted."""
        until = time.monotonic() + _END_TREE_S
        while strays := self._strays():
            if time.monotonic() > until:
                return len(strays)
            processes.send(strays, signal.SIGKILL)
            time.sleep(0.01)
        return 0

    def _strays(self) -> list[int]:
        """Marked processes, and orphans that came to us when the supervisor died.

        Helpers that the agent itself started are in its session; what ranks started is not.
        """
        ours = {self._pid}
        orphans = processes.descendants(os.getpid(), not_in_session=os.getsid(0))
        inside = {name for _, name in self._namespaces}
        return [pid for pid in {*orphans, *processes.marked(self._mark, inside)} if pid not in ours]

    def close(self) -> None:
        """Let the supervisor end; it has nothing more to do."""
        self._socket.close()
        for fd, _ in self._namespaces:
            os.close(fd)


def _readable(fd: int, wake: int, seconds: float | None) -> bool:
    """Whether ``fd`` became readable, and not only ``wake``, or nothing in time."""
    poll = select.poll()
    poll.register(wake, select.POLLIN)
    poll.register(fd, select.POLLIN)
    ready = poll.poll(None if seconds is None else max(0.0, seconds * 1000))
    return any(each == fd for each, _ in ready)
