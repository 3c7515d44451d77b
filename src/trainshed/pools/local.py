"""This machine as a pool: as many tasks at once as its cores, memory and cards allow."""

from __future__ import annotations

import contextlib
import json
import os
import select
import shutil
import signal
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trainshed.core.engine import Engine
from trainshed.core.errors import TrainshedError, Unavailable
from trainshed.core.resources import Chip, Flavor, Node, Resources
from trainshed.core.task import TaskSpec
from trainshed.core.wire import to_wire
from trainshed.pools import _agents, _machine
from trainshed.pools._agents import Process, Zygote
from trainshed.pools.base import AgentState, AgentStatus, Gang, Offer, Pool, TaskKey

NODE = "local"
_LIVES = 8
_LONG_LIFE_S = 60.0
_FORCE_S = 20.0


@dataclass(slots=True)
class _Watched:
    """An agent that is watched.

    Attributes:
        fd: its pidfd.
        lives: how many agents of this task died soon after their start, this one included.
        kill_at: when patience with a forced stop ends (by ``time.monotonic``).
    """

    key: TaskKey
    root: Path
    fd: int
    born: float
    lives: int = 1
    kill_at: float | None = None


class LocalPool(Pool):
    """Runs agents on this machine.

    Several tasks of one job may share the machine, on loopback addresses, so that distributed
    jobs can be developed here.

    Args:
        jobs: folder of the tasks' directories, ``<job>/<attempt>/worker-<index>``.
        machine: what may be given to jobs; all that this machine has, if not given.
        max_nodes: most tasks of one job.
        warm_start: whether jobs start warm that do not say.
    """

    kind = "local"

    def __init__(
        self,
        jobs: Path,
        *,
        machine: _machine.Machine | None = None,
        pool_id: str = "local",
        max_nodes: int = 8,
        warm_start: bool = False,
    ) -> None:
        self.id = pool_id
        self.warm_start = warm_start
        self._jobs = jobs
        self._max_nodes = max_nodes
        self._machine = machine or _machine.look()
        self._zygote = Zygote()
        self._lock = threading.RLock()
        self._watched: dict[TaskKey, _Watched] = {}
        self._gone: dict[TaskKey, str] = {}
        self._poll = select.epoll()
        self._wake = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._poll.register(self._wake, select.EPOLLIN)
        self._closed = False
        self._watcher = threading.Thread(target=self._watch, name=f"pool-{pool_id}-agents", daemon=True)
        self._watcher.start()

    # -- what there is

    def nodes(self) -> list[Node]:
        machine = self._machine
        total = Resources(machine.cpus, machine.memory_mb, len(machine.cards))
        devices = tuple(card.id for card in machine.cards)
        return [Node(NODE, total, machine.chip, machine.arch, devices=devices)]

    def flavors(self) -> list[Flavor]:
        machine = self._machine
        found = [self._flavor(f"cpu-{n}", Chip.CPU, n / machine.cpus, 0) for n in _sizes(machine.cpus)]
        stem = "gpu" if machine.chip is Chip.GPU else "ascend"
        cards = len(machine.cards)
        return found + [self._flavor(f"{stem}-{n}", machine.chip, n / cards, n) for n in _sizes(cards)]

    def _flavor(self, name: str, chip: Chip, share: float, cards: int) -> Flavor:
        machine = self._machine
        resources = Resources(max(1, int(machine.cpus * share + 1e-9)), int(machine.memory_mb * share), cards)
        card = machine.cards[0] if cards else None
        return Flavor(
            name,
            chip,
            resources,
            machine.arch,
            card_name=card.name if card else "",
            card_memory_mb=card.memory_mb if card else 0,
            max_nodes=max(1, min(self._max_nodes, int(1 / share + 1e-9))),
        )

    def offers(self, engine: Engine) -> Offer:
        machine = self._machine
        if engine.image and not engine.recipe.imports:
            return Offer(False, "is a container image; it needs a pool that runs containers")
        chips = {Chip.CPU, machine.chip}
        if chips.isdisjoint(engine.chips) or machine.arch not in engine.archs:
            wanted = " or ".join(chip.value for chip in engine.chips)
            archs = " or ".join(arch.value for arch in engine.archs)
            here = machine.cards[0].name if machine.cards else "no accelerator"
            return Offer(False, f"needs {wanted} on {archs}; this machine has {here} on {machine.arch.value}")
        return Offer(True)

    # -- agents

    def start(self, gang: Gang) -> None:
        """Start what never was; what is there already goes on, whatever becomes of the rest.

        All is written down before the first agent is started, so that a full disk starts none.
        """
        with self._lock:
            keys = [TaskKey(gang.job_id, gang.attempt, task.index) for task in gang.tasks]
            fresh = [key for key in keys if not _agents.find(self._root(key)).exists]
            try:
                for key in fresh:
                    _prepare(gang.tasks[key.index])
                for key in fresh:
                    self._fork(key, self._root(key), lives=1, warm=gang.tasks[key.index].warm_start)
            except (OSError, TrainshedError) as error:
                for key in fresh:
                    self._abandon(key)
                raise Unavailable(f"the agents of job {gang.job_id} could not be started: {error}") from error
            for key in keys:
                self._state(key)

    def stop(self, job_id: str, attempt: int, *, force: bool = False) -> None:
        folder = self._jobs / job_id / str(attempt)
        for root in sorted(folder.glob("worker-*")):
            _write(root / "stop.json", {"force": force})
            key = TaskKey(job_id, attempt, int(root.name.rpartition("-")[2]))
            with self._lock:
                self._state(key)
                if watched := self._watched.get(key):
                    _agents.send(watched.fd, signal.SIGUSR1 if force else signal.SIGTERM)
                    watched.kill_at = time.monotonic() + _FORCE_S if force else watched.kill_at
        os.eventfd_write(self._wake, 1)

    def poll(self, keys: Sequence[TaskKey]) -> dict[TaskKey, AgentStatus]:
        return {key: self._state(key) for key in keys}

    def remains(self, key: TaskKey) -> Path | None:
        root = self._root(key)
        return None if _agents.find(root).delivered else root / "log"

    def close(self) -> None:
        with self._lock:
            self._closed = True
        os.eventfd_write(self._wake, 1)
        self._watcher.join()
        self._zygote.close()
        for watched in self._watched.values():
            os.close(watched.fd)
        self._watched.clear()
        self._poll.close()
        os.close(self._wake)

    def _root(self, key: TaskKey) -> Path:
        return self._jobs / key.job_id / str(key.attempt) / f"worker-{key.index}"

    def _state(self, key: TaskKey) -> AgentStatus:
        """What is known of an agent; one that we did not start is found by its files.

        An agent that died before its work was done gets a successor at once.
        """
        with self._lock:
            if key in self._watched:
                return AgentStatus(AgentState.RUNNING)
            if reason := self._gone.get(key):
                return AgentStatus(AgentState.GONE, reason)
            root = self._root(key)
            found = _agents.find(root)
            if not found.exists:
                return AgentStatus(AgentState.GONE, "no agent was started for it here")
            if found.delivered:
                return AgentStatus(AgentState.GONE, "its agent has done its work")
            if found.process is None or not self._follow(key, root, found.process, lives=1):
                try:
                    self._fork(key, root, lives=1)
                except TrainshedError as error:
                    return AgentStatus(AgentState.UNKNOWN, error.message)
            return self._state(key)

    def _fork(self, key: TaskKey, root: Path, *, lives: int, warm: bool = False) -> None:
        """Start an agent and watch it.

        Raises:
            Unavailable: none could be started.
        """
        if not self._follow(key, root, self._zygote.fork(root, warm=warm), lives=lives):
            self._died(key, root, lives)

    def _follow(self, key: TaskKey, root: Path, process: Process, *, lives: int) -> bool:
        """Watch an agent; whether it still lives."""
        fd = process.open()
        if fd is None:
            return False
        self._watched[key] = _Watched(key, root, fd, time.monotonic(), lives)
        self._poll.register(fd, select.EPOLLIN)
        return True

    def _abandon(self, key: TaskKey) -> None:
        """Take back the start of an agent. Where it ran, what it did stays, for when it is started again."""
        if watched := self._forget(key):
            _agents.send_and_close(watched.fd, signal.SIGKILL)
        root = self._root(key)
        with contextlib.suppress(TrainshedError):
            self._zygote.end(root)
        if _agents.find(root).process is None:
            shutil.rmtree(root, ignore_errors=True)

    def _forget(self, key: TaskKey) -> _Watched | None:
        watched = self._watched.pop(key, None)
        if watched:
            self._poll.unregister(watched.fd)
        return watched

    def _watch(self) -> None:
        """Wait for agents to end, in a thread."""
        while not self._closed:
            with self._lock:
                until = min((w.kill_at for w in self._watched.values() if w.kill_at), default=None)
            timeout = -1 if until is None else max(0.0, until - time.monotonic())
            for fd, _ in self._poll.poll(timeout):
                if fd == self._wake:
                    os.eventfd_read(self._wake)
                else:
                    self._ended(fd)
            self._lose_patience()

    def _ended(self, fd: int) -> None:
        with self._lock:
            watched = next((w for w in self._watched.values() if w.fd == fd), None)
            if watched is None:
                return
            self._forget(watched.key)
            os.close(fd)
            long = time.monotonic() - watched.born > _LONG_LIFE_S
            self._died(watched.key, watched.root, 1 if long else watched.lives)
        if self.on_change:
            self.on_change(watched.key)

    def _died(self, key: TaskKey, root: Path, lives: int) -> None:
        """Start a successor of an agent that ended too early, but not for ever."""
        if _agents.find(root).delivered or self._closed:
            return
        if lives < _LIVES:
            try:
                self._fork(key, root, lives=lives + 1)
            except TrainshedError as error:
                self._gone[key] = error.message
            return
        words = _agents.last_words(root)
        self._gone[key] = f"its agent died {lives} times in a row" + (f": {words}" if words else "")
        with contextlib.suppress(TrainshedError):
            self._zygote.end(root)

    def _lose_patience(self) -> None:
        """Kill agents that did not obey a forced stop; their successors find out that it was asked for."""
        now = time.monotonic()
        with self._lock:
            for watched in self._watched.values():
                if watched.kill_at and watched.kill_at <= now:
                    watched.kill_at = None
                    _agents.send(watched.fd, signal.SIGKILL)


def _prepare(task: TaskSpec) -> None:
    """Write down what the agent is to do, for our eyes only, and take the room for saying who it is."""
    root = Path(task.root)
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    _agents.reserve(root)
    _write(root / "task.json", to_wire(task))


def _write(path: Path, value: Any) -> None:
    temporary = path.with_suffix(".new")
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(fd, "w") as file:
        json.dump(value, file)
    temporary.replace(path)


def _sizes(total: int) -> list[int]:
    """1, 2, 4, … and ``total`` itself.

    >>> _sizes(6), _sizes(0)
    ([1, 2, 4, 6], [])
    """
    powers = [1 << n for n in range(total.bit_length()) if 1 << n <= total]
    return sorted({*powers, total} - {0})
