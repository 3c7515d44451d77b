"""What was downloaded before, kept on the node: ten jobs on one data set download it once.

An entry is named by its content where the server gives a checksum (so that the same file in two
buckets is one entry), else by its place and ETag. Jobs get copies of their own (reflinks where the
file system can), never the entry itself, because a script may write to its inputs.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import threading
import time
from collections.abc import Generator

from trainshed.core.errors import TrainshedError
from trainshed.storage import faults
from trainshed.storage.base import ObjectInfo, OnBytes, Part, Store, Stored, Transfer
from trainshed.storage.engine import Cancelled
from trainshed.storage.file_copy import FileCopy
from trainshed.storage.files import NewFile, copy_bytes, is_temporary, open_inside, remove_old_temporaries

_SPARE = 1 << 30
_TURN_S = 0.2


class ObjectCache:
    """A folder of objects, bounded, safe across processes.

    Args:
        root: the folder; made where it is missing.
        max_bytes: what it may take; 0 for a fifth of the disk.
    """

    def __init__(self, root: str | os.PathLike[str], max_bytes: int = 0) -> None:
        self._root = os.path.realpath(root)
        for part in ("objects", "turns"):
            os.makedirs(f"{self._root}/{part}", exist_ok=True)  # noqa: PTH103
        self._max = max_bytes or _fifth(self._root)
        self._added = 0
        self._lock = threading.Lock()
        self.hits = 0
        self.misses = 0

    def path(self, store: Store, info: ObjectInfo) -> str:
        """Where the object is, if it is kept."""
        from trainshed.storage.checksum import is_plain

        place = "" if is_plain(info.etag) else f"{store.identity}\n{info.key}\n"
        text = f"{place}{info.etag}\n{info.size}"
        name = _digest(text)
        return f"{self._root}/objects/{name[:2]}/{name}"

    def has(self, path: str, size: int) -> bool:
        """Whether the entry is there and whole; then it counts as used now."""
        try:
            if os.stat(path).st_size != size:  # noqa: PTH116
                return False
            os.utime(path)
        except OSError:
            return False
        return True

    def put(self, path: str, source: str, size: int) -> None:
        """Keep a copy of ``source`` as the entry ``path``; not where there is no room."""
        free = faults.free_space(self._root)
        if size > self._max // 2 or (free is not None and free[0] < size + _SPARE):
            return
        with contextlib.suppress(TrainshedError, OSError):
            fd = open_inside(source, "")
            try:
                new = NewFile(path, self._root, size)
                try:
                    whole = copy_bytes(fd, new.fd, size, _unheard) == size
                except BaseException:
                    new.discard()
                    raise
                new.commit() if whole else new.discard()
            finally:
                os.close(fd)
            with self._lock:
                self._added += size

    @contextlib.contextmanager
    def turn(self, what: str, cancel: threading.Event | None = None) -> Generator[None]:
        """One copy of ``what`` at a time on this node: the others wait, and then find it here."""
        name = _digest(what)[:32]
        fd = os.open(f"{self._root}/turns/{name}", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            while not _locked(fd):
                if cancel is not None and cancel.is_set():
                    raise Cancelled("the copy was stopped")
                time.sleep(_TURN_S)
            yield
        finally:
            os.close(fd)
        self.trim()

    def trim(self, *, force: bool = False) -> None:
        """Remove what was not used for longest, until the cache is within its bounds."""
        with self._lock:
            if not self._added and not force:
                return
            self._added = 0
        fd = os.open(f"{self._root}/trim.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            if _locked(fd):
                self._trim()
        finally:
            os.close(fd)

    def _trim(self) -> None:
        entries: list[tuple[float, int, str]] = []
        with os.scandir(f"{self._root}/objects") as shelves:
            for shelf in shelves:
                remove_old_temporaries(shelf.path)
                entries.extend(_entries(shelf.path))
        total = sum(size for _, size, _ in entries)
        if total <= self._max:
            return
        for _, size, path in sorted(entries):
            with contextlib.suppress(OSError):
                os.unlink(path)  # noqa: PTH108
            total -= size
            if total <= self._max * 9 // 10:
                return

    def downloading(self, store: Store, info: ObjectInfo, path: str, root: str) -> Transfer:
        """A transfer to ``path`` from the cache, or else from ``store`` by way of the cache."""
        entry = self.path(store, info)
        if info.size and self.has(entry, info.size):
            self.hits += 1
            return _FromCache(self, store, info, path, root)
        self.misses += 1
        return _IntoCache(self, store.downloading(info, path, root), entry, path)


class _FromCache(Transfer):
    """A copy of an entry; from the store after all, where the entry goes away meanwhile."""

    def __init__(self, cache: ObjectCache, store: Store, info: ObjectInfo, path: str, root: str) -> None:
        self._info = info
        entry = cache.path(store, info)
        self._inner: Transfer = FileCopy(
            lambda: open_inside(entry, ""),
            lambda size, mode: NewFile(path, root, size, mode),
            entry,
            mtime_ns=int(info.mtime * 1e9),
        )
        self._else = lambda: store.downloading(info, path, root)

    def parts(self) -> list[Part]:
        return [self._copy]

    def _copy(self, on_bytes: OnBytes) -> None:
        try:
            for part in self._inner.parts():
                part(on_bytes)
        except TrainshedError:
            self._inner.abort()
            self._inner = self._else()
            for part in self._inner.parts():
                part(on_bytes)

    def finish(self) -> Stored:
        stored = self._inner.finish()
        return Stored(stored.size, self._info.etag, mtime_ns=int(self._info.mtime * 1e9))

    def abort(self, why: BaseException | None = None, /) -> None:
        self._inner.abort(why)


class _IntoCache(Transfer):
    """A download whose result is kept."""

    def __init__(self, cache: ObjectCache, inner: Transfer, entry: str, path: str) -> None:
        self._cache, self._inner, self._entry, self._path = cache, inner, entry, path

    def parts(self) -> list[Part]:
        return self._inner.parts()

    def finish(self) -> Stored:
        stored = self._inner.finish()
        if stored.size:
            self._cache.put(self._entry, self._path, stored.size)
        return stored

    def abort(self, why: BaseException | None = None, /) -> None:
        self._inner.abort(why)


def _digest(text: str) -> str:
    import hashlib  # late: most jobs have no cache, and it takes a while

    return hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()


def _locked(fd: int) -> bool:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _entries(shelf: str) -> list[tuple[float, int, str]]:
    found: list[tuple[float, int, str]] = []
    with contextlib.suppress(OSError), os.scandir(shelf) as scan:
        for entry in scan:
            if not is_temporary(entry.name):
                stat = entry.stat(follow_symlinks=False)
                found.append((stat.st_mtime, stat.st_blocks * 512, entry.path))
    return found


def _fifth(root: str) -> int:
    stat = os.statvfs(root)
    return stat.f_blocks * stat.f_frsize // 5


def _unheard(_: int) -> None:
    return
