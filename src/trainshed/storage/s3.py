"""A bucket at an S3 server, or at OBS, which speaks the same dialect."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import io
import itertools
from collections.abc import Iterable, Iterator
from typing import BinaryIO

from trainshed.core.errors import Code, NotFound, TrainshedError, Unavailable
from trainshed.storage import faults, s3_xml
from trainshed.storage.base import ObjectInfo, Store, Transfer, run_alone
from trainshed.storage.s3_client import Patience, S3Client, S3Settings
from trainshed.storage.s3_download import S3Download
from trainshed.storage.s3_http import Response
from trainshed.storage.s3_sign import quote_key
from trainshed.storage.s3_stream import S3Stream
from trainshed.storage.s3_upload import S3Upload
from trainshed.storage.uri import check_key

_PAGE = "1000"
_COPY_WHOLE = 5 << 30
_COPY_PART = 1 << 30


class S3Store(Store):
    """Objects of one bucket."""

    kind = "s3"
    concurrency = 16

    def __init__(self, settings: S3Settings) -> None:
        self._client = S3Client(settings)
        self.identity = self._client.identity

    def list(
        self, prefix: str = "", *, recursive: bool = True, start_after: str = ""
    ) -> Iterator[ObjectInfo]:
        return _only_empty_markers(self._pages(prefix, recursive, start_after), prefix)

    def _pages(self, prefix: str, recursive: bool, marker: str) -> Iterator[ObjectInfo]:
        query = {"prefix": prefix, "max-keys": _PAGE, "encoding-type": "url"}
        if not recursive:
            query["delimiter"] = "/"
        while True:
            _, body = self._client.call("GET", query=query | {"marker": marker} if marker else query)
            page = s3_xml.parse_list(body)
            rolled = [ObjectInfo(key, is_directory=True) for key in page.directories]
            yield from sorted(page.objects + rolled, key=_byte_order) if rolled else page.objects
            if not page.next_marker:
                return
            marker = page.next_marker

    def stat(self, key: str) -> ObjectInfo:
        if key.endswith("/") or not key:
            return self._stat_directory(key)
        try:
            headers, _ = self._client.call("HEAD", check_key(key))
        except NotFound:
            self._bucket_exists()
            raise
        return ObjectInfo(
            key,
            int(headers.get("content-length", "0")),
            s3_xml.parse_http_date(headers.get("last-modified", "")),
            headers.get("etag", "").strip('"'),
        )

    def _stat_directory(self, key: str) -> ObjectInfo:
        query = {"prefix": key, "max-keys": "1", "encoding-type": "url"}
        page = s3_xml.parse_list(self._client.call("GET", query=query)[1])
        if key and not page.objects:
            raise faults.object_not_found(self._client.uri(key))
        return ObjectInfo(key, is_directory=True)

    def open_read(
        self, key: str, start: int = 0, length: int | None = None, *, info: ObjectInfo | None = None
    ) -> BinaryIO:
        info = info or self.stat(key)
        if info.is_directory:
            raise faults.object_not_found(self._client.uri(key))
        end = info.size if length is None else min(info.size, start + length)
        return io.BufferedReader(S3Stream(self._client, info, start, end), 256 << 10)

    def write(self, key: str, data: bytes | BinaryIO) -> ObjectInfo:
        check_key(key)
        if not isinstance(data, bytes):
            return self._write_stream(key, data)
        headers, _ = self._client.call("PUT", key, body=data)
        etag = headers.get("etag", "").strip('"')
        when = s3_xml.parse_http_date(headers.get("date", ""))
        return ObjectInfo(key, len(data), when, etag, key.endswith("/"))

    def _write_stream(self, key: str, data: BinaryIO) -> ObjectInfo:
        first = data.read(1 << 20)
        if len(first) < 1 << 20:
            return self.write(key, first)
        import tempfile  # late: it takes a while, and copies of trees do without

        with tempfile.NamedTemporaryFile(prefix=".trainshed-", suffix=".tmp") as spool:
            spool.write(first)
            while block := data.read(1 << 20):
                spool.write(block)
            spool.flush()
            stored = run_alone(S3Upload(self._client, spool.name, key, ""))
        return ObjectInfo(key, stored.size, etag=stored.etag)

    def delete(self, keys: Iterable[str]) -> int:
        count = 0
        for batch in _batches((check_key(k) for k in keys), 1000):
            count += len(batch)
            plain = [k for k in batch if s3_xml.is_xml_text(k)] if len(batch) > 1 else []
            if plain:
                self._delete_many(plain)
            for key in batch if not plain else (k for k in batch if not s3_xml.is_xml_text(k)):
                self._client.call("DELETE", key)
        return count

    def _delete_many(self, keys: list[str]) -> None:
        body = s3_xml.delete_request(keys)
        digest = base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode()
        _, answer = self._client.call(
            "POST", query={"delete": ""}, headers={"content-md5": digest}, body=body
        )
        wrong = [e for e in s3_xml.delete_errors(answer) if e[1] != "NoSuchKey"]
        if wrong:
            key, code, message = wrong[0]
            raise Unavailable(
                f"{len(wrong)} objects were not deleted, first {self._client.uri(key)}: {message or code}",
                code=Code.STORAGE_UNREACHABLE,
            )

    def copy(self, source: str, target: str) -> ObjectInfo:
        info = self.stat(source)
        if info.is_directory:
            raise faults.object_not_found(self._client.uri(source))
        where = {"x-amz-copy-source": f"/{quote_key(self._client.settings.bucket)}/{quote_key(source)}"}
        check_key(target)
        if info.size > _COPY_WHOLE:
            return self._copy_parts(info, target, where)
        _, body = self._client.call("PUT", target, headers=where)
        etag = s3_xml.first_text(body, "ETag").strip('"')
        if not etag:
            raise Unavailable(
                f"{self._client.uri(source)} was not copied: {s3_xml.first_text(body, 'Message')}",
                code=Code.STORAGE_UNREACHABLE,
            )
        return ObjectInfo(target, info.size, etag=etag)

    def _copy_parts(self, info: ObjectInfo, target: str, where: dict[str, str]) -> ObjectInfo:
        _, body = self._client.call("POST", target, query={"uploads": ""})
        upload = {"uploadId": s3_xml.first_text(body, "UploadId")}
        etags: list[str] = []
        try:
            for number, at in enumerate(range(0, info.size, _COPY_PART), 1):
                span = f"bytes={at}-{min(at + _COPY_PART, info.size) - 1}"
                _, body = self._client.call(
                    "PUT",
                    target,
                    query=upload | {"partNumber": str(number)},
                    headers=where | {"x-amz-copy-source-range": span},
                )
                etags.append(s3_xml.first_text(body, "ETag").strip('"'))
            _, body = self._client.call("POST", target, query=upload, body=s3_xml.complete_request(etags))
        except TrainshedError:
            with contextlib.suppress(TrainshedError):
                self._client.call("DELETE", target, query=upload)
            raise
        return ObjectInfo(target, info.size, etag=s3_xml.first_text(body, "ETag").strip('"'))

    def downloading(self, info: ObjectInfo, path: str, root: str = "") -> Transfer:
        return S3Download(self._client, info, path, root)

    def uploading(self, path: str, key: str, root: str = "") -> Transfer:
        return S3Upload(self._client, path, check_key(key), root)

    def check(self) -> None:
        query = {"max-keys": "1"}
        self._client.exchange("GET", "", Response.read, query=query, patience=Patience(5.0))

    def make_bucket(self) -> None:
        """Create the bucket at the server, where it is not there."""
        self._client.call("PUT")

    def _bucket_exists(self) -> None:
        """A HEAD's 404 does not say whether the bucket or the object is missing; this does."""
        self._client.call("GET", query={"max-keys": "1"})

    def close(self) -> None:
        self._client.close()


def _byte_order(info: ObjectInfo) -> bytes:
    return info.key.encode(errors="surrogatepass")


def _only_empty_markers(objects: Iterator[ObjectInfo], prefix: str) -> Iterator[ObjectInfo]:
    """Leave out the marker of the prefix itself and those of directories that hold something.

    What a directory holds follows its marker at once, in the order of bytes.
    """
    marker: ObjectInfo | None = None
    for info in objects:
        if marker is not None and not info.key.startswith(marker.key):
            yield marker
        marker = None
        if not info.is_directory:
            yield info
        elif info.key != prefix:
            marker = info
    if marker is not None:
        yield marker


def _batches(keys: Iterable[str], size: int) -> Iterator[list[str]]:
    iterator = iter(keys)
    while batch := list(itertools.islice(iterator, size)):
        yield batch
