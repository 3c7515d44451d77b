"""One object to or from an S3 bucket, in parts where it is large, compared by checksum."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable

from trainshed.core.errors import Code, TrainshedError, Unavailable
from trainshed.storage import faults, s3_xml
from trainshed.storage.base import ObjectInfo, OnBytes, Part, Stored, Transfer
from trainshed.storage.checksum import (
    PART,
    THRESHOLD,
    composed,
    file_digest,
    is_composed,
    is_plain,
    md5,
    part_size,
    uploaded_part_size,
)
from trainshed.storage.files import NewFile, changed, open_inside, pwrite_all, same_file
from trainshed.storage.s3_client import Patience, S3Client
from trainshed.storage.s3_http import Response

_BUFFER = 256 << 10


def buffer_of(client: S3Client) -> memoryview:
    """This thread's buffer."""
    try:
        return client.buffers.view
    except AttributeError:
        client.buffers.view = memoryview(bytearray(_BUFFER))
        return client.buffers.view


class S3Download(Transfer):
    """An object into a local file, in ranges at once where it is large."""

    def __init__(self, client: S3Client, info: ObjectInfo, path: str, root: str) -> None:
        self._client = client
        self._info = info
        self._path = path
        self._file = NewFile(path, root, info.size)
        known = uploaded_part_size(info)
        self._step = known or PART
        wanted = info.size <= THRESHOLD or client.settings.hash_large
        self._hashing = wanted and (bool(known) or is_plain(info.etag))
        self._digests: dict[int, bytes] = {}

    def parts(self) -> list[Part]:
        size = self._info.size
        if size <= THRESHOLD and not is_composed(self._info.etag):
            self._step = size
            return [self._range(0, size)]
        return [self._range(at, min(self._step, size - at)) for at in range(0, size, self._step)]

    def _range(self, start: int, length: int) -> Part:
        def run(on_bytes: OnBytes) -> None:
            self._digests[start] = self._fetch(start, length, on_bytes)

        return run

    def _fetch(self, start: int, length: int, on_bytes: OnBytes) -> bytes:
        """Bring a range, going on where a broken connection left off; its MD5 digest."""
        digest = md5()
        done = 0
        patience = Patience(self._client.settings.patience_s)

        def take(response: Response) -> None:
            nonlocal done
            if response.length >= 0 and response.length != length - done:
                raise changed(self._client.uri(self._info.key))
            etag = response.headers.get("etag", "").strip('"')
            if self._info.etag and etag and etag != self._info.etag:  # not every server heeds if-match
                raise changed(self._client.uri(self._info.key))
            if "kms" in response.headers.get("x-amz-server-side-encryption", ""):
                self._hashing = False  # then the ETag is no checksum
            view = buffer_of(self._client)
            while done < length:
                n = response.readinto(view[: length - done])
                if n == 0:
                    raise ConnectionError("the answer ended before its end")
                self._write(view[:n], start + done)
                if self._hashing:
                    digest.update(view[:n])
                done += n
                patience.reset()
                on_bytes(n)

        def headers() -> dict[str, str]:
            return self._headers(start + done, start + length)

        self._client.exchange("GET", self._info.key, take, headers=headers, patience=patience)
        return digest.digest()

    def _headers(self, start: int, end: int) -> dict[str, str]:
        headers = {"if-match": f'"{self._info.etag}"'} if self._info.etag else {}
        if start or end != self._info.size:
            headers["range"] = f"bytes={start}-{end - 1}"
        return headers

    def _write(self, block: memoryview, at: int) -> None:
        try:
            pwrite_all(self._file.fd, block, at)
        except OSError as error:
            raise faults.from_os_error(error, self._path) from error

    def finish(self) -> Stored:
        checked = self._verify()
        self._file.commit(int(self._info.mtime * 1e9))
        return Stored(self._info.size, self._info.etag, checked, int(self._info.mtime * 1e9))

    def _verify(self) -> bool:
        if not self._hashing:
            return False
        digests = [self._digests[at] for at in sorted(self._digests)] or [md5().digest()]
        if is_composed(self._info.etag):
            # the size of its parts is a guess, so another sum proves nothing
            return composed(digests) == self._info.etag
        if len(digests) > 1:
            digests = [file_digest(self._file.fd)]
        if digests[0].hex() == self._info.etag:
            return True
        raise _mismatch(self._client.uri(self._info.key), digests[0].hex(), self._info.etag)

    def abort(self) -> None:
        self._file.discard()


