"""What the node knows of a failure besides the logs: memory, kernel log, disks.

Fields are those of :class:`trainshed.diagnosis.evidence.Facts`; the agent sends them as plain JSON.
"""

from __future__ import annotations

import contextlib
import os
import re
import time
from collections.abc import Iterable
from typing import Any

from trainshed.agent.cgroup import Cgroup

SHM = "/dev/shm"  # noqa: S108 the kernel's, not ours
_MOST_LINES = 20
_MOST_TEXT = 300
_FULL_BYTES = 1 << 20
_TELLING = re.compile(
    r"out of memory|oom-kill|killed process|segfault at|general protection|trap invalid|NVRM: Xid"
    r"|i/o error|remounting filesystem read-only|ext4-fs error|xfs.*error|machine check|hardware error"
    r"|mlx5_core.*(?:err|fatal)|davinci|hisi_",
    re.IGNORECASE,
)


def before() -> dict[str, Any]:
    """Where the counters stand before the script starts."""
    return {"oom": Cgroup().oom_kills(), "machine_oom": _machine_oom_kills(), "clock": time.monotonic()}


def after(since: dict[str, Any], folders: Iterable[str], *, peak_mb: float, limit_mb: int) -> dict[str, Any]:
    """What has become of them now that the script has failed.

    Args:
        since: what :func:`before` gave.
        folders: directories that the script writes to.
        peak_mb: the most that one of its processes had in memory, 0 where unknown.
        limit_mb: what the task was given, 0 for no limit.
    """
    kills = max(
        _more(Cgroup().oom_kills(), since.get("oom", -1)),
        _more(_machine_oom_kills(), since.get("machine_oom", -1)),
    )
    found: dict[str, Any] = {"oom_kills": max(kills, 0), "kernel": kernel_lines(since.get("clock", 0.0))}
    if peak_mb:
        found["memory_peak_mb"] = peak_mb
    if limit_mb:
        found["memory_limit_mb"] = limit_mb
    disks = [disk for disk in map(_disk, folders) if disk]
    found["disk_full"] = any(disk.f_bavail * disk.f_frsize < _FULL_BYTES for disk in disks)
    found["inodes_full"] = any(disk.f_files and disk.f_favail == 0 for disk in disks)
    if shm := _disk(SHM):
        found["shm_mb"] = shm.f_blocks * shm.f_frsize >> 20
        found["shm_full"] = shm.f_bavail * shm.f_frsize < _FULL_BYTES
    return found


def _more(now: int, then: int) -> int:
    return now - then if now >= 0 and then >= 0 else -1


def _machine_oom_kills() -> int:
    """How often the kernel has killed for memory anywhere on this machine; -1 where it does not say."""
    with contextlib.suppress(OSError, ValueError), open("/proc/vmstat", "rb") as file:
        for line in file:
            if line.startswith(b"oom_kill "):
                return int(line.split()[1])
    return -1


def kernel_lines(since: float, path: str = "/dev/kmsg") -> list[str]:
    """The telling lines of the kernel's log since ``time.monotonic()`` said ``since``, if we may read it."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return []
    found: list[str] = []
    try:
        while len(found) < _MOST_LINES:
            try:
                record = os.read(fd, 8192).decode("utf-8", "replace")
            except BrokenPipeError:  # it was overwritten while we read: go on with what is left
                continue
            except OSError:
                break
            if not record:
                break
            head, _, text = record.partition(";")
            text = text.split("\n", 1)[0]
            if _microseconds(head) >= since * 1e6 and _TELLING.search(text):
                found.append(text[:_MOST_TEXT])
    finally:
        os.close(fd)
    return found


def _microseconds(head: str) -> int:
    """The time of a record: the third of ``priority,sequence,time,flags``."""
    fields = head.split(",")
    return int(fields[2]) if len(fields) > 2 and fields[2].isdigit() else 0


def _disk(folder: str) -> os.statvfs_result | None:
    try:
        return os.statvfs(folder)
    except OSError:
        return None
