"""One object out of an S3 bucket, in ranges where it is large, compared by checksum."""

from __future__ import annotations

import os

from trainshed.storage import faults
from trainshed.storage.base import ObjectInfo, OnBytes, Part, Stored, Transfer
from trainshed.storage.checksum import (
    PART,
    THRESHOLD,
    composed,
    file_digest,
    is_composed,
    is_plain,
    md5,
    uploaded_part_size,
)
from trainshed.storage.files import NewFile, changed, pwrite_all
from trainshed.storage.journal import Journal, journal, this_boot
from trainshed.storage.s3_client import Patience, S3Client
from trainshed.storage.s3_http import Response
from trainshed.storage.s3_transfer import buffer_of, lost_its_server, mismatch


class S3Download(Transfer):
    """An object into a local file, in ranges at once where it is large.

    Of a large one each range that came is noted, so that a run that was killed is taken up.
    """

    def __init__(self, client: S3Client, info: ObjectInfo, path: str, root: str) -> None:
        self._client = client
        self._info = info
        self._path = path
        self._journal: Journal | None = None
        if info.size > THRESHOLD and info.etag:
            self._journal = journal(
                f"download {client.identity}/{info.key}\n{info.etag}\n{os.path.realpath(path)}"
            )
        try:
            self._file = NewFile(path, root, info.size, seed=self._journal.name if self._journal else "")
        except BaseException:
            self._let_go(keep=False)
            raise
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
        here = self._taken_up()
        spans = [(at, min(self._step, size - at)) for at in range(0, size, self._step)]
        return [self._found(*span) if span[0] in here else self._range(*span) for span in spans]

    def _taken_up(self) -> set[int]:
        """Where the ranges begin that an earlier run brought."""
        if self._journal is None:
            return set()
        state = f"{this_boot()} {os.fstat(self._file.fd).st_ino} {self._step}"
        if self._journal.lines[:1] == [state]:
            return {int(line) for line in self._journal.lines[1:]}
        self._journal.begin(state)
        return set()

    def _range(self, start: int, length: int) -> Part:
        def run(on_bytes: OnBytes) -> None:
            self._digests[start] = self._fetch(start, length, on_bytes)
            if self._journal is not None:
                self._journal.note(str(start))

        return run

    def _found(self, start: int, length: int) -> Part:
        def run(on_bytes: OnBytes) -> None:
            if self._hashing:
                self._digests[start] = file_digest(self._file.fd, start, length)
            on_bytes(length)

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
        """A whole object is told by the ETag that comes with it; some servers look twice for if-match."""
        if not start and end == self._info.size:
            return {}
        headers = {"if-match": f'"{self._info.etag}"'} if self._info.etag else {}
        return headers | {"range": f"bytes={start}-{end - 1}"}

    def _write(self, block: memoryview, at: int) -> None:
        try:
            pwrite_all(self._file.fd, block, at)
        except OSError as error:
            raise faults.from_os_error(error, self._path) from error

    def finish(self) -> Stored:
        checked = self._verify()
        self._file.commit(int(self._info.mtime * 1e9))
        self._let_go(keep=False)
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
        raise mismatch(self._client.uri(self._info.key), digests[0].hex(), self._info.etag)

    def abort(self, why: BaseException | None = None, /) -> None:
        keep = self._journal is not None and lost_its_server(why)
        self._file.discard(keep=keep)
        self._let_go(keep=keep)

    def _let_go(self, *, keep: bool) -> None:
        if self._journal is not None:
            self._journal.close(keep=keep)
