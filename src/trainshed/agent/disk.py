"""How much of the node's disk a task takes, counted a little at a time."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import islice

_ENTRIES = 2000
_BLOCK_MB = 512 / (1 << 20)


class DiskUse:
    """Counts what lies below some folders, however much that is.

    One call looks at some thousand entries only, so that a task with a million files costs its
    samples no more than one with ten; the sum is that of the last time around.

    Args:
        entries: how many a call looks at.
    """

    def __init__(self, *roots: str, entries: int = _ENTRIES) -> None:
        self._roots = roots
        self._entries = entries
        self._known = -1.0
        self._blocks = 0
        self._walk = self._around()

    def mb(self) -> float:
        """MiB on the disk; -1 until all was counted once."""
        found = list(islice(self._walk, self._entries))
        self._blocks += sum(found)
        if len(found) < self._entries:
            self._known = round(self._blocks * _BLOCK_MB, 1)
            self._blocks, self._walk = 0, self._around()
        return self._known

    def _around(self) -> Iterator[int]:
        """Blocks of 512 bytes of each entry; a file with several names counts once."""
        seen: set[tuple[int, int]] = set()
        todo = list(self._roots)
        while todo:
            for entry in _entries(todo.pop()):
                try:
                    status = entry.stat(follow_symlinks=False)
                    if entry.is_dir(follow_symlinks=False):
                        todo.append(entry.path)
                except OSError:
                    continue
                named = (status.st_dev, status.st_ino)
                if status.st_nlink == 1 or named not in seen:
                    yield status.st_blocks
                if status.st_nlink > 1:
                    seen.add(named)


def _entries(folder: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError:
        return []
