"""A bucket of a service, through the service: for a command that may not see the bucket itself."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO, cast

import httpx

from trainshed.client.transport import Transport
from trainshed.core.errors import Code, NotFound, Unavailable
from trainshed.storage.base import ObjectInfo, OnBytes, Part, Store, Stored, Transfer
from trainshed.storage.files import NewFile, changed, open_inside, pwrite_all, same_file
from trainshed.storage.uri import check_key

_CHUNK = 1 << 20
_IN_MEMORY = 8 << 20


class HttpStore(Store):
    """Objects of ``obs://bucket/`` by way of the service's object routes.

    Args:
        url: of the objects routes, ``/v2/{project}/objects``.
    """

    kind = "http"
    concurrency = 8

    def __init__(self, transport: Transport, url: str, bucket: str) -> None:
        self._transport = transport
        self._url = url
        self._bucket = bucket

    def _uri(self, key: str) -> str:
        return f"obs://{self._bucket}/{check_key(key)}"

    def list(
        self, prefix: str = "", *, recursive: bool = True, start_after: str = ""
    ) -> Iterator[ObjectInfo]:
        directory = prefix[: prefix.rfind("/") + 1]
        marker = start_after.removeprefix(directory)
        while True:
            query = {"uri": self._uri(directory), "recursive": str(recursive).lower(), "limit": 10_000}
            page = self._transport.json("GET", self._url + "/list", **query, marker=marker or None)
            for item in page["objects"]:
                info = _info(directory, item)
                if info.key.startswith(prefix):
                    yield info
            marker = page.get("next_marker") or ""
            if not marker:
                return

    def stat(self, key: str) -> ObjectInfo:
        name = key.rstrip("/").rpartition("/")[2]
        parent = key.rstrip("/")[: -len(name)] if name else ""
        if not key:
            next(self.list("", recursive=False), None)
            return ObjectInfo(key, is_directory=True)
        for info in self.list(parent + name, recursive=False):
            if info.key == key:
                return info
        raise NotFound(f"{self._uri(key)} does not exist", code=Code.OBJECT_NOT_FOUND)

    def open_read(
        self, key: str, start: int = 0, length: int | None = None, *, info: ObjectInfo | None = None
    ) -> BinaryIO:
        """Through a file of its own, because a part alone cannot be asked for."""
        del info  # the service asks again
        spool = tempfile.SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115 (the caller closes it)
        try:
            with self.chunks(key) as chunks:
                for chunk in chunks:
                    spool.write(chunk)
        except BaseException:
            spool.close()
            raise
        spool.truncate(spool.tell() if length is None else min(spool.tell(), start + length))
        spool.seek(start)
        return cast("BinaryIO", spool)

    def chunks(self, key: str) -> contextlib.AbstractContextManager[Iterator[bytes]]:
        """The object's bytes as they arrive."""
        return self._transport.stream(self._url, {"uri": self._uri(key)})

    def write(self, key: str, data: bytes | BinaryIO) -> ObjectInfo:
        content = data if isinstance(data, bytes) else data.read()
        return self.put(key, content, len(content))

    def put(self, key: str, content: Any, size: int) -> ObjectInfo:
        """Send an object whose length is known."""
        headers = {"Content-Type": "application/octet-stream", "Content-Length": str(size)}
        answer = self._transport.send(
            "PUT", self._url, query={"uri": self._uri(key)}, content=content, headers=headers, timeout=600
        )
        item = cast("dict[str, Any]", answer.json())
        return ObjectInfo(key, size, item["mtime"] / 1000, item.get("etag", ""), key.endswith("/"))

    def delete(self, keys: Iterable[str]) -> int:
        count = 0
        for key in keys:
            count += 1
            with contextlib.suppress(NotFound):
                self._transport.send("DELETE", self._url, query={"uri": self._uri(key)})
        return count

    def copy(self, source: str, target: str) -> ObjectInfo:
        info = self.stat(source)
        with self.chunks(source) as chunks:
            return self.put(target, chunks, info.size)

    def downloading(self, info: ObjectInfo, path: str, root: str = "") -> Transfer:
        return _Download(self, info, path, root)

    def uploading(self, path: str, key: str, root: str = "") -> Transfer:
        return _Upload(self, path, key, root)

    def check(self) -> None:
        next(self.list("", recursive=False), None)


def _info(directory: str, item: dict[str, Any]) -> ObjectInfo:
    return ObjectInfo(
        directory + item["key"],
        int(item["size"]),
        item["mtime"] / 1000,
        item.get("etag", ""),
        bool(item.get("is_directory")),
    )


class _Download(Transfer):
    def __init__(self, store: HttpStore, info: ObjectInfo, path: str, root: str) -> None:
        self._store, self._info = store, info
        self._file = NewFile(path, root, info.size)

    def parts(self) -> list[Part]:
        return [self._fetch]

    def _fetch(self, on_bytes: OnBytes) -> None:
        done = 0
        try:
            with self._store.chunks(self._info.key) as chunks:
                for chunk in chunks:
                    pwrite_all(self._file.fd, chunk, done)
                    done += len(chunk)
                    on_bytes(len(chunk))
        except httpx.TransportError as error:
            raise Unavailable(f"the service broke off: {error}", code=Code.SERVICE_UNREACHABLE) from error
        if done != self._info.size:
            raise changed(self._info.key)

    def finish(self) -> Stored:
        self._file.commit(int(self._info.mtime * 1e9))
        return Stored(self._info.size, self._info.etag)

    def abort(self, _why: BaseException | None = None, /) -> None:
        self._file.discard()


class _Upload(Transfer):
    def __init__(self, store: HttpStore, path: str, key: str, root: str) -> None:
        self._store, self._path, self._key = store, path, key
        self._fd = open_inside(path, root)
        self._before = os.fstat(self._fd)
        self._etag = ""

    def parts(self) -> list[Part]:
        return [self._send]

    def _send(self, on_bytes: OnBytes) -> None:
        def chunks() -> Iterator[bytes]:
            done = 0
            while done < self._before.st_size:
                block = os.pread(self._fd, _CHUNK, done)
                done += len(block)
                on_bytes(len(block))
                if not block or (done == self._before.st_size and not self._unchanged()):
                    raise changed(self._path)
                yield block

        self._etag = self._store.put(self._key, chunks(), self._before.st_size).etag

    def _unchanged(self) -> bool:
        return same_file(self._before, os.fstat(self._fd))

    def finish(self) -> Stored:
        os.close(self._fd)
        return Stored(self._before.st_size, self._etag, mtime_ns=self._before.st_mtime_ns)

    def abort(self, _why: BaseException | None = None, /) -> None:
        with contextlib.suppress(OSError):
            os.close(self._fd)
