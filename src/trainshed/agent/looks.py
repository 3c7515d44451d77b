"""What each rank does at a moment, from ``/proc``: the samples that the hang verdict is made of."""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Callable

from trainshed.agent import processes
from trainshed.jobs.hang import RankSample, Wait

_TICK = os.sysconf("SC_CLK_TCK")
# A wait with a limit of so many milliseconds is a timer that the script has set itself.
_TIMER_MS = 60_000

# System calls by number: what a thread sleeps in, what it waits for bytes in, and where the number of
# descriptors and the limit of a poll stand among the arguments.
_X86 = os.uname().machine == "x86_64"
_SLEEPS = {35, 230} if _X86 else {101, 115}
_NETWORK = {0, 42, 43, 44, 45, 46, 47, 288, 299} if _X86 else {63, 202, 203, 206, 207, 211, 212, 242, 243}
_SELECTS = {23, 270} if _X86 else {72}
_POLLS = {7, 271} if _X86 else {73}
_EPOLLS = {232, 281, 441} if _X86 else {22, 441}
_MILLISECONDS = {7: 2, 232: 3, 281: 3, 22: 3}


class Rank:
    """One rank on this node.

    Attributes:
        number: its global number; -1 for a process that starts ranks by itself.
        log: its log file.
    """

    def __init__(self, number: int, pid: int, log: str) -> None:
        self.number, self.pid, self.log = number, pid, log
        self._read_or_written: dict[int, int] = {}
        self._cpu_s = 0.0

    def look(self, family: list[int], accelerator: float) -> RankSample:
        """What it does now.

        Args:
            family: its processes, itself first; empty once it has ended.
        """
        cpu = 0.0
        for pid in family:
            if fields := processes.stat(pid):
                cpu += sum(int(value) for value in fields[11:15]) / _TICK
                self._read_or_written[pid] = _bytes(pid, self._read_or_written.get(pid, 0))
        self._cpu_s = cpu if family else self._cpu_s
        alive = bool(family) and family[0] == self.pid
        return RankSample(
            time=round(time.monotonic(), 3),
            rank=self.number,
            cpu_s=round(self._cpu_s, 2),
            io_bytes=sum(self._read_or_written.values()),
            log_bytes=_size(self.log),
            accelerator=accelerator,
            processes=len(family),
            wait=wait_of(self.pid) if alive else Wait.ENDED,
            wakeups=_wakeups(self.pid) if alive else 0,
        )


class Looker:
    """Looks at the ranks of one launch, whoever started them.

    Args:
        launch: the file where the supervisor says which ranks it has started.
        logs: the directory of logs.
        accelerator: the use of the task's cards in per cent, -1 where there are none.
        spare: number for a launch whose processes are no ranks themselves.
    """

    def __init__(self, launch: str, logs: str, accelerator: Callable[[], float], spare: int) -> None:
        self._launch, self._logs, self._spare = launch, logs, spare
        self._accelerator = accelerator
        self._ranks: list[Rank] = []

    @property
    def ranks(self) -> list[Rank]:
        """The ranks, once they have been started."""
        if not self._ranks:
            with contextlib.suppress(OSError, ValueError), open(self._launch, "rb") as file:
                started = [Rank(rank, pid, f"{self._logs}/{log}") for rank, pid, log in json.load(file)]
                ranks = [rank for rank in started if rank.number >= 0]
                for rank in started[:1]:
                    rank.number = max(rank.number, self._spare) if not ranks else rank.number
                self._ranks = ranks or started[:1]
        return self._ranks

    def look(self, supervisor: int) -> list[RankSample]:
        """One sample of each rank; none before they have started.

        What has forked away from its rank counts with the first of them.
        """
        ranks = self.ranks
        if not ranks:
            return []
        use = self._accelerator()
        families = processes.families(supervisor, [rank.pid for rank in ranks])
        strays = families.pop(supervisor, [])
        found = [families.get(rank.pid, []) for rank in ranks]
        found[0] = found[0] + strays
        return [rank.look(family, use) for rank, family in zip(ranks, found, strict=True)]


def wait_of(pid: int) -> Wait:
    """What the main thread of a process does."""
    fields = processes.stat(pid)
    if fields is None or fields[0] in b"ZX":
        return Wait.ENDED
    if fields[0] in b"Tt":
        return Wait.STOPPED
    if fields[0] == b"R":
        return Wait.RUNNING
    if fields[0] == b"D":
        return Wait.DISK
    try:
        with open(f"/proc/{pid}/syscall", "rb") as file:
            return wait_in(file.read().split())
    except OSError:
        return _by_name(pid)


def wait_in(call: list[bytes]) -> Wait:
    """What a thread does that is in this system call: number and arguments as ``/proc`` shows them.

    ``select`` on nothing is how older Pythons sleep, and a poll with a long limit is a timer too.

    >>> wait_in([b"230", b"0x0", b"0x1"]).value, wait_in([b"running"]).value
    ('sleep', 'running')
    >>> wait_in([b"23", b"0x0", b"0x0", b"0x0", b"0x0", b"0x7ffd"]).value
    'sleep'
    """
    if not call or call[0] == b"running":
        return Wait.RUNNING
    number = int(call[0])
    arguments = [int(value, 16) for value in call[1:7]]
    if number in _SLEEPS:
        return Wait.SLEEP
    if number in _SELECTS:
        return Wait.NETWORK if arguments[0] else Wait.SLEEP
    if number in _POLLS or number in _EPOLLS:
        descriptors = number in _EPOLLS or bool(arguments[1] & 0xFFFFFFFF)
        limit = arguments[_MILLISECONDS[number]] & 0xFFFFFFFF if number in _MILLISECONDS else 1 << 31
        timer = _TIMER_MS <= limit < 1 << 31
        return Wait.NETWORK if descriptors and not timer else Wait.SLEEP
    return Wait.NETWORK if number in _NETWORK else Wait.LOCK


def _by_name(pid: int) -> Wait:
    """By the kernel function that it waits in, where its system call may not be seen."""
    try:
        with open(f"/proc/{pid}/wchan", "rb") as file:
            name = file.read()
    except OSError:
        return Wait.UNKNOWN
    if b"nanosleep" in name:
        return Wait.SLEEP
    if any(word in name for word in (b"poll", b"select", b"recv", b"accept", b"sk_wait", b"pipe")):
        return Wait.NETWORK
    return Wait.LOCK if b"futex" in name or b"lock" in name or b"wait" in name else Wait.UNKNOWN


def _bytes(pid: int, before: int) -> int:
    """Read and written by whatever means; what was known before where it may not be seen."""
    try:
        with open(f"/proc/{pid}/io", "rb") as file:
            return sum(int(line.split()[1]) for line in file.read().splitlines()[:2])
    except (OSError, IndexError, ValueError):
        return before


def _wakeups(pid: int) -> int:
    with contextlib.suppress(OSError), open(f"/proc/{pid}/status", "rb") as file:
        for line in file:
            if line.startswith(b"voluntary_ctxt_switches:"):
                return int(line.split()[1])
    return 0


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size
    except OSError:
        return 0
