"""The processes of one launch, from the first start to the last exit; runs in the supervisor.

It ends when nothing below the supervisor lives any more: ranks, their children, and those that
forked away or called setsid, because the supervisor is a subreaper.
"""

from __future__ import annotations

import contextlib
import enum
import errno
import json
import os
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from trainshed.agent import processes
from trainshed.agent.logs import append
from trainshed.agent.warm_rank import Ended, WarmRank
from trainshed.core.wire import to_wire

LEFTOVER_GRACE_S = 5.0
_GIVE_UP_S = 30.0
_ROOM_S = 300.0
RESET = (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGHUP, signal.SIGINT)
"""Signals whose disposition a rank does not inherit."""


class Ending(enum.StrEnum):
    """Why a launch ended."""

    EXITED = "exited"
    FAILED = "failed"
    STOPPED = "stopped"
    TIMEOUT = "timeout"


@dataclass(slots=True)
class Exit:
    """How one process ended; ``code`` is None where a signal ended it."""

    index: int
    rank: int
    code: int | None
    signal: int
    at: float
    cpu_s: float = 0.0
    peak_mb: float = 0.0


@dataclass(slots=True)
class Result:
    """How a launch ended.

    Attributes:
        first: the exit of the first essential process that failed.
        error: what went wrong on our side, such as a program that could not be started.
        leftovers: how many processes had to be ended after the ranks were gone.
    """

    ending: Ending
    exits: list[Exit]
    first: Exit | None
    started_at: float
    ended_at: float
    error: str = ""
    leftovers: int = 0


def write_file(directory: int, name: str, value: Any) -> None:
    """Write a JSON file under the open ``directory``, whole or not at all."""
    temporary = f".{name}"
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600, dir_fd=directory)
    try:
        append(fd, json.dumps(value).encode())
    finally:
        os.close(fd)
    os.rename(temporary, name, src_dir_fd=directory, dst_dir_fd=directory)


def write_when_possible(directory: int, name: str, value: Any) -> None:
    """Like :func:`write_file`, but waits for room on a full disk: how a long run ended is worth that.

    Raises:
        OSError: there was none for minutes, or it is something else.
    """
    until = time.monotonic() + _ROOM_S
    while True:
        try:
            write_file(directory, name, value)
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT) or time.monotonic() > until:
                raise
            time.sleep(0.2)
        else:
            return


