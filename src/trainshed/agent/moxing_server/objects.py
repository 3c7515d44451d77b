"""Looking at, reading, writing and removing single objects and directories."""

from __future__ import annotations

import contextlib
import io
import os
import tempfile
import threading
from collections.abc import Generator, Iterator
from typing import Any, BinaryIO

from trainshed.agent.moxing_server.failures import Refusal
from trainshed.agent.moxing_server.wire import Answer, Body
from trainshed.core.errors import Code, InvalidInput, NotFound, TrainshedError, Unavailable
from trainshed.storage import ObjectInfo, Store
from trainshed.storage.base import run_alone
from trainshed.storage.buckets import delete_tree
from trainshed.storage.copy import OWN
from trainshed.storage.folder import FolderStore

Entry = tuple[str, int, int]
_PAGE = 5_000
_SMALL = 4 << 20


def look(store: Store, key: str) -> ObjectInfo | None:
    """The object ``key``, else the directory, else None. A trailing ``/`` asks for the directory."""
    if key and not key.endswith("/") and (found := _stat(store, key)) is not None:
        return found
    return directory(store, key)


def directory(store: Store, key: str) -> ObjectInfo | None:
    """The directory ``key``, or None."""
    return _stat(store, as_prefix(key))


def _stat(store: Store, key: str) -> ObjectInfo | None:
    try:
        return store.stat(key)
    except NotFound as error:
        if error.code == Code.BUCKET_NOT_FOUND:
            raise
        return None


def as_prefix(key: str) -> str:
    """``key`` as that of a directory."""
    return key if not key or key.endswith("/") else key + "/"


def described(found: ObjectInfo | None) -> dict[str, Any]:
    """What ``stat`` answers."""
    if found is None:
        return {"kind": None}
    kind = "directory" if found.is_directory else "file"
    return {"kind": kind, "size": found.size, "mtime_ns": int(found.mtime * 1e9), "etag": found.etag}


def pages(store: Store, key: str, uri: str, *, recursive: bool) -> Iterator[list[Entry]]:
    """What lies in the directory ``key``, some thousand names at a time.

    Raises:
        Refusal: it is a file, or not there.
    """
    prefix = as_prefix(key)
    page: list[Entry] = []
    empty = True
    for info in store.list(prefix, recursive=recursive):
        name = info.key[len(prefix) :]
        empty = False
        if name.startswith(OWN):
            continue
        page.append((name, info.size, int(info.mtime * 1e9)))
        if len(page) >= _PAGE:
            yield page
            page = []
    if empty:
        _must_be_directory(store, key, uri)
    yield page


def _must_be_directory(store: Store, key: str, uri: str) -> None:
    found = look(store, key)
    if found is None:
        raise Refusal("not_found", f"{uri} does not exist", uri)
    if not found.is_directory:
        raise Refusal("not_a_directory", f"{uri} is a file", uri)


def open_object(store: Store, key: str, uri: str) -> Answer:
    """Size and etag of an object; its open file too, where it is one of this machine."""
    if not key or key.endswith("/"):
        raise Refusal("is_a_directory", f"{uri} is a directory", uri)
    try:
        if isinstance(store, FolderStore):
            with store.open_read(key) as stream:
                fd = os.dup(stream.fileno())
            return Answer({"size": os.fstat(fd).st_size, "etag": ""}, fd=fd)
        info = store.stat(key)
    except NotFound:
        if directory(store, key) is not None:
            raise Refusal("is_a_directory", f"{uri} is a directory", uri) from None
        raise
    return Answer({"size": info.size, "etag": info.etag})


def write(store: Store, key: str, uri: str, body: Body) -> None:
    """Make the object hold the request's body."""
    _must_name_object(key, uri)
    size = body.left
    if size <= _SMALL:
        made = store.write(key, body.whole())
    else:
        made = store.write(key, io.BufferedReader(body, 1 << 20))
    if made.size != size:
        raise Unavailable(
            f"{made.size} of {size} bytes of {uri} were written; write it again",
            code=Code.STORAGE_UNREACHABLE,
        )


def upload(store: Store, key: str, uri: str, path: str, root: str) -> None:
    """Make the object hold a local file."""
    _must_name_object(key, uri)
    run_alone(store.uploading(path, key, root))


def _must_name_object(key: str, uri: str) -> None:
    if not key or key.endswith("/"):
        raise InvalidInput(f"{uri} names no object; add a name after the '/'", code=Code.URI_INVALID)


class Appends:
    """Adds to objects, one addition at a time for each object."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._locks: dict[tuple[int, str], threading.Lock] = {}

    def add(self, store: Store, key: str, uri: str, more: BinaryIO | Body, size: int) -> None:
        """Put ``size`` bytes of ``more`` at the end of the object, which begins empty."""
        _must_name_object(key, uri)
        with self._lock:
            lock = self._locks.setdefault((id(store), key), threading.Lock())
        with lock:
            found = look(store, key)
            if found is not None and found.is_directory:
                raise Refusal("is_a_directory", f"{uri} is a directory", uri)
            if (found.size if found else 0) + size <= _SMALL:
                _add_in_memory(store, key, found, more)
            else:
                _add_on_disk(store, key, found, more)


def _add_in_memory(store: Store, key: str, found: ObjectInfo | None, more: BinaryIO | Body) -> None:
    data = b""
    if found is not None:
        with store.open_read(key) as stream:
            data = stream.read()
    store.write(key, data + _read_all(more))


def _read_all(more: BinaryIO | Body) -> bytes:
    return more.whole() if isinstance(more, Body) else more.read()


def _add_on_disk(store: Store, key: str, found: ObjectInfo | None, more: BinaryIO | Body) -> None:
    with _scratch() as path:
        if found is not None:
            run_alone(store.downloading(found, path))
        with open(path, "ab") as target:
            while block := more.read(1 << 20):
                target.write(block)
        run_alone(store.uploading(path, key))


@contextlib.contextmanager
def _scratch() -> Generator[str]:
    with tempfile.TemporaryDirectory(prefix=".trainshed-") as folder:
        yield f"{folder}/object"


def remove(store: Store, key: str, uri: str, *, recursive: bool) -> int:
    """Delete the object ``key``; with ``recursive`` also the directory of that name. How many objects."""
    if not key:
        raise InvalidInput(f"{uri} is a whole bucket, which is not removed so", code=Code.URI_INVALID)
    removed = 0
    if not key.endswith("/") and _stat(store, key) is not None:
        removed += store.delete([key])
    if recursive and directory(store, key) is not None:
        removed += max(1, delete_tree(store, as_prefix(key)))
    return removed


def make_directory(store: Store, key: str, uri: str) -> None:
    """Make an empty directory, if it is not there."""
    if not key:
        store.check()
        return
    try:
        store.write(as_prefix(key), b"")
    except TrainshedError as error:
        if error.code == Code.FILE_AND_DIRECTORY:
            raise Refusal("duplicate", f"{uri} is a file", uri) from error
        raise
