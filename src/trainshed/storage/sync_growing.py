"""Logs and event files that a script holds open all the time: what they hold so far is stored now and then.

A checkpoint that is half written is worth nothing, and so no open file is stored. A file that only
grows is worth something up to any whole line or record; it is told by its name.
"""

from __future__ import annotations

import contextlib
import fnmatch
import os
import time
from collections.abc import Generator

from trainshed.storage.files import copy_bytes, open_inside

NAMES = ("*.log", "*.jsonl", "*.out", "*.err", "*tfevents*")
_FIRST_S = 2.0
_PAUSE_S = 10.0
_BYTES_A_SECOND = 1 << 20  # of pause for each second's worth: an object cannot be appended to
_LARGEST = 256 << 20
_LINE = 64 << 10


class Growing:
    """When to look at which file again.

    >>> growing = Growing()
    >>> growing.seen("events.out.tfevents.1"), growing.seen("model.pt")
    (True, False)
    """

    def __init__(self) -> None:
        self._due: dict[str, float] = {}
        self._sizes: dict[str, int] = {}

    def seen(self, path: str) -> bool:
        """The file changed; whether it is one of these."""
        name = path.rpartition("/")[2]
        if not any(fnmatch.fnmatchcase(name, pattern) for pattern in NAMES):
            return False
        size = self._sizes.get(path)
        pause = _FIRST_S if size is None else _PAUSE_S + size / _BYTES_A_SECOND
        self._due.setdefault(path, time.monotonic() + pause)
        return True

    def next(self) -> float:
        """When one is due, by the monotonic clock."""
        return min(self._due.values(), default=float("inf"))

    def take(self) -> list[str]:
        """Those that are due; each comes again after it has changed."""
        now = time.monotonic()
        ready = [path for path, due in self._due.items() if due <= now]
        for path in ready:
            del self._due[path]
        return ready

    def stored(self, path: str, size: int) -> None:
        """So much of it is stored; larger files are looked at less often."""
        self._sizes[path] = size


@contextlib.contextmanager
def snapshot(path: str, root: str) -> Generator[tuple[str, int]]:
    """A copy of what the file, which must lie under ``root``, holds now, and its size: up to a whole
    line, where it is text.

    The size is 0, and there is no copy, where the file holds nothing whole, is too large to be
    stored again and again, or was written anew meanwhile.
    """
    import tempfile  # late: most jobs have no such file

    source = open_inside(path, root)
    try:
        size = _whole(source, path)
        with tempfile.NamedTemporaryFile(prefix=".trainshed-", suffix=".tmp") as copy:
            done = copy_bytes(source, copy.fileno(), size, lambda _: None) if 0 < size <= _LARGEST else 0
            os.ftruncate(copy.fileno(), done)  # a file system that shares blocks has copied all of it
            yield copy.name, done if done == size else 0
    finally:
        os.close(source)


def _whole(fd: int, path: str) -> int:
    """How many bytes, from the beginning, are whole lines; all of them in a file of records, whose
    readers wait for the rest of the last one.
    """
    size = os.fstat(fd).st_size
    if "tfevents" in os.path.basename(path):  # noqa: PTH119
        return size
    start = max(0, size - _LINE)
    end = os.pread(fd, size - start, start).rfind(b"\n") + 1
    return start + end if end or not start else size
