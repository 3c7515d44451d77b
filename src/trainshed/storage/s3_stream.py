"""An S3 object as a file to read: from front to back without a pause, or here and there."""

from __future__ import annotations

import io
import os

from trainshed.storage.base import ObjectInfo
from trainshed.storage.files import changed
from trainshed.storage.s3_client import OpenBody, Patience, S3Client
from trainshed.storage.s3_http import ProtocolError

_FIRST = 1 << 20
_GROWTH = 4


class S3Stream(io.RawIOBase):
    """The bytes from ``start`` to ``end``.

    A first read asks for a mebibyte; whoever reads on gets more with each request, and whoever seeks
    starts anew. A connection that breaks is followed by another at the same place.
    """

    def __init__(self, client: S3Client, info: ObjectInfo, start: int, end: int) -> None:
        super().__init__()
        self._client = client
        self._info = info
        self._start = self._at = start
        self._end = end
        self._ask = _FIRST
        self._body: OpenBody | None = None

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at - self._start

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        base = {os.SEEK_SET: self._start, os.SEEK_CUR: self._at, os.SEEK_END: self._end}[whence]
        target = max(self._start, base + offset)
        if target != self._at:
            self._drop()
            self._ask = _FIRST
            self._at = target
        return self.tell()

    def readinto(self, buffer: object, /) -> int:
        view = memoryview(buffer)[: max(0, self._end - self._at)]  # type: ignore[arg-type]
        if not view:
            return 0
        patience = Patience(self._client.settings.patience_s)
        while True:
            body = self._opened(len(view), patience)
            try:
                n = body.readinto(view)
            except (OSError, ProtocolError) as error:
                self._drop()
                if not patience.bear():
                    raise self._client.unreachable(error) from error
                continue
            if n:
                self._at += n
                return n
            self._drop()  # the range is through; ask for the next

    def _opened(self, least: int, patience: Patience) -> OpenBody:
        if self._body is None:
            last = min(self._end, self._at + max(least, self._ask)) - 1
            headers = {"range": f"bytes={self._at}-{last}"}
            if self._info.etag:
                headers["if-match"] = f'"{self._info.etag}"'
            self._body = self._client.open_body(self._info.key, headers, patience)
            self._ask *= _GROWTH
            etag = self._body.response.headers.get("etag", "").strip('"')
            if self._info.etag and etag and etag != self._info.etag:  # not every server heeds if-match
                raise changed(self._client.uri(self._info.key))
        return self._body

    def _drop(self) -> None:
        if self._body is not None:
            self._body.close()
            self._body = None

    def close(self) -> None:
        if not self.closed:
            self._drop()
        super().close()
