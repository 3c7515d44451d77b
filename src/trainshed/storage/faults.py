"""What went wrong with a file, as one of our errors: the disk is full, or out of inodes, or …"""

from __future__ import annotations

import errno
import os
from pathlib import Path

from trainshed.core.errors import (
    Code,
    Conflict,
    Forbidden,
    InvalidInput,
    NotFound,
    TrainshedError,
    Unavailable,
)


def from_os_error(  # noqa: PLR0911 (one sentence a fault)
    error: OSError, what: str | os.PathLike[str], shown: str = ""
) -> TrainshedError:
    """The error to raise for ``error`` on the file ``what``, shown to people as ``shown``."""
    name = shown or os.fspath(what)
    match error.errno:
        case errno.ENOENT:
            return object_not_found(name)
        case errno.ENOSPC | errno.EDQUOT:
            return no_space(what, name)
        case errno.ENOTDIR | errno.EISDIR | errno.EEXIST | errno.ENOTEMPTY:
            return same_name(name)
        case errno.EACCES | errno.EPERM | errno.EROFS:
            return Forbidden(f"no permission on {name}: {error.strerror}", code=Code.STORAGE_DENIED)
        case errno.ENAMETOOLONG:
            return InvalidInput(
                f"{name[:120]!r} has a part that is too long for a file name (255 bytes at most)",
                code=Code.PATH_INVALID,
            )
        case errno.ELOOP:
            return InvalidInput(
                f"{name} goes through a symbolic link, which is not followed", code=Code.PATH_INVALID
            )
        case _:
            return Unavailable(f"{name}: {error.strerror or error}", code=Code.STORAGE_UNREACHABLE)


def object_not_found(name: str) -> NotFound:
    """Nothing is there by that name."""
    return NotFound(f"{name} does not exist", code=Code.OBJECT_NOT_FOUND)


def same_name(name: str) -> Conflict:
    """A file where a directory is wanted, or the other way round."""
    return Conflict(
        f"{name} is both a file and a directory; rename one of them, since a folder cannot hold both",
        code=Code.FILE_AND_DIRECTORY,
    )


def no_space(path: str | os.PathLike[str], name: str = "") -> Unavailable:
    """The disk of ``path`` is full: of bytes, or of inodes, whichever it is."""
    where = name or os.fspath(path)
    free = free_space(path)
    if free is not None and free[1] == 0:
        return Unavailable(
            f"the disk of {where} has no inodes left (too many files); remove some or use fewer, larger ones",
            code=Code.INODES_EXHAUSTED,
        )
    return Unavailable(f"the disk of {where} is full; free some space and run again", code=Code.DISK_FULL)


def free_space(path: str | os.PathLike[str]) -> tuple[int, int] | None:
    """Free bytes and free inodes (-1 where the file system counts none) around ``path``."""
    for candidate in (Path(path), *Path(path).parents):
        try:
            stat = os.statvfs(candidate)
        except OSError:
            continue
        return stat.f_bavail * stat.f_frsize, stat.f_favail if stat.f_files else -1
    return None


def check_space(path: str | os.PathLike[str], size: int, files: int) -> None:
    """Whether ``files`` files of ``size`` bytes together fit on the disk of ``path``.

    Raises:
        Unavailable: they do not.
    """
    free = free_space(path)
    if free is None:
        return
    if size > free[0]:
        raise Unavailable(
            f"{_amount(size)} do not fit on the disk of {os.fspath(path)} ({_amount(free[0])} free); "
            "free some space or choose a larger disk",
            code=Code.DISK_FULL,
        )
    if 0 <= free[1] < files:
        raise Unavailable(
            f"{files} files do not fit on the disk of {os.fspath(path)}, which has {free[1]} inodes free; "
            "remove files or pack them into fewer, larger ones",
            code=Code.INODES_EXHAUSTED,
        )


def no_room(size: int, room: int) -> Unavailable:
    """More is to be copied than its place may take, whatever the disk has."""
    return Unavailable(
        f"{_amount(size)} or more are to be copied to where {_amount(room)} may be taken; "
        "choose a flavor with a larger disk, or less data",
        code=Code.DISK_FULL,
    )


def _amount(size: int) -> str:
    for unit, name in ((1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")):
        if size >= unit:
            return f"{size / unit:.1f} {name}"
    return f"{size} bytes"
