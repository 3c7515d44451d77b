"""Whole files and trees: into a bucket, out of one, and between two."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any, cast

from trainshed.agent.moxing_server.failures import Refusal
from trainshed.agent.moxing_server.known import Known
from trainshed.agent.moxing_server.objects import as_prefix, directory, look
from trainshed.agent.moxing_server.places import Mounts, Place
from trainshed.core.errors import Code, Conflict, Unavailable
from trainshed.storage import CopyOptions, ObjectInfo, Progress, Store, faults
from trainshed.storage.base import Transfer
from trainshed.storage.copy import OWN, Side, copy_file, copy_tree
from trainshed.storage.engine import Engine, Item
from trainshed.storage.files import make_directory
from trainshed.storage.uri import check_key

Page = dict[str, Any]
Tell = Callable[[Page], None]
_TELL_EVERY_S = 1.0
MISSING: Page = {"files": 0, "bytes": 0, "missing": True}


class Download:
    """Objects to local files; what is there already, unchanged since it came, is left.

    Args:
        names: only these, relative to ``key``; directories with all that is in them.
        into: a single file goes into ``place`` instead of becoming it.
        single: it must be a file.
    """

    def __init__(
        self, store: Store, key: str, place: Place, known: Known,
        *, names: list[str] | None, into: bool, single: bool,
    ) -> None:  # fmt: skip
        self._store = store
        self._key = key
        self._place = place
        self._known = known
        self._names = names
        self._into = into
        self._single = single
        self._skipped = self._skipped_bytes = 0

    def run(self, tell: Tell, cancel: threading.Event) -> Page:
        """Copy, and say how much it was."""
        found = self._source()
        if found is None:
            return MISSING
        if found.is_directory and self._single:
            raise Refusal("is_a_directory", "it is a directory; copy it with copy_parallel")
        if not found.is_directory:
            name = self._key.rpartition("/")[2]
            target = f"{self._place.path}/{name}" if self._into else self._place.path
            return self._move([(found, target)], tell, cancel)
        return self._move(self._files(), tell, cancel)

    def _source(self) -> ObjectInfo | None:
        """What is to be copied: for a tree copy a directory goes before a file."""
        if self._single:
            return look(self._store, self._key)
        return directory(self._store, self._key) or look(self._store, self._key)

    def _files(self) -> Iterable[tuple[ObjectInfo, str]]:
        """The objects of the tree and where they go. Directories are made."""
        prefix = as_prefix(self._key)
        infos = {
            info.key[len(prefix) :]: info
            for info in self._store.list(prefix)
            if not info.key.startswith(prefix + OWN)
        }
        if self._names is not None:
            infos = {name: infos[name] for name in _chosen(infos, self._names, self._key)}
        check_names(infos)
        make_directory(self._place.path, self._place.root)
        for name, info in infos.items():
            path = f"{self._place.path}/{check_key(name)}"
            if info.is_directory:
                make_directory(path.rstrip("/"), self._place.root)
            else:
                yield info, path

    def _move(self, wanted: Iterable[tuple[ObjectInfo, str]], tell: Tell, cancel: threading.Event) -> Page:
        files = [pair for pair in wanted if not self._is_there(*pair)]
        size = sum(info.size for info, _ in files)
        faults.check_space(self._place.path, size, len(files))
        infos = {path: info for info, path in files}
        engine = Engine(
            self._store.concurrency,
            on_progress=_teller(tell),
            on_stored=lambda item, _: self._known.note(item.path, infos[item.path].etag),
            cancel=cancel,
        )
        engine.run(Item(path, info.size, self._beginning(info, path)) for info, path in files)
        _verify(engine.files, len(files), self._key)
        total = sum(i.size for i in infos.values()) + self._skipped_bytes
        return {"files": engine.files + self._skipped, "bytes": total, "skipped": self._skipped}

    def _beginning(self, info: ObjectInfo, path: str) -> Callable[[int], Transfer]:
        def begin(attempt: int) -> Transfer:
            now = self._store.stat(info.key) if attempt else info
            return self._store.downloading(now, path, self._place.root)

        return begin

    def _is_there(self, info: ObjectInfo, path: str) -> bool:
        if not self._known.holds(path, info):
            return False
        self._skipped += 1
        self._skipped_bytes += info.size
        return True


def _chosen(infos: dict[str, ObjectInfo], names: list[str], key: str) -> list[str]:
    """The names of objects that ``names`` stand for."""
    chosen: dict[str, None] = {}
    for name in names:
        base = as_prefix(name)
        below = [name] if name in infos else [n for n in infos if n.startswith(base)]
        if not below:
            raise Refusal("not_found", f"{name} is not in {key or 'the bucket'}", name)
        chosen.update(dict.fromkeys(below))
    return list(chosen)


def check_names(names: Iterable[str]) -> None:
    """Refuse a file and a directory of the same name, which an object store can have and a folder cannot.

    Raises:
        Conflict: there is one.
    """
    files: set[str] = set()
    directories: set[str] = set()
    for name in names:
        if not name.endswith("/"):
            files.add(name)
        above = name.rstrip("/").rpartition("/")[0] if not name.endswith("/") else name.rstrip("/")
        while above and above not in directories:
            directories.add(above)
            above = above.rpartition("/")[0]
    if both := files & directories:
        raise faults.same_name(min(both))


class Upload:
    """Local files, as the rank listed them, to objects under ``key``.

    Args:
        files: ``[name, bytes, mtime_ns, path]`` each.
        directories: names of empty ones.
    """

    def __init__(
        self, store: Store, key: str, mounts: Mounts, files: list[list[Any]], directories: list[str]
    ) -> None:
        self._store = store
        self._prefix = as_prefix(key)
        self._files = [(self._name(f[0]), int(f[1]), mounts.place(str(f[3]))) for f in files]
        self._directories = [self._name(d) for d in directories]

    def _name(self, given: Any) -> str:
        check_key(self._prefix + str(given))
        return str(given)

    def run(self, tell: Tell, cancel: threading.Event) -> Page:
        """Copy, and say how much it was."""
        sizes: list[int] = []
        for name in self._directories:
            self._store.write(self._prefix + name, b"")
        engine = Engine(
            self._store.concurrency,
            on_progress=_teller(tell),
            on_stored=lambda _, stored: sizes.append(stored.size),
            cancel=cancel,
        )
        engine.run(Item(name, size, self._beginning(name, place)) for name, size, place in self._files)
        _verify(engine.files, len(self._files), self._prefix)
        return {"files": len(sizes), "bytes": sum(sizes)}

    def _beginning(self, name: str, place: Place) -> Callable[[int], Transfer]:
        return lambda _: self._store.uploading(place.path, self._prefix + name, place.root)


def listing_key(files: list[list[Any]]) -> str:
    """The same for two ranks that list the same files in the same state."""
    return hashlib.sha256(repr(files).encode("utf-8", "surrogatepass")).hexdigest()


class Transfers:
    """Objects to objects.

    Args:
        names, into, single: as for :class:`Download`.
    """

    def __init__(
        self, store: Store, key: str, target: Store, target_key: str,
        *, names: list[str] | None, into: bool, single: bool,
    ) -> None:  # fmt: skip
        self._store = store
        self._key = key
        self._target = target
        self._target_key = target_key
        self._names = names
        self._into = into
        self._single = single

    def run(self, tell: Tell, cancel: threading.Event) -> Page:
        """Copy, and say how much it was."""
        options = CopyOptions(skip_same=False, on_progress=_teller(tell), cancel=cancel)
        found = None if self._single else directory(self._store, self._key)
        if found is None:
            found = look(self._store, self._key)
        if found is None:
            return MISSING
        if not found.is_directory:
            return self._one(found, options)
        if self._single:
            raise Refusal("is_a_directory", "it is a directory; copy it with copy_parallel")
        return self._tree(options)

    def _one(self, found: ObjectInfo, options: CopyOptions) -> Page:
        key = self._target_key
        if self._into or not key:
            key = as_prefix(key) + found.key.rpartition("/")[2]
        copy_file(self._store, found, self._target, check_key(key), options)
        return {"files": 1, "bytes": found.size}

    def _tree(self, options: CopyOptions) -> Page:
        source, target = as_prefix(self._key), as_prefix(self._target_key)
        if self._store is self._target and (target.startswith(source) or source.startswith(target)):
            if source == target:
                return {"files": 0, "bytes": 0}
            raise Conflict(
                f"{self._key} and {self._target_key} lie within each other; copy to a place beside",
                code=Code.PATH_INVALID,
            )
        if self._names is not None:
            infos = {i.key[len(source) :]: i for i in self._store.list(source)}
            options = _including(options, _chosen(infos, self._names, self._key))
        report = copy_tree(Side(self._store, source), Side(self._target, target), options)
        if not report.verified:
            raise Unavailable(
                f"not all of {self._key} was copied; copy it again", code=Code.STORAGE_UNREACHABLE
            )
        return {"files": report.total_files, "bytes": report.total_bytes}


def _including(options: CopyOptions, names: list[str]) -> CopyOptions:
    return dataclasses.replace(options, include=frozenset(names))


def _verify(moved: int, wanted: int, what: str) -> None:
    if moved != wanted:
        raise Unavailable(
            f"{moved} of {wanted} files of {what} were copied; copy it again", code=Code.STORAGE_UNREACHABLE
        )


def _teller(tell: Tell) -> Callable[[Progress], None]:
    """Passes the engine's progress on, once a second."""
    last = time.monotonic()

    def on_progress(at: Progress) -> None:
        nonlocal last
        if (now := time.monotonic()) - last >= _TELL_EVERY_S:
            last = now
            tell(
                {"files": at.files, "bytes": at.bytes, "of_files": at.total_files, "of_bytes": at.total_bytes}
            )

    return on_progress


def upload_request(body: Any) -> tuple[list[list[Any]], list[str]]:
    """Files and empty directories from the JSON of a request.

    Raises:
        Refusal: it has another shape.
    """
    if not isinstance(body, dict):
        raise Refusal("invalid", "an upload wants an object with files and directories")
    given = cast("dict[str, Any]", body)
    files, directories = given.get("files"), given.get("directories")
    if not isinstance(files, list) or not isinstance(directories, list):
        raise Refusal("invalid", "an upload wants lists of files and directories")
    entries = cast("list[list[Any]]", files)
    if any(len(each) != 4 for each in entries):
        raise Refusal("invalid", "a file of an upload is [name, bytes, mtime_ns, path]")
    return entries, cast("list[str]", directories)


def real(path: str) -> str:
    """The same for every way that leads to ``path``."""
    return os.path.realpath(path)
