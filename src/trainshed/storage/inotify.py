"""The kernel's word that something in a tree changed. Linux; without it, callers look now and then."""

from __future__ import annotations

import ctypes
import errno
import os
import select
import struct
from dataclasses import dataclass

_MODIFY, _ATTRIB, _CLOSE_WRITE = 0x2, 0x4, 0x8
_MOVED_FROM, _MOVED_TO, _CREATE, _DELETE = 0x40, 0x80, 0x100, 0x200
_OVERFLOW, _IGNORED, _IS_DIR = 0x4000, 0x8000, 0x40000000
_MASK = _MODIFY | _CLOSE_WRITE | _MOVED_FROM | _MOVED_TO | _CREATE | _DELETE
_FLAGS = 0o4000 | 0o2000000  # IN_NONBLOCK | IN_CLOEXEC
_HEAD = struct.Struct("iIII")


@dataclass(frozen=True, slots=True)
class Change:
    """Something happened to ``path``.

    Attributes:
        path: absolute; empty when events were lost and everything should be looked at.
        is_directory: it is (or was) a directory.
        complete: a file was closed after writing, or moved into place.
    """

    path: str
    is_directory: bool = False
    complete: bool = False


class Watch:
    """Watches single directories (not what lies below them).

    Raises:
        OSError: the system has no inotify, or no more of it.
    """

    def __init__(self) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._fd = self._check(self._libc.inotify_init1(_FLAGS))
        self._directories: dict[int, str] = {}
        self._wake = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)

    @staticmethod
    def _check(result: int) -> int:
        if result < 0:
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code))
        return result

    def wake(self) -> None:
        """End a wait in another thread."""
        os.eventfd_write(self._wake, 1)

    def add(self, directory: str) -> None:
        """Watch ``directory`` from now on; one that is gone is ignored.

        Raises:
            OSError: the system's limit on watches is reached.
        """
        try:
            wd = self._check(self._libc.inotify_add_watch(self._fd, os.fsencode(directory), _MASK))
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.EACCES):
                return
            raise
        self._directories[wd] = directory

    def read(self, timeout_s: float) -> list[Change]:
        """Changes since the last call; waits up to ``timeout_s`` for the first."""
        poll = select.poll()
        poll.register(self._fd, select.POLLIN)
        poll.register(self._wake, select.POLLIN)
        if self._fd not in (fd for fd, _ in poll.poll(max(0.0, timeout_s) * 1000)):
            return []
        try:
            data = os.read(self._fd, 256 << 10)
        except BlockingIOError:
            return []
        changes: list[Change] = []
        at = 0
        while at < len(data):
            wd, mask, _, length = _HEAD.unpack_from(data, at)
            name = data[at + _HEAD.size : at + _HEAD.size + length].rstrip(b"\0")
            at += _HEAD.size + length
            changes.extend(self._change(wd, mask, os.fsdecode(name)))
        return changes

    def _change(self, wd: int, mask: int, name: str) -> list[Change]:
        if mask & _OVERFLOW:
            return [Change("")]
        if mask & _IGNORED:
            self._directories.pop(wd, None)
            return []
        directory = self._directories.get(wd)
        if directory is None:
            return []
        is_directory = bool(mask & _IS_DIR)
        return [Change(f"{directory}/{name}", is_directory, bool(mask & (_CLOSE_WRITE | _MOVED_TO)))]

    def close(self) -> None:
        """Stop watching."""
        if self._fd >= 0:
            os.close(self._fd)
            os.close(self._wake)
            self._fd = -1
