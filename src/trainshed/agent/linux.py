"""The few calls of Linux that Python's standard library lacks, by ctypes."""

from __future__ import annotations

import ctypes
import os
import struct
from collections.abc import Iterator

_libc = ctypes.CDLL(None, use_errno=True)

_PR_SET_NAME = 15
_PR_SET_CHILD_SUBREAPER = 36

CLONE_NEWNS = 0x00020000
CLONE_NEWUSER = 0x10000000

MS_RDONLY = 1
MS_REMOUNT = 32
MS_BIND = 4096
MS_REC = 16384
MS_SLAVE = 1 << 19
MNT_DETACH = 2

IN_MODIFY = 0x002
IN_MOVED_TO = 0x080
IN_CREATE = 0x100
_IN_CLOEXEC = os.O_CLOEXEC
_IN_NONBLOCK = os.O_NONBLOCK
_INOTIFY_EVENT = struct.Struct("iIII")

_SYS_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}


def _check(result: int, what: str) -> int:
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), what)
    return result


def set_name(name: str) -> None:
    """Name this thread for ``ps`` and ``top`` (15 bytes)."""
    _libc.prctl(_PR_SET_NAME, name.encode()[:15], 0, 0, 0)


def become_subreaper() -> None:
    """Have the orphans among our descendants become our children, not init's."""
    _check(_libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), "prctl")


def unshare(flags: int) -> None:
    """Leave the namespaces in ``flags`` for new ones."""
    _check(_libc.unshare(flags), "unshare")


def setns(fd: int, kind: int) -> None:
    """Enter the namespace that ``fd`` is open on."""
    _check(_libc.setns(fd, kind), "setns")


def mount(source: str, target: str, kind: str, flags: int, data: str = "") -> None:
    """mount(2)."""
    result = _libc.mount(
        os.fsencode(source), os.fsencode(target), kind.encode(), ctypes.c_ulong(flags), data.encode()
    )
    _check(result, target)


def unmount(target: str, flags: int) -> None:
    """umount2(2)."""
    _check(_libc.umount2(os.fsencode(target), flags), target)


def pivot_root(new: str, old: str) -> None:
    """pivot_root(2)."""
    number = _SYS_PIVOT_ROOT[os.uname().machine]
    _check(_libc.syscall(number, os.fsencode(new), os.fsencode(old)), "pivot_root")


class Inotify:
    """Changes in directories, as a file descriptor that becomes readable.

    Raises:
        OSError: the user has too many of them already (``fs.inotify.max_user_instances``).
    """

    def __init__(self) -> None:
        self.fd = _check(_libc.inotify_init1(_IN_CLOEXEC | _IN_NONBLOCK), "inotify_init1")

    def watch(self, path: str, mask: int) -> int:
        """Also watch the directory ``path``; returns the number that its events carry."""
        return _check(_libc.inotify_add_watch(self.fd, os.fsencode(path), mask), path)

    def unwatch(self, number: int) -> None:
        """Watch it no longer."""
        _libc.inotify_rm_watch(self.fd, number)

    def events(self) -> Iterator[tuple[int, str]]:
        """What changed since the last call: watch number and file name. Never waits."""
        while True:
            try:
                data = os.read(self.fd, 16384)
            except BlockingIOError:
                return
            at = 0
            while at < len(data):
                number, _, _, length = _INOTIFY_EVENT.unpack_from(data, at)
                at += _INOTIFY_EVENT.size
                yield number, os.fsdecode(data[at : at + length].rstrip(b"\0"))
                at += length

    def close(self) -> None:
        """Stop watching."""
        os.close(self.fd)
