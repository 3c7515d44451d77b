"""All that can be done with a URI, whichever store it is in."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, BinaryIO

from trainshed.core.errors import Code, InvalidInput, NotFound
from trainshed.storage import faults
from trainshed.storage.base import ObjectInfo, Store
from trainshed.storage.copy import CopyOptions, Side, copy_file, copy_tree
from trainshed.storage.folder import FolderStore
from trainshed.storage.report import CopyReport, OnProgress
from trainshed.storage.uri import Location, parse_uri

ANY = "*"


class Buckets:
    """The stores of a project, by bucket name.

    Args:
        config: bucket name → settings, as ``TaskSpec.buckets`` has them: ``{"kind": "folder",
            "path": …}`` or ``{"kind": "s3", "endpoint": …, "access_key": …, "secret_key": …}``.
            The name ``*`` stands for every bucket that is not named.
        local: whether ``file://`` and plain paths are allowed.
    """

    def __init__(self, config: Mapping[str, Mapping[str, Any]], *, local: bool = True) -> None:
        self._config = {name: dict(settings) for name, settings in config.items()}
        self._local = FolderStore("/", "file://", is_bucket=False) if local else None
        self._stores: dict[str, Store] = {}
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"Buckets({sorted(self._config)})"

    def store(self, bucket: str) -> Store:
        """The store of a bucket.

        Raises:
            NotFound: the project has no such bucket.
        """
        with self._lock:
            if bucket not in self._stores:
                self._stores[bucket] = self._open(bucket)
            return self._stores[bucket]

    def _open(self, bucket: str) -> Store:
        settings = self._config.get(bucket) or self._config.get(ANY)
        if settings is None:
            known = ", ".join(sorted(self._config)) or "none"
            raise NotFound(
                f"there is no bucket {bucket!r} in this project (there are: {known}); add it with "
                "'trainshed storage add'",
                code=Code.BUCKET_NOT_FOUND,
            )
        return open_store(bucket, settings)

    def resolve(self, uri: str | Location) -> tuple[Store, str]:
        """The store and the key of a URI."""
        location = parse_uri(uri) if isinstance(uri, str) else uri
        if not location.is_local:
            return self.store(location.bucket), location.key
        if self._local is None:
            raise InvalidInput(
                f"{location} is a path of this machine, which is not allowed here; use a bucket",
                code=Code.LOCAL_PATH_FORBIDDEN,
            )
        return self._local, location.key.removeprefix("/")

    def kind(self, uri: str | Location) -> str:
        """``file``, ``directory``, or empty where there is nothing.

        Raises:
            Conflict: it is both, which only an object store can have.
        """
        store, key = self.resolve(uri)
        is_file = bool(key) and not key.endswith("/") and _is_file(store, key)
        if is_file and isinstance(store, FolderStore):
            return "file"
        is_directory = _is_directory(store, key)
        if is_file and is_directory:
            raise faults.same_name(str(uri))
        return "file" if is_file else "directory" if is_directory else ""

    def exists(self, uri: str | Location) -> bool:
        """Whether there is an object, or anything under the URI taken as a directory."""
        store, key = self.resolve(uri)
        return (bool(key) and not key.endswith("/") and _is_file(store, key)) or _is_directory(store, key)

    def stat(self, uri: str | Location) -> ObjectInfo:
        """The object; with a trailing ``/`` the directory.

        Raises:
            NotFound: nothing is there.
        """
        store, key = self.resolve(uri)
        return store.stat(key)

    def list(
        self, uri: str | Location, *, recursive: bool = True, start_after: str = "", own: bool = False
    ) -> Iterator[ObjectInfo]:
        """What lies under the URI taken as a directory; keys are relative to it.

        Args:
            recursive: otherwise what lies deeper is rolled up into directories.
            start_after: a relative key.
            own: also trainshed's own manifests.
        """
        store, key = self.resolve(uri)
        prefix = _as_prefix(key)
        after = prefix + start_after if start_after else ""
        for info in store.list(prefix, recursive=recursive, start_after=after):
            relative = info.key[len(prefix) :]
            if own or not relative.startswith(".trainshed/"):
                yield replace(info, key=relative)

    def open_read(self, uri: str | Location, start: int = 0, length: int | None = None) -> BinaryIO:
        """A stream of an object's bytes; the caller closes it."""
        store, key = self.resolve(uri)
        return store.open_read(key, start, length)

    def read(self, uri: str | Location) -> bytes:
        """All of an object."""
        with self.open_read(uri) as stream:
            return stream.read()

    def write(self, uri: str | Location, data: bytes | BinaryIO) -> ObjectInfo:
        """Make the object hold ``data``, whole or not at all."""
        store, key = self.resolve(uri)
        if not key:
            raise InvalidInput(f"{uri} names no object; add a path after the bucket", code=Code.URI_INVALID)
        return store.write(key, data)

    def make_directory(self, uri: str | Location) -> None:
        """Make an empty directory (a marker object in an object store)."""
        store, key = self.resolve(uri)
        if key:
            store.write(_as_prefix(key), b"")

    def delete(self, uri: str | Location, *, recursive: bool = False) -> int:
        """Delete an object or, with ``recursive``, all that lies under the URI; how many.

        Raises:
            NotFound: nothing is there.
        """
        store, key = self.resolve(uri)
        if not recursive:
            store.stat(key)
            return store.delete([key])
        if key and not key.endswith("/") and _is_file(store, key):
            return store.delete([key])
        prefix = _as_prefix(key)
        if not _is_directory(store, key):
            raise faults.object_not_found(str(uri))
        return delete_tree(store, prefix)

    def download(
        self,
        uri: str | Location,
        local_dir: str | os.PathLike[str],
        *,
        progress: OnProgress | None = None,
        options: CopyOptions | None = None,
    ) -> CopyReport:
        """Copy what the URI names into ``local_dir``: the content of a directory, or one file.

        Raises:
            NotFound: nothing is there, or only an empty directory (code INPUT_EMPTY is the caller's).
        """
        return self.copy(uri, os.fspath(local_dir).rstrip("/") + "/", progress=progress, options=options)

    def upload(
        self,
        local: str | os.PathLike[str],
        uri: str | Location,
        *,
        progress: OnProgress | None = None,
        options: CopyOptions | None = None,
    ) -> CopyReport:
        """Copy the content of a local directory under the URI, or one file to it."""
        return self.copy(os.path.abspath(os.fspath(local)), uri, progress=progress, options=options)  # noqa: PTH100

    def copy(
        self,
        source: str | Location,
        target: str | Location,
        *,
        progress: OnProgress | None = None,
        options: CopyOptions | None = None,
    ) -> CopyReport:
        """Copy a file to a file (or, with a trailing ``/``, into a directory), a directory's content
        to a directory.

        Raises:
            NotFound: the source does not exist.
            TrainshedError: something could not be moved; what was moved is whole.
        """
        options = options or CopyOptions()
        if progress is not None:
            options = replace(options, on_progress=progress)
        kind = self.kind(source)
        from_store, from_key = self.resolve(source)
        to_store, to_key = self.resolve(target)
        if kind == "":
            raise faults.object_not_found(str(source))
        if kind == "directory":
            from_side = _side(from_store, _as_prefix(from_key))
            return copy_tree(from_side, _side(to_store, _as_prefix(to_key)), options)
        if to_key.endswith("/") or not to_key:
            to_key += from_key.rpartition("/")[2]
        return copy_file(from_store, from_store.stat(from_key), to_store, to_key, options)

    def close(self) -> None:
        """Let go of all connections."""
        with self._lock:
            for store in self._stores.values():
                store.close()


