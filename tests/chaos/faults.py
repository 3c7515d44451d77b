"""The faults, one function each: they hurt a world, wait, and make it whole again."""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests.chaos.plan import Fault
from tests.chaos.world import World
from tests.servers.postgresql import PostgreSQL
from tests.servers.proxy import Proxy


@dataclass
class Surroundings:
    """What a world stands on.

    Attributes:
        counts: faults that really happened, by kind; one that found no victim did not.
    """

    world: World
    postgresql: PostgreSQL | None = None
    proxy: Proxy | None = None
    disk: Path | None = None
    clock: Path | None = None
    counts: dict[str, int] = field(default_factory=dict[str, int])

    def inflict(self, fault: Fault) -> None:
        """Do it, wait as long as it lasts, and undo it."""
        if _FAULTS[fault.kind](self, fault):
            self.counts[fault.kind] = self.counts.get(fault.kind, 0) + 1


def _server_killed(on: Surroundings, fault: Fault) -> bool:
    on.world.again()
    return True


def _server_frozen(on: Surroundings, fault: Fault) -> bool:
    process = on.world.process
    assert process is not None
    process.send_signal(signal.SIGSTOP)
    time.sleep(fault.lasts_s)
    process.send_signal(signal.SIGCONT)
    return True


def _agent_killed(on: Surroundings, fault: Fault) -> bool:
    agents = on.world.agents()
    return bool(agents) and agents[fault.pick % len(agents)][1].send(signal.SIGKILL)


def _agent_frozen(on: Surroundings, fault: Fault) -> bool:
    agents = on.world.agents()
    if not agents:
        return False
    _, agent = agents[fault.pick % len(agents)]
    agent.send(signal.SIGSTOP)
    time.sleep(fault.lasts_s)
    return agent.send(signal.SIGCONT)


def _rank_killed(on: Surroundings, fault: Fault) -> bool:
    return _kill_one(on, on.world.ranks(), fault)


def _supervisor_killed(on: Surroundings, fault: Fault) -> bool:
    return _kill_one(on, on.world.supervisors(), fault)


def _kill_one(on: Surroundings, victims: list[tuple[Path, object]], fault: Fault) -> bool:
    if not victims:
        return False
    root, who = victims[fault.pick % len(victims)]
    with contextlib.suppress(OSError):
        on.world.hit.add(on.world.name_of(root))
    return bool(who.send(signal.SIGKILL))  # type: ignore[attr-defined]


def _zygote_killed(on: Surroundings, fault: Fault) -> bool:
    killed = False
    for pid in on.world.zygotes():
        with contextlib.suppress(OSError):
            os.kill(pid, signal.SIGKILL)
            killed = True
    return killed


def _database_locked(on: Surroundings, fault: Fault) -> bool:
    """Another program holds SQLite's only write lock."""
    [path] = on.world.home.glob("*.db")
    with contextlib.closing(sqlite3.connect(path, timeout=20, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        time.sleep(fault.lasts_s)
        connection.execute("ROLLBACK")
    return True


def _database_restarted(on: Surroundings, fault: Fault) -> bool:
    assert on.postgresql is not None
    on.postgresql.halt()
    time.sleep(fault.lasts_s)
    on.postgresql.resume()
    return True


def _storage_out(on: Surroundings, fault: Fault) -> bool:
    assert on.proxy is not None
    on.proxy.outage()
    time.sleep(fault.lasts_s)
    on.proxy.restore()
    return True


def _disk_full(on: Surroundings, fault: Fault) -> bool:
    """Fill the file system of the home to the last block, and make room again."""
    assert on.disk is not None
    on.world.hit.update(job.name for job in on.world.accepted)
    ballast = on.disk / "ballast"
    fd = os.open(ballast, os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        deadline = time.monotonic() + fault.lasts_s
        size = 0
        while time.monotonic() < deadline:
            try:
                size += os.pwrite(fd, bytes(1 << 16), size)
            except OSError as error:
                assert error.errno == errno.ENOSPC  # noqa: PT017
                time.sleep(0.02)
    finally:
        os.close(fd)
        ballast.unlink()
    on.world.hit.update(job.name for job in on.world.accepted)
    return True


def _clock_jumps(on: Surroundings, fault: Fault) -> bool:
    """The wall clock goes an hour forwards or back, or just a second."""
    assert on.clock is not None
    jumps = (3600.0, -3600.0, 1.0, -1.0, 86_400.0, -40.0)
    temporary = on.clock.with_suffix(".new")
    temporary.write_text(str(jumps[fault.pick % len(jumps)]))
    temporary.replace(on.clock)
    return True


_FAULTS: dict[str, Callable[[Surroundings, Fault], bool]] = {
    "server_killed": _server_killed,
    "server_frozen": _server_frozen,
    "agent_killed": _agent_killed,
    "agent_frozen": _agent_frozen,
    "rank_killed": _rank_killed,
    "supervisor_killed": _supervisor_killed,
    "zygote_killed": _zygote_killed,
    "database_locked": _database_locked,
    "database_restarted": _database_restarted,
    "storage_out": _storage_out,
    "disk_full": _disk_full,
    "clock_jumps": _clock_jumps,
}
