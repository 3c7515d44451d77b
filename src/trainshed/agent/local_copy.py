"""Copies a small tree from one place of this machine to another, at once and in this thread.

For code that lies in a folder already; everything else is the storage's to move.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field

_PIECE = 8 << 20
_OWN = ".trainshed"  # manifests and markers of ours


@dataclass(slots=True)
class Copied:
    """What was copied.

    Attributes:
        left_out: links that lead out of the tree, and things that are no files.
    """

    files: int = 0
    bytes: int = 0
    left_out: list[str] = field(default_factory=list[str])


def copy_tree(source: str, target: str, check: Callable[[], None]) -> Copied:
    """Copy all that lies in ``source`` into ``target``; links become what they point to.

    Args:
        check: called before each file; may raise.
    """
    root = os.path.realpath(source)
    copied = Copied()
    _copy((root,), target, copied, check)
    return copied


def _copy(path: tuple[str, ...], target: str, copied: Copied, check: Callable[[], None]) -> None:
    """Copy the directory ``path[-1]``; ``path`` is the way to it from the root, to see circles."""
    os.makedirs(target, exist_ok=True)
    with os.scandir(path[-1]) as entries:
        for entry in entries:
            linked = entry.is_symlink()
            real = os.path.realpath(entry.path) if linked else entry.path
            if entry.name == _OWN:
                continue
            outside = linked and (not real.startswith(path[0] + "/") or real in path)
            if outside:
                copied.left_out.append(os.path.relpath(entry.path, path[0]))
            elif entry.is_dir():
                _copy((*path, real), f"{target}/{entry.name}", copied, check)
            elif entry.is_file():
                check()
                copied.bytes += _copy_file(entry.path, f"{target}/{entry.name}")
                copied.files += 1


def _copy_file(source: str, target: str) -> int:
    """Content, permissions and time of last change; how many bytes."""
    ours = os.open(source, os.O_RDONLY | os.O_CLOEXEC)
    try:
        facts = os.fstat(ours)
        theirs = os.open(
            target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, facts.st_mode & 0o777 | 0o600
        )
        try:
            length = 0
            while count := os.sendfile(theirs, ours, length, _PIECE):
                length += count
            os.utime(theirs, ns=(facts.st_atime_ns, facts.st_mtime_ns))
        finally:
            os.close(theirs)
    finally:
        os.close(ours)
    return length