class Ranks:
    """One launch.

    Args:
        order: ``name``, ``processes`` (each a ``ProcessSpec`` and ``log``), ``grace_s``,
            ``limit_s`` (0 for none), ``mark``; for a warm start also ``warm`` (process → its place
            in ``connections``) and ``spaces`` (namespaces that set us apart from warm parents).
        run, log: open descriptors of the task's directories.
        wait: waits that many seconds (None: for ever) for a signal, or for one of those to be readable.
        connections: descriptors to warm parents, see :mod:`trainshed.agent.warm_rank`.

    Attributes:
        stop, force: set when the launch is to be stopped, with its grace period or without.
    """

    def __init__(
        self,
        order: dict[str, Any],
        run: int,
        log: int,
        wait: Callable[[float | None, Sequence[WarmRank]], None],
        connections: Sequence[int] = (),
    ) -> None:
        self.stop = False
        self.force = False
        self._name: str = order["name"]
        self._specs: list[dict[str, Any]] = order["processes"]
        self._mark: str = order["mark"]
        self._grace: float = order["grace_s"]
        self._run, self._log, self._wait = run, log, wait
        self._started_at = time.time()
        self._deadline = time.monotonic() + order["limit_s"] if order["limit_s"] else None
        warm: dict[str, int] = order.get("warm", {})
        self._warm = {int(index): WarmRank(connections[at]) for index, at in warm.items()}
        self._spaces: list[str] = order.get("spaces", [])
        self._pids: dict[int, int] = {}
        self._exits: dict[int, Exit] = {}
        self._first: Exit | None = None
        self._ending: Ending | None = None
        self._kill_at = 0.0
        self._give_up_at = 0.0
        self._given_up = False
        self._pause = 0.02
        self._childless = False
        self._leftovers = 0
        self._error = ""

    def execute(self) -> Result:
        """Start everything, wait for its end, and write down how it ended."""
        self._start_all()
        while not self._over():
            self._wait(self._patience(), [rank for rank in self._warm.values() if not rank.gone])
            self._reap()
            self._judge()
        self._end_strays()
        result = Result(
            self._ending or Ending.EXITED,
            [self._exits[i] for i in sorted(self._exits)],
            self._first,
            self._started_at,
            time.time(),
            self._error,
            self._leftovers,
        )
        write_when_possible(self._run, f"{self._name}.result", to_wire(result))
        return result

    def _start_all(self) -> None:
        """That it was begun is on disk before anything runs, and who runs as soon as that is known."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC
        launched = os.open(f"{self._name}.launched", flags, 0o600, dir_fd=self._run)
        try:
            for index, spec in enumerate(self._specs):
                if self._first is None:
                    self._spawn(index, spec)
            ranks = [[self._specs[i]["rank"], pid, self._specs[i]["log"]] for pid, i in self._pids.items()]
            os.write(launched, json.dumps(ranks).encode())
        finally:
            os.close(launched)

    def _spawn(self, index: int, spec: dict[str, Any]) -> None:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        try:
            out = os.open(spec["log"], flags, 0o640, dir_fd=self._log)
            try:
                pid = self._start_warm(index, spec, out) or self._start(spec, out)
            finally:
                os.close(out)
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) else str(error)
            self._error = f"{spec['argv'][0]} could not be started in {spec['cwd']}: {why}"
            missing = isinstance(error, FileNotFoundError)
            self._note(Exit(index, spec["rank"], 127 if missing else 126, 0, time.time()))
            return
        self._pids[pid] = index
        with contextlib.suppress(OSError), open(f"/proc/{pid}/oom_score_adj", "wb") as file:
            file.write(b"500")  # when memory runs out, the script goes before its supervisor

    def _start_warm(self, index: int, spec: dict[str, Any], out: int) -> int:
        """Start it from a warm parent; 0 where there is none, or it is gone."""
        rank = self._warm.get(index)
        if rank is None:
            return 0
        order = {"argv": spec["argv"], "env": self._environment(spec), "cwd": spec["cwd"]}
        return rank.pid if rank.start(order, self._spaces, out) else 0

    def _environment(self, spec: dict[str, Any]) -> dict[str, str]:
        return {**spec["env"], processes.MARK: self._mark}

    def _start(self, spec: dict[str, Any], out: int) -> int:
        os.chdir(spec["cwd"])
        return os.posix_spawn(
            spec["argv"][0],
            spec["argv"],
            self._environment(spec),
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0),
                (os.POSIX_SPAWN_DUP2, out, 1),
                (os.POSIX_SPAWN_DUP2, out, 2),
            ],
            setpgroup=0,
            setsigmask=(),
            setsigdef=RESET,
        )

    def _over(self) -> bool:
        return (self._alone and not self._pids) or self._given_up

    @property
    def _alone(self) -> bool:
        """Whether nothing of the launch lives any more, as far as we know."""
        return self._childless and all(rank.gone for rank in self._warm.values())

    def _patience(self) -> float | None:
        """Seconds until something must be done without being woken."""
        if self._ending is not None:
            return max(0.0, self._kill_at - time.monotonic())
        if self.stop or self.force or self._all_done() or self._first is not None:
            return 0.0
        if self._deadline is not None:
            return max(0.0, self._deadline - time.monotonic())
        return None

    def _reap(self) -> None:
        seen = [*self._reap_children(), *self._reap_warm()]
        # of several that are found at once, one that was killed is likelier the first than one that exited
        for each in sorted(seen, key=lambda e: (e.signal == 0, e.index)):
            self._note(each)

    def _reap_children(self) -> list[Exit]:
        seen: list[Exit] = []
        while True:
            try:
                pid, status, usage = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                self._childless = True
                return seen
            self._childless = False
            if pid == 0:
                return seen
            index = self._pids.pop(pid, None)
            if index is not None:
                spent = Ended(status, usage.ru_utime + usage.ru_stime, usage.ru_maxrss)
                seen.append(self._exit(index, spent))

    def _reap_warm(self) -> list[Exit]:
        """Those whose minder reports their end, or was killed, which kills them."""
        seen: list[Exit] = []
        for index, rank in self._warm.items():
            rank.read(lambda ended, index=index: seen.append(self._exit(index, ended)))
            if rank.gone and rank.pid in self._pids and not rank.ended:
                seen.append(self._exit(index, Ended(int(signal.SIGKILL), 0.0, 0)))
        for exited in seen:
            self._pids.pop(self._warm[exited.index].pid, None)
        return seen

    def _exit(self, index: int, ended: Ended) -> Exit:
        code = os.waitstatus_to_exitcode(ended.status)
        return Exit(
            index,
            self._specs[index]["rank"],
            code if code >= 0 else None,
            max(0, -code),
            time.time(),
            round(ended.cpu_s, 3),
            round(ended.peak_kb / 1024, 1),
        )

    def _note(self, exited: Exit) -> None:
        self._exits[exited.index] = exited
        if self._first is None and self._ending is None and self._failed(exited):
            self._first = exited

    def _failed(self, exited: Exit) -> bool:
        spec = self._specs[exited.index]
        good = exited.code == 0 or exited.code in spec["tolerated_codes"]
        return bool(spec["essential"]) and not good

    def _all_done(self) -> bool:
        return all(not s["essential"] or i in self._exits for i, s in enumerate(self._specs))

    def _judge(self) -> None:
        now = time.monotonic()
        if self._ending is None:
            self._decide(now)
        if self._ending is None:
            return
        if self.force:
            self._kill_at = min(self._kill_at, now)
        if now >= self._kill_at and not self._alone:
            self._kill(now)

    def _decide(self, now: float) -> None:
        """Whether it is time to end what still runs, and why."""
        if self._first is not None:
            self._end(Ending.FAILED, self._grace, now)
        elif self._all_done():
            self._end(Ending.EXITED, min(self._grace, LEFTOVER_GRACE_S), now)
        elif self.stop or self.force:
            self._end(Ending.STOPPED, self._grace, now)
        elif self._deadline is not None and now >= self._deadline:
            self._end(Ending.TIMEOUT, self._grace, now)

    def _end(self, ending: Ending, grace: float, now: float) -> None:
        self._ending = ending
        self._kill_at = now + grace
        if self._alone:
            return
        rest = self._rest()
        if ending is Ending.EXITED:
            self._leftovers = sum(pid not in self._pids for pid in rest)
        processes.send(rest, signal.SIGTERM)
        processes.send(rest, signal.SIGCONT)

    def _rest(self) -> list[int]:
        """All that lives below us, but the minders, which end by themselves, after the rest."""
        minders = {rank.minder for rank in self._warm.values()}
        return [pid for pid in processes.descendants(os.getpid()) if pid not in minders]

    def _end_strays(self) -> None:
        """End what a rank left behind whose minder was killed: it is below nobody, but in our sandbox."""
        if "mnt" not in self._spaces or all(rank.ended or not rank.minder for rank in self._warm.values()):
            return
        until = time.monotonic() + _GIVE_UP_S
        while rest := processes.marked(self._mark, {processes.mount_namespace()}):
            if time.monotonic() > until:
                return
            processes.send(rest, signal.SIGKILL)
            time.sleep(0.01)

    def _kill(self, now: float) -> None:
        """Once more kill all that is left; they may be forking as we look."""
        rest = self._rest()
        processes.send(rest, signal.SIGKILL)
        if not self._give_up_at:
            self._give_up_at = now + _GIVE_UP_S
        elif now >= self._give_up_at:
            self._given_up = True
            self._error = f"{len(rest)} processes could not be ended: {rest[:10]}"
        self._kill_at = now + self._pause
        self._pause = min(1.0, self._pause * 2)
