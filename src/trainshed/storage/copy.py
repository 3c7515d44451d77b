"""Whole trees from any store to any other: listed once, moved in parallel, verified."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from trainshed.core.errors import NotFound
from trainshed.storage import faults
from trainshed.storage.base import ObjectInfo, Store, Stored, Transfer
from trainshed.storage.cache import ObjectCache
from trainshed.storage.engine import Engine, Item
from trainshed.storage.folder import FolderStore
from trainshed.storage.relay import Relay, ServerCopy
from trainshed.storage.report import CopyReport, ManifestEntry, OnProgress
from trainshed.storage.uri import check_key

_LOOK_AHEAD = 20_000
OWN = ".trainshed/"  # manifests and markers of our own, never part of the data


@dataclass(frozen=True, slots=True)
class Side:
    """One end of a copy: what lies in ``store`` under ``prefix`` (empty, or with a trailing ``/``)."""

    store: Store
    prefix: str

    @property
    def folder(self) -> FolderStore | None:
        """The store, where it is a folder of this machine."""
        return self.store if isinstance(self.store, FolderStore) else None


@dataclass(frozen=True, slots=True)
class CopyOptions:
    """How to copy.

    Attributes:
        threads: parts at once; 0 for what suits the stores.
        skip_same: leave out what the destination has already, the same in size and time.
        delete: remove at the destination what the source does not have.
        manifest: list every file in the report.
        include: relative paths to copy, and no others.
        room: bytes that all of it may take at the destination; 0 for as much as its disk has.
        cache: where downloads from a server are kept for the next job on this node.
    """

    threads: int = 0
    skip_same: bool = True
    delete: bool = False
    manifest: bool = False
    include: frozenset[str] | None = None
    room: int = 0
    cache: ObjectCache | None = None
    on_progress: OnProgress | None = None
    on_stored: Callable[[str, Stored], None] | None = None
    cancel: threading.Event | None = None


def copy_tree(source: Side, target: Side, options: CopyOptions | None = None) -> CopyReport:
    """Copy what lies under ``source`` to ``target``.

    Raises:
        TrainshedError: something could not be moved; what was moved before is whole.
        Cancelled: ``options.cancel`` was set.
    """
    return _TreeCopy(source, target, options or CopyOptions()).run()


def copy_file(
    source: Store, info: ObjectInfo, target: Store, key: str, options: CopyOptions | None = None
) -> CopyReport:
    """Copy one object to ``key`` of ``target``; always, whatever is there."""
    options = options or CopyOptions()
    began = time.monotonic()
    name = key.rpartition("/")[2]
    entries: list[ManifestEntry] = []

    def stored(item: Item, what: Stored) -> None:
        entries.append(ManifestEntry(item.path, what.size, what.etag))
        if options.on_stored:
            options.on_stored(item.path, what)

    engine = Engine(
        options.threads or max(source.concurrency, target.concurrency),
        on_progress=options.on_progress,
        on_stored=stored,
        cancel=options.cancel,
    )
    _check_space(target, key, info.size, 1)

    def begin(attempt: int) -> Transfer:
        return transfer(source, _again(source, info, attempt), target, key, options.cache)

    engine.run([Item(name, info.size, begin)])
    return CopyReport(
        engine.files, engine.bytes, checksums=engine.checksums, seconds=time.monotonic() - began,
        manifest=tuple(entries) if options.manifest else (),
    )  # fmt: skip


def transfer(
    source: Store, info: ObjectInfo, target: Store, key: str, cache: ObjectCache | None = None
) -> Transfer:
    """The fastest way for one object from one store to another."""
    if source is target and not isinstance(source, FolderStore):
        return ServerCopy(source, info, key)
    if isinstance(source, FolderStore):
        return target.uploading(source.path(info.key), key, source.root)
    if isinstance(target, FolderStore):
        if cache is not None:
            return cache.downloading(source, info, target.path(key), target.root)
        return source.downloading(info, target.path(key), target.root)
    return Relay(source, info, target, key)


def _again(store: Store, info: ObjectInfo, attempt: int) -> ObjectInfo:
    """The object as it is now, for a repeat after it changed."""
    return store.stat(info.key) if attempt else info


def _check_space(store: Store, key: str, size: int, files: int) -> None:
    if isinstance(store, FolderStore):
        faults.check_space(store.path(key), size, files)


class _TreeCopy:
    def __init__(self, source: Side, target: Side, options: CopyOptions) -> None:
        self._source = source
        self._target = target
        self._options = options
        self._warnings: list[str] = []
        self._entries: list[ManifestEntry] = []
        self._skipped = self._skipped_bytes = 0
        self._extra: list[str] = []
        self._left: dict[str, ObjectInfo] = {}
        self._engine = Engine(
            options.threads or _concurrency(source.store, target.store),
            on_progress=options.on_progress,
            on_stored=self._stored,
            cancel=options.cancel,
        )

    def run(self) -> CopyReport:
        began = time.monotonic()
        with self._turn():
            self._engine.run(self._checked(self._items()))
        if self._extra:
            self._target.store.delete(self._extra)
        return CopyReport(
            files=self._engine.files,
            bytes=self._engine.bytes,
            skipped=self._skipped,
            skipped_bytes=self._skipped_bytes,
            deleted=len(self._extra),
            checksums=self._engine.checksums,
            verified=(self._engine.files, self._engine.bytes)
            == (self._engine.total_files, self._engine.total_bytes),
            seconds=time.monotonic() - began,
            warnings=tuple(self._warnings),
            manifest=tuple(sorted(self._entries, key=lambda e: e.path.encode(errors="surrogateescape"))),
        )

    def _turn(self) -> contextlib.AbstractContextManager[None]:
        cache = self._options.cache
        if cache is None or self._source.folder is not None or self._target.folder is None:
            return contextlib.nullcontext()
        return cache.turn(f"{self._source.store.identity}/{self._source.prefix}", self._options.cancel)

    def _stored(self, item: Item, stored: Stored) -> None:
        if self._options.manifest:
            self._entries.append(ManifestEntry(item.path, stored.size, stored.etag))
        if self._options.on_stored:
            self._options.on_stored(item.path, stored)

    def _items(self) -> Iterator[Item]:
        """What is to be moved; directories are made, and what is there already is counted, on the way."""
        for path, info, there in self._pairs():
            if info is None:
                if self._options.delete:
                    self._extra.append(self._target.prefix + path)
            elif info.is_directory:
                if there is None:
                    self._target.store.write(self._target.prefix + check_key(path), b"")
            elif there is not None and self._options.skip_same and self._same(info, there):
                self._skip(path, info)
            else:
                yield self._item(check_key(path), info)

    def _item(self, path: str, info: ObjectInfo) -> Item:
        source, target = self._source, self._target

        def begin(attempt: int) -> Transfer:
            now = _again(source.store, info, attempt)
            return transfer(source.store, now, target.store, target.prefix + path, self._options.cache)

        return Item(path, info.size, begin)

    def _skip(self, path: str, info: ObjectInfo) -> None:
        self._skipped += 1
        self._skipped_bytes += info.size
        if self._options.manifest:
            self._entries.append(ManifestEntry(path, info.size, info.etag))

    def _same(self, info: ObjectInfo, there: ObjectInfo) -> bool:
        if info.size != there.size:
            return False
        if self._target.folder is not None:
            return abs(info.mtime - there.mtime) < 1.0
        if there.mtime >= info.mtime:
            return True
        # a server that tells time by whole seconds: then the content decides
        source = self._source.folder
        if source is None or there.mtime < info.mtime - 1.0:
            return False
        from trainshed.storage.checksum import same_content  # late: hashing takes a while to import

        return same_content(source.path(info.key), there)

    def _pairs(self) -> Iterator[tuple[str, ObjectInfo | None, ObjectInfo | None]]:
        """Relative path, and the object on either side; what only the target has comes last."""
        there = self._lookup()
        for path, info in self._listed(self._source, warn=True):
            yield path, info, there(path)
        for path in sorted(self._left, reverse=True):
            yield path, None, self._left[path]

    def _lookup(self) -> Callable[[str], ObjectInfo | None]:
        """What tells whether the target has a path: a look at the disk, or a listing made at once."""
        if not (self._options.skip_same or self._options.delete):
            return _nothing
        folder = self._target.folder
        if folder is not None and not self._options.delete:
            return lambda path: folder.find(self._target.prefix + path)
        try:
            self._left = dict(self._listed(self._target, warn=False))
        except NotFound:
            if folder is None:
                raise
        if self._options.delete:
            return lambda path: self._left.pop(path, None)
        left, self._left = self._left, {}
        return left.get

    def _listed(self, side: Side, *, warn: bool) -> Iterator[tuple[str, ObjectInfo]]:
        if side.folder is not None and warn:
            objects = side.folder.tree(self._on_skipped).walk(side.prefix)
        else:
            objects = side.store.list(side.prefix)
        include = self._options.include
        for info in objects:
            path = info.key[len(side.prefix) :]
            if path.startswith(OWN) or not path:
                continue
            if include is None or path in include:
                yield path, info

    def _on_skipped(self, path: str, reason: str) -> None:
        if len(self._warnings) < 100:
            self._warnings.append(f"{path} was left out: {reason}")

    def _checked(self, items: Iterator[Item]) -> Iterator[Item]:
        """The same items, after a look at names and at the disk as far ahead as memory allows."""
        folder = self._target.folder
        if folder is None:
            yield from items
            return
        ahead: list[Item] = []
        total = 0
        done = False
        while not done:
            ahead.clear()
            for item in items:
                ahead.append(item)
                if len(ahead) >= _LOOK_AHEAD:
                    break
            else:
                done = True
            _check_names(ahead)
            path = folder.path(self._target.prefix)
            size = sum(i.size for i in ahead)
            total += size
            if 0 < self._options.room < total + self._skipped_bytes:
                raise faults.no_room(total + self._skipped_bytes, self._options.room)
            faults.check_space(path, size, len(ahead))
            yield from ahead


def _nothing(_: str) -> ObjectInfo | None:
    return None


def _concurrency(source: Store, target: Store) -> int:
    remote = [s.concurrency for s in (source, target) if not isinstance(s, FolderStore)]
    return max(remote) if remote else min(source.concurrency, target.concurrency)


def _check_names(items: Iterable[Item]) -> None:
    """Refuse a file and a directory of the same name before anything is moved."""
    files: set[str] = set()
    seen: set[str] = set()
    for item in items:
        directory = item.path.rpartition("/")[0]
        while directory and directory not in seen:
            seen.add(directory)
            directory = directory.rpartition("/")[0]
        files.add(item.path)
    if both := files & seen:
        raise faults.same_name(min(both))
