"""Local files under one root: opened without leaving it, written whole or not at all.

A name never leads out of the root: after each open the kernel is asked where the descriptor really
is, so that a symbolic link, put there a moment ago by a script, gains nothing.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import stat
import time
from collections.abc import Callable

from trainshed.core.errors import Code, Conflict, InvalidInput, TrainshedError
from trainshed.storage import faults

_TEMPORARY = (".trainshed-", ".tmp")
_FICLONE = 0x40049409
_STEP = 64 << 20
_BUFFER = 1 << 20
_TRIES = 100
_NO_RANGE_COPY = {errno.EXDEV, errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP, errno.EPERM, errno.EBADF}


def temporary_name(seed: str = "") -> str:
    """A name for a file that is not whole yet; no listing shows it.

    Args:
        seed: what the name is made of, for one that is to be found again.
    """
    return f"{_TEMPORARY[0]}{seed or os.urandom(8).hex()}{_TEMPORARY[1]}"


def is_temporary(name: str) -> bool:
    """Whether ``name`` came from :func:`temporary_name`."""
    return name.startswith(_TEMPORARY[0]) and name.endswith(_TEMPORARY[1])


def check_inside(fd: int, root: str, shown: str) -> None:
    """Raise unless the open ``fd`` lies under ``root`` (a real path without trailing ``/``)."""
    where = os.readlink(f"/proc/self/fd/{fd}")  # noqa: PTH115
    if root and where != root and not where.startswith(root + "/"):
        raise InvalidInput(
            f"{shown} leads outside its folder by a symbolic link, which is not followed; put a copy there",
            code=Code.PATH_INVALID,
        )


def open_inside(path: str, root: str) -> int:
    """Open the regular file ``path`` for reading; it must lie under ``root``.

    Raises:
        TrainshedError: it does not, is missing, or is no regular file.
    """
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        if error.errno in (errno.ENOTDIR, errno.ENXIO):
            raise faults.object_not_found(path) from None
        raise faults.from_os_error(error, path) from error
    try:
        check_inside(fd, root, path)
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise faults.object_not_found(path)
    except TrainshedError:
        os.close(fd)
        raise
    return fd


class NewFile:
    """A file that appears under its name only when it is whole.

    Args:
        seed: of its first name. What an earlier run left by that name is taken up, and what is left
            of others for more than a day is removed.

    Attributes:
        fd: open for writing and reading.
    """

    def __init__(self, path: str, root: str = "", size: int = 0, mode: int = 0o666, seed: str = "") -> None:
        self.path = path
        self._name = os.path.basename(path)  # noqa: PTH119
        self._temporary = temporary_name(seed)
        self._directory, self.fd = self._create(path, root, mode)
        if seed:
            remove_old_temporaries(f"/proc/self/fd/{self._directory}")
        if size > _BUFFER:
            self._reserve(size)

    def _create(self, path: str, root: str, mode: int) -> tuple[int, int]:
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        parent = os.path.dirname(path)  # noqa: PTH120
        for _ in range(_TRIES):
            directory = _open_directory(parent, root, path)
            try:
                return directory, os.open(self._temporary, flags, mode, dir_fd=directory)
            except FileExistsError:
                if (fd := _taken_up(self._temporary, directory)) is not None:
                    return directory, fd
                os.close(directory)
            except OSError as error:
                os.close(directory)
                if error.errno != errno.ENOENT:  # else it went with its last object just now
                    raise faults.from_os_error(error, parent, path) from error
        raise faults.object_not_found(parent)

    def _reserve(self, size: int) -> None:
        """Find out now, and not after an hour, that the disk is too small."""
        try:
            os.posix_fallocate(self.fd, 0, size)
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
                self.discard()
                raise faults.from_os_error(error, self.path) from error

    def commit(self, mtime_ns: int | None = None) -> os.stat_result:
        """Put the file under its name; its modification time is ``mtime_ns`` where given."""
        try:
            if mtime_ns is not None:
                os.utime(self.fd, ns=(mtime_ns, mtime_ns))
            made = os.fstat(self.fd)
            os.rename(self._temporary, self._name, src_dir_fd=self._directory, dst_dir_fd=self._directory)
        except OSError as error:
            self.discard()
            raise faults.from_os_error(error, self.path) from error
        self._close()
        return made

    def discard(self, *, keep: bool = False) -> None:
        """Leave nothing behind, or (``keep``) what was written, for the next run."""
        if self.fd >= 0:
            if not keep:
                with contextlib.suppress(OSError):
                    os.unlink(self._temporary, dir_fd=self._directory)
            self._close()

    def _close(self) -> None:
        os.close(self.fd)
        os.close(self._directory)
        self.fd = -1


def _taken_up(name: str, directory: int) -> int | None:
    """Open what an earlier run left; None, and it is gone, where that is no plain file of our own."""
    with contextlib.suppress(OSError):
        fd = os.open(name, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK, dir_fd=directory)
        found = os.fstat(fd)
        if stat.S_ISREG(found.st_mode) and found.st_nlink == 1 and found.st_uid == os.geteuid():
            os.utime(fd)  # it is not old any more
            return fd
        os.close(fd)
    with contextlib.suppress(OSError):
        os.unlink(name, dir_fd=directory)
    return None


def _open_directory(path: str, root: str, shown: str) -> int:
    """Open the directory ``path``, made where it is missing; it must lie under ``root``."""
    for _ in range(_TRIES):
        try:
            fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except FileNotFoundError:
            _make_directories(path, root, shown)
            continue
        except OSError as error:
            raise faults.from_os_error(error, path, shown) from error
        try:
            check_inside(fd, root, shown)
        except TrainshedError:
            os.close(fd)
            raise
        return fd
    raise faults.object_not_found(path)


def _make_directories(path: str, root: str, shown: str) -> None:
    existing = path
    while existing not in {"/", root} and not os.path.isdir(existing):  # noqa: PTH112
        existing = os.path.dirname(existing)  # noqa: PTH120
    real = os.path.realpath(existing)
    if root and os.path.isdir(root) and real != root and not real.startswith(root + "/"):  # noqa: PTH112
        raise InvalidInput(f"{shown} leads outside its folder by a symbolic link", code=Code.PATH_INVALID)
    try:
        os.makedirs(path, exist_ok=True)  # noqa: PTH103
    except FileNotFoundError:
        return  # a parent went with its last object just now; the caller tries again
    except OSError as error:
        found = error.filename if isinstance(error, FileExistsError) else None
        if found and (os.path.isdir(found) or not os.path.lexists(found)):  # noqa: PTH112
            return  # it came, or went, between two looks of makedirs
        raise faults.from_os_error(error, path, shown) from error


def make_directory(path: str, root: str = "") -> None:
    """Make the directory ``path`` and its parents, under ``root``."""
    os.close(_open_directory(path, root, path))


def copy_bytes(source: int, target: int, size: int, on_bytes: Callable[[int], None]) -> int:
    """Copy ``size`` bytes between two descriptors inside the kernel; fewer where the source ends."""
    if size and _reflinked(source, target):
        on_bytes(size)
        return size
    done = 0
    try:
        while done < size and (n := os.copy_file_range(source, target, min(_STEP, size - done), done, done)):
            done += n
            on_bytes(n)
    except OSError as error:
        if error.errno not in _NO_RANGE_COPY:
            raise
        return _copy_by_hand(source, target, done, size, on_bytes)
    return done


def _reflinked(source: int, target: int) -> bool:
    try:
        fcntl.ioctl(target, _FICLONE, source)
    except OSError:
        return False
    return True


def _copy_by_hand(source: int, target: int, done: int, size: int, on_bytes: Callable[[int], None]) -> int:
    while done < size and (block := os.pread(source, min(_BUFFER, size - done), done)):
        pwrite_all(target, block, done)
        done += len(block)
        on_bytes(len(block))
    return done


def pwrite_all(fd: int, data: bytes | memoryview, offset: int) -> None:
    """Write all of ``data`` at ``offset``."""
    view = memoryview(data)
    while view:
        n = os.pwrite(fd, view, offset)
        view = view[n:]
        offset += n


def same_file(before: os.stat_result, after: os.stat_result) -> bool:
    """Whether nothing was written between the two looks."""
    return (before.st_size, before.st_mtime_ns, before.st_ino) == (
        after.st_size,
        after.st_mtime_ns,
        after.st_ino,
    )


def changed(path: str) -> Conflict:
    """The file was written to while it was copied."""
    return Conflict(
        f"{path} changed while it was copied; copy it again when nothing writes to it", code=Code.FILE_CHANGED
    )


def remove_old_temporaries(directory: str, older_than_s: float = 86_400.0) -> None:
    """Remove what copies that were killed left in ``directory`` (not below it)."""
    limit = time.time() - older_than_s
    with contextlib.suppress(OSError), os.scandir(directory) as entries:
        for entry in entries:
            if is_temporary(entry.name) and entry.stat(follow_symlinks=False).st_mtime < limit:
                os.unlink(entry.path)  # noqa: PTH108
