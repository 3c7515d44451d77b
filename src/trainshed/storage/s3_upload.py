"""One local file into an S3 bucket, in parts where it is large, compared by checksum."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable

from trainshed.core.errors import Code, NotFound, TrainshedError, Unavailable
from trainshed.storage import s3_xml
from trainshed.storage.base import OnBytes, Part, Stored, Transfer
from trainshed.storage.checksum import THRESHOLD, file_digest, is_plain, md5, part_size
from trainshed.storage.files import changed, open_inside, same_file
from trainshed.storage.journal import Journal, journal
from trainshed.storage.s3_client import Patience, S3Client
from trainshed.storage.s3_http import Response
from trainshed.storage.s3_transfer import buffer_of, lost_its_server, mismatch


class S3Upload(Transfer):
    """A local file to an object: one request, or a multipart upload where it is large.

    The last bytes are sent, or the parts put together, only when the file is still what it was at
    the start, so that a file caught in the middle of a change never gets its final name. Parts that
    a run which was killed has sent are not sent again.
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
        self._journal: Journal | None = None

    def parts(self) -> list[Part]:
        if self._size <= THRESHOLD:
            return [self._whole]
        step = part_size(self._size)
        there = self._taken_up()
        spans = [(at, min(step, self._size - at)) for at in range(0, self._size, step)]
        return [
            self._found(i, span, there[i].etag)
            if i in there and there[i].size == span[1]
            else self._part(i, *span)
            for i, span in enumerate(spans, 1)
        ]

    def _taken_up(self) -> dict[int, s3_xml.ListedPart]:
        """By number, the parts at the server of an upload of this very file that was broken off."""
        self._journal = journal(f"upload {self._client.identity}/{self._key}")
        if self._journal is None or len(self._journal.lines) != 2:
            return {}
        state, upload_id = self._journal.lines
        if state != self._state():
            self._give_up(upload_id)
            return {}
        try:
            parts = self._sent(upload_id)
        except NotFound:
            return {}
        self._upload_id = upload_id
        return parts

    def _sent(self, upload_id: str) -> dict[int, s3_xml.ListedPart]:
        query, parts = {"uploadId": upload_id}, dict[int, s3_xml.ListedPart]()
        while True:
            page, after = s3_xml.parse_parts(self._client.call("GET", self._key, query=query)[1])
            parts |= page
            if not after:
                return parts
            query["part-number-marker"] = after

    def _state(self) -> str:
        before = self._before
        return f"{before.st_size} {before.st_mtime_ns} {before.st_ino} {os.path.realpath(self._path)!a}"

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
                if self._journal is not None:
                    self._journal.begin(self._state(), self._upload_id)
            return self._upload_id

    def _found(self, number: int, span: tuple[int, int], etag: str) -> Part:
        """A part that is at the server, if it is what the file has there; else it is sent."""

        def run(on_bytes: OnBytes) -> None:
            digest = file_digest(self._fd, *span)
            if digest.hex() != etag:
                self._part(number, *span)(on_bytes)
                return
            self._etags[number], self._sums[number] = etag, digest
            on_bytes(span[1])

        return run

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
        self._close(keep=False)
        return Stored(self._size, etag, checked, self._before.st_mtime_ns)

    def _checked(self, number: int) -> bool:
        etag, digest = self._etags[number], self._sums[number].hex()
        if not digest or not is_plain(etag):
            return False
        if etag != digest:
            raise mismatch(self._client.uri(self._key), etag, digest)
        return True

    def _complete(self) -> str:
        body = s3_xml.complete_request(self._etags[n] for n in sorted(self._etags))
        _, answer = self._client.call("POST", self._key, query={"uploadId": self._upload_id}, body=body)
        etag = s3_xml.first_text(answer, "ETag").strip('"')
        if not etag:
            why = s3_xml.first_text(answer, "Message") or "no ETag"
            raise _protocol(self._client, f"an upload that was not put together ({why})")
        return etag

    def abort(self, why: BaseException | None = None, /) -> None:
        keep = lost_its_server(why)
        if self._upload_id and not keep:
            keep = not self._give_up(self._upload_id)
        self._close(keep=keep)

    def _give_up(self, upload_id: str) -> bool:
        """Have the server forget the parts of an upload; whether it did."""
        query = {"uploadId": upload_id}
        try:
            self._client.exchange("DELETE", self._key, _etag_of, query=query, patience=Patience(5.0))
        except TrainshedError as error:
            return isinstance(error, NotFound)
        return True

    def _close(self, *, keep: bool) -> None:
        if self._journal is not None:
            self._journal.close(keep=keep)
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


def _protocol(client: S3Client, what: str) -> Unavailable:
    return Unavailable(f"{client.settings.endpoint.host} answered with {what}", code=Code.STORAGE_UNREACHABLE)