class S3Upload(Transfer):
    """A local file to an object: one request, or a multipart upload where it is large.

    The last bytes are sent, or the parts put together, only when the file is still what it was at
    the start, so that a file caught in the middle of a change never gets its final name.
    """

    def __init__(self, client: S3Client, path: str, key: str, root: str) -> None:
        self._client = client
        self._path = path
        self._key = key
        self._fd = open_inside(path, root)
        self._before = os.fstat(self._fd)
        self._size = self._before.st_size
        self._upload_id = ""
        self._lock = threading.Lock()
        self._etags: dict[int, str] = {}
        self._sums: dict[int, bytes] = {}

    def parts(self) -> list[Part]:
        if self._size <= THRESHOLD:
            return [self._whole]
        step = part_size(self._size)
        return [
            self._part(i, at, min(step, self._size - at))
            for i, at in enumerate(range(0, self._size, step), 1)
        ]

    def _whole(self, on_bytes: OnBytes) -> None:
        self._etags[0], self._sums[0] = self._send({}, 0, self._size, on_bytes)

    def _part(self, number: int, at: int, length: int) -> Part:
        def run(on_bytes: OnBytes) -> None:
            query = {"partNumber": str(number), "uploadId": self._begun()}
            self._etags[number], self._sums[number] = self._send(query, at, length, on_bytes)

        return run

    def _begun(self) -> str:
        with self._lock:
            if not self._upload_id:
                _, body = self._client.call("POST", self._key, query={"uploads": ""})
                self._upload_id = s3_xml.first_text(body, "UploadId")
                if not self._upload_id:
                    raise _protocol(self._client, "an upload without an id")
            return self._upload_id

    def _send(self, query: dict[str, str], at: int, length: int, on_bytes: OnBytes) -> tuple[str, bytes]:
        """PUT a range of the file; the ETag that came back and the MD5 of what was sent."""
        hashing = not query or self._client.settings.hash_large
        body = _FileRange(
            self._fd, (at, length), on_bytes, self._unchanged, buffer_of(self._client), hashing=hashing
        )
        etag = self._client.exchange("PUT", self._key, _etag_of, query=query, body=body, size=length)
        return etag, body.digest

    def _unchanged(self) -> None:
        if not same_file(self._before, os.fstat(self._fd)):
            raise changed(self._path)

    def finish(self) -> Stored:
        self._unchanged()
        checked = all(self._checked(n) for n in self._etags)
        etag = self._etags.get(0) or self._complete()
        self._close()
        return Stored(self._size, etag, checked, self._before.st_mtime_ns)

    def _checked(self, number: int) -> bool:
        etag, digest = self._etags[number], self._sums[number].hex()
        if not digest or not is_plain(etag):
            return False
        if etag != digest:
            raise _mismatch(self._client.uri(self._key), etag, digest)
        return True

    def _complete(self) -> str:
        body = s3_xml.complete_request(self._etags[n] for n in sorted(self._etags))
        _, answer = self._client.call("POST", self._key, query={"uploadId": self._upload_id}, body=body)
        etag = s3_xml.first_text(answer, "ETag").strip('"')
        if not etag:
            why = s3_xml.first_text(answer, "Message") or "no ETag"
            raise _protocol(self._client, f"an upload that was not put together ({why})")
        return etag

    def abort(self) -> None:
        if self._upload_id:
            with contextlib.suppress(TrainshedError):
                self._client.exchange(
                    "DELETE", self._key, _etag_of, query={"uploadId": self._upload_id}, patience=Patience(5.0)
                )
        self._close()

    def _close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


class _FileRange:
    """A request's body: a range of a file, read anew whenever the request is repeated."""

    def __init__(
        self,
        fd: int,
        span: tuple[int, int],
        on_bytes: OnBytes,
        check: Callable[[], None],
        buffer: memoryview,
        *,
        hashing: bool,
    ) -> None:
        self._hashing = hashing
        self._fd = fd
        self._at, self._length = span
        self._on_bytes = on_bytes
        self._check = check
        self._buffer = buffer
        self._told = 0
        self.digest = b""

    def __call__(self, send: Callable[[memoryview], None]) -> None:
        self._on_bytes(-self._told)
        self._told = done = 0
        sum_ = md5()
        while done < self._length:
            block = self._read(done)
            if done + len(block) == self._length:
                self._check()
            if self._hashing:
                sum_.update(block)
            send(block)
            done += len(block)
            self._told = done
            self._on_bytes(len(block))
        self.digest = sum_.digest() if self._hashing else b""

    def _read(self, done: int) -> memoryview:
        view = self._buffer[: self._length - done]
        n = os.preadv(self._fd, [view], self._at + done)
        if n == 0:
            self._check()
            raise AssertionError("a file ended early and did not change")
        return view[:n]


def _etag_of(response: Response) -> str:
    response.read()
    return response.headers.get("etag", "").strip('"')


def _mismatch(name: str, have: str, want: str) -> Unavailable:
    return Unavailable(
        f"{name} arrived damaged (MD5 {have}, not {want}); copy it again", code=Code.CHECKSUM_MISMATCH
    )


def _protocol(client: S3Client, what: str) -> Unavailable:
    return Unavailable(f"{client.settings.endpoint.host} answered with {what}", code=Code.STORAGE_UNREACHABLE)