def open_store(bucket: str, settings: Mapping[str, Any]) -> Store:
    """A store from a bucket's settings.

    Raises:
        InvalidInput: an unknown kind, or a setting is missing or wrong.
    """
    match settings.get("kind"):
        case "folder":
            if not settings.get("path"):
                raise InvalidInput(
                    f"bucket {bucket!r} has no 'path' in its settings", code=Code.FIELD_INVALID
                )
            return FolderStore(str(settings["path"]), f"obs://{bucket}")
        case "s3" | "obs":
            from trainshed.storage.s3 import S3Store
            from trainshed.storage.s3_client import S3Settings

            return S3Store(S3Settings.parse(bucket, settings))
        case kind:
            raise InvalidInput(
                f"bucket {bucket!r} has the unknown kind {kind!r}; use folder, s3 or obs",
                code=Code.FIELD_INVALID,
            )


def delete_tree(store: Store, prefix: str) -> int:
    """Delete all that lies under ``prefix`` (with a trailing ``/``), its own marker included."""
    count = store.delete(info.key for info in list(store.list(prefix)))
    if isinstance(store, FolderStore):
        store.remove_empty(prefix)
    elif prefix:
        store.delete([prefix])
    return count


def _as_prefix(key: str) -> str:
    return key if not key or key.endswith("/") else key + "/"


def _side(store: Store, prefix: str) -> Side:
    """A local directory becomes a store of its own, so that nothing leads out of it."""
    if isinstance(store, FolderStore) and not store.root:
        return Side(FolderStore("/" + prefix, "/" + prefix, is_bucket=False), "")
    return Side(store, prefix)


def _is_file(store: Store, key: str) -> bool:
    try:
        store.stat(key)
    except NotFound as error:
        if error.code == Code.BUCKET_NOT_FOUND:
            raise
        return False
    return True


def _is_directory(store: Store, key: str) -> bool:
    return _is_file(store, _as_prefix(key))
