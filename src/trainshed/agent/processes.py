"""Finding and ending all processes of a task, also those that forked away or called setsid.

Three marks find them: who descends from the supervisor (which is a subreaper, so that orphans
stay below it), the variable ``TRAINSHED_TASK`` in their environment, and in a sandbox the mount
namespace, which a process cannot shed. The minder of a warm rank, a subreaper too, is named after its
supervisor (``warm-123``) and counts as its child.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

MARK = "TRAINSHED_TASK"
_MINDER = re.compile(rb"\(warm-(\d+)\)")


@dataclass(frozen=True, slots=True)
class Identity:
    """A process, told apart from a later one that got the same number.

    Attributes:
        started: clock ticks between boot and its start.
    """

    pid: int
    started: int

    @classmethod
    def of(cls, pid: int) -> Identity | None:
        """The process ``pid`` of this moment; None if there is none (or only its remains)."""
        fields = stat(pid)
        if fields is None or fields[0] in b"ZX":
            return None
        return cls(pid, int(fields[19]))

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        return Identity.of(self.pid) == self

    def open(self) -> int | None:
        """A descriptor (pidfd) that becomes readable when it ends; None if it has."""
        try:
            fd = os.pidfd_open(self.pid)
        except OSError:
            return None
        if self.alive:
            return fd
        os.close(fd)
        return None

    def send(self, number: int) -> bool:
        """Send it a signal; whether it was there to take it."""
        fd = self.open()
        if fd is None:
            return False
        try:
            signal.pidfd_send_signal(fd, number)
        except OSError:
            return False
        finally:
            os.close(fd)
        return True


def write_identity(lock: int, **more: object) -> None:
    """Have the open file say which process we are, by one write that nobody sees half done."""
    me = Identity.of(os.getpid())
    assert me is not None
    text = json.dumps({"pid": me.pid, "started": me.started, **more})
    os.pwrite(lock, text.ljust(100).encode() + b"\n", 0)


def stat(pid: int | str) -> list[bytes] | None:
    """Fields of ``/proc/PID/stat`` from the third (state) on."""
    data = _stat(pid)
    return data[data.rindex(b")") + 2 :].split() if data else None


def _stat(pid: int | str) -> bytes:
    try:
        fd = os.open(f"/proc/{pid}/stat", os.O_RDONLY)
    except OSError:
        return b""
    try:
        return os.read(fd, 1024)
    except OSError:
        return b""
    finally:
        os.close(fd)


def _pids() -> Iterator[int]:
    return (int(name) for name in os.listdir("/proc") if name.isdigit())


def descendants(root: int, *, not_in_session: int = 0) -> list[int]:
    """All live processes below ``root``, parents first; zombies are left out.

    Args:
        not_in_session: leave out those of this session.
    """
    children: dict[int, list[int]] = {}
    dead: set[int] = set()
    for pid, parents, state, session in _kin():
        for parent in parents:
            children.setdefault(parent, []).append(pid)
        if state in b"ZX" or session == not_in_session:
            dead.add(pid)
    return [pid for pid in dict.fromkeys(_below(root, children)) if pid not in dead]


def _below(root: int, children: Mapping[int, Sequence[int]]) -> Iterator[int]:
    level = children.get(root, ())
    while level:
        yield from level
        level = [child for pid in level for child in children.get(pid, ())]


def _kin() -> Iterator[tuple[int, tuple[int, ...], bytes, int]]:
    """Each process with its parents (a minder has two), state and session."""
    for pid in _pids():
        if data := _stat(pid):
            state, parent, _, session, *_ = data[data.rindex(b")") + 2 :].split(None, 4)
            minder = _MINDER.search(data)
            parents = (int(parent), int(minder[1])) if minder else (int(parent),)
            yield pid, parents, state, int(session)


def families(top: int, roots: Collection[int]) -> dict[int, list[int]]:
    """Live processes below ``top``: each of ``roots`` with what is below it, itself first.

    What is below none of them stands under ``top``.
    """
    children: dict[int, list[int]] = {}
    for pid, parents, state, _ in _kin():
        if state not in b"ZX":
            for parent in parents:
                children.setdefault(parent, []).append(pid)
    alive = set(_below(top, children))
    found = {root: [root, *_below(root, children)] for root in roots if root in alive}
    taken = {pid for family in found.values() for pid in family}
    return {**found, top: sorted(alive - taken)}


def marked(mark: str, namespaces: Collection[str] = ()) -> list[int]:
    """All live processes that carry ``mark``, or live in one of the mount namespaces.

    Args:
        mark: value of ``TRAINSHED_TASK``.
        namespaces: as the link ``/proc/PID/ns/mnt`` names them.
    """
    wanted = f"{MARK}={mark}".encode()
    me = os.getpid()
    return [
        pid
        for pid in _pids()
        if pid != me and (wanted in _environment(pid) or (namespaces and mount_namespace(pid) in namespaces))
    ]


def _environment(pid: int) -> list[bytes]:
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            return file.read().split(b"\0")
    except OSError:
        return []


def mount_namespace(pid: int | str = "self") -> str:
    """The mount namespace of a process, as its link names it; empty where that cannot be seen."""
    try:
        return os.readlink(f"/proc/{pid}/ns/mnt")
    except OSError:
        return ""


def send(pids: Iterable[int], number: int) -> None:
    """Send ``number`` to each of them that is still there."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)
