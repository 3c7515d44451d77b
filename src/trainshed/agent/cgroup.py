"""What the kernel counts for a task that has a control group of its own, as on Slurm and Kubernetes.

Versions 1 and 2. On a pool where jobs share the group of the service it says nothing about a job.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Collection, Iterator

MOUNT = "/sys/fs/cgroup"


class Cgroup:
    """The control group that this process is in.

    Args:
        mount: where the kernel shows control groups.
        said: what ``/proc/self/cgroup`` says; read if not given.
    """

    def __init__(self, mount: str = MOUNT, said: str | None = None) -> None:
        paths = _paths(_read("/proc/self/cgroup") if said is None else said)
        self._unified = os.path.exists(f"{mount}/cgroup.controllers")
        if self._unified:
            self._memory = self._cpu = self._pids = _folder(mount, paths.get("", "/"))
        else:
            self._memory = _folder(f"{mount}/memory", paths.get("memory", "/"))
            self._cpu = _folder(f"{mount}/cpuacct", paths.get("cpuacct", "/"))
            self._pids = _folder(f"{mount}/pids", paths.get("pids", "/"))

    def only(self, pids: Collection[int]) -> bool:
        """Whether ``pids`` and their ancestors are all that is in the group, and in those below it."""
        ours = {*pids, *_ancestors(os.getpid())}
        members = _members(self._memory)
        return next(members, 0) in ours and all(pid in ours for pid in members)

    def memory_mb(self) -> float:
        """MiB in use, less the pages of files that could go at once; -1 where it is not counted."""
        names = ("memory.current", "inactive_file")
        if not self._unified:
            names = ("memory.usage_in_bytes", "total_inactive_file")
        used = _read(f"{self._memory}/{names[0]}").strip()
        if not used.isdigit():
            return -1.0
        return max(0, int(used) - _counters(f"{self._memory}/memory.stat").get(names[1], 0)) / (1 << 20)

    def cpu_seconds(self) -> float:
        """CPU time used so far; -1 where it is not counted for the same processes."""
        if self._unified:
            used = _counters(f"{self._cpu}/cpu.stat").get("usage_usec")
            return -1.0 if used is None else used / 1e6
        used = _read(f"{self._cpu}/cpuacct.usage").strip()
        same = used.isdigit() and set(_members(self._cpu)) == set(_members(self._memory))
        return int(used) / 1e9 if same else -1.0

    def pids(self) -> int | None:
        """How many processes and threads may be in the group; None for any number."""
        most = _read(f"{self._pids}/pids.max").strip()
        return int(most) if most.isdigit() else None

    def oom_kills(self) -> int:
        """How many processes of the group the kernel has killed for memory; -1 where it does not say."""
        name = "memory.events" if self._unified else "memory.oom_control"
        return _counters(f"{self._memory}/{name}").get("oom_kill", -1)


def _paths(said: str) -> dict[str, str]:
    """Path by controller; that of version 2 has no controller."""
    found: dict[str, str] = {}
    for line in said.splitlines():
        _, controllers, path = line.split(":", 2)
        found |= dict.fromkeys(controllers.split(","), path)
    return found


def _folder(mount: str, path: str) -> str:
    """In a container the path may be that of the host, and what is mounted is the group itself."""
    whole = f"{mount}{path}".rstrip("/")
    return whole if os.path.isdir(whole) else mount


def _members(folder: str) -> Iterator[int]:
    """Processes of a group and of those below it."""
    for here, _, _ in os.walk(folder):
        yield from (int(pid) for pid in _read(f"{here}/cgroup.procs").split())


def _ancestors(pid: int) -> list[int]:
    found: list[int] = []
    while pid > 0:
        found.append(pid)
        said = _read(f"/proc/{pid}/stat")
        pid = int(said[said.rindex(")") + 2 :].split()[1]) if said else 0
    return found


def _counters(path: str) -> dict[str, int]:
    lines = (line.split() for line in _read(path).splitlines())
    return {words[0]: int(words[1]) for words in lines if len(words) == 2 and words[1].isdigit()}


def _read(path: str) -> str:
    with contextlib.suppress(OSError), open(path, encoding="utf-8", errors="replace") as file:
        return file.read()
    return ""
