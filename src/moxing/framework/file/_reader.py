"""Reading an object piece by piece, with the next piece on its way while this one is used."""

import errno
import io
import os
from typing import Any, Dict, Optional, Tuple

from moxing.framework.file import _client, _errors
from moxing.framework.file._protocol import Connection

_FIRST = 256 << 10  # a peek at a header should cost little
_LARGEST = 4 << 20  # the gateway's own limit, too
_TRIES = 3
_DRAIN = 1 << 20  # more than this on its way to us is not worth waiting for


class RemoteReader(io.RawIOBase):
    """An object's bytes, read in order or not.

    While reading goes on in order, pieces grow to 4 MiB and the next is asked for before this one is
    used up. Every piece must be of the content that was there at the start.

    Args:
        uri: the object.
        size: bytes, as the gateway said.
        etag: of the content to read.
    """

    def __init__(self, uri: str, size: int, etag: str) -> None:
        super(RemoteReader, self).__init__()
        self.name = uri
        self.size = size
        self._etag = etag
        self._position = 0
        self._piece = memoryview(b"")
        self._start = 0  # of the piece
        self._buffer = bytearray()
        self._end = 0  # of the last piece that came
        self._coming: Optional[Tuple[int, int]] = None
        self._pid = 0
        self._next_length = _FIRST
        self._connection: Optional[Connection] = None

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self.size}[whence]
        if base + offset < 0:
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        self._position = base + offset
        return self._position

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer).cast("B")
        if self._position >= self.size or not len(view):
            return 0
        offset = self._position - self._start
        if 0 <= offset < len(self._piece):
            n = min(len(view), len(self._piece) - offset)
            view[:n] = self._piece[offset : offset + n]
        else:
            n = self._from_gateway(view)
        self._position += n
        return n

    def readall(self) -> bytes:
        left = max(0, self.size - self._position)
        data = bytearray(left)
        view, done = memoryview(data), 0
        while done < left:
            n = self.readinto(view[done:])
            if not n:
                break
            done += n
        return bytes(view[:done])

    def _from_gateway(self, view: memoryview) -> int:
        """Take the piece at the position: straight into ``view`` where all of it fits."""
        for attempt in range(_TRIES):
            try:
                return self._take_piece(view)
            except ConnectionError as error:
                if attempt + 1 == _TRIES:
                    why = "{} could not be read on from byte {}: {}".format(self.name, self._position, error)
                    raise _errors.MoxFileReadException(
                        _errors.Response(200, "OK", "TrainShed.8001", why), why
                    )
        return 0

    def _take_piece(self, view: memoryview) -> int:
        try:
            return self._receive_piece(view)
        except BaseException:  # a time-out's signal, too, may leave half a frame on its way
            self._drop()
            raise

    def _receive_piece(self, view: memoryview) -> int:
        length = self._expect(self._position)
        if len(view) >= length:
            self._receive(view[:length])
            return length
        if len(self._buffer) < length:
            self._buffer = bytearray(length)
        self._piece = memoryview(b"")  # the buffer was its, too
        piece = memoryview(self._buffer)[:length]
        self._receive(piece)
        self._piece, self._start = piece, self._position
        view[:] = piece[: len(view)]
        return len(view)

    def _expect(self, position: int) -> int:
        """Have the piece at ``position`` on its way, and return its length."""
        if self._pid != os.getpid():
            self._drop()  # the connection is our parent's
        if self._coming is None or self._coming[0] != position:
            self._forget_coming()
            if position != self._end:
                self._next_length = _FIRST
            self._ask(position)
        assert self._coming is not None
        return self._coming[1]

    def _ask(self, position: int) -> None:
        if self._connection is None:
            self._connection = _client.connect()
            self._pid = os.getpid()
        length = min(self._next_length, self.size - position)
        where: Dict[str, Any] = {"uri": self.name, "offset": position, "length": length}
        where.update(size=self.size, etag=self._etag, ahead=position == self._end and position > 0)
        self._connection.send(_client.header("read", where))
        self._coming = (position, length)

    def _receive(self, target: memoryview) -> None:
        assert self._connection is not None
        assert self._coming is not None
        position, length = self._coming
        self._coming = None
        found, body_length = self._connection.receive()
        if "error" in found:
            self._connection.body(body_length)
            raise _errors.from_answer(found["error"], self.name)
        self._connection.body_into(target[:body_length])
        if body_length != length:
            raise ConnectionResetError("{} of {} bytes came".format(body_length, length))
        in_order, self._end = position == self._end, position + length
        if in_order:
            self._next_length = min(_LARGEST, self._next_length * 2)
            if self._end < self.size:
                self._ask(self._end)

    def _forget_coming(self) -> None:
        if self._coming is None:
            return
        if self._coming[1] > _DRAIN:
            self._drop()
        else:
            assert self._connection is not None
            self._connection.body(self._connection.receive()[1])
        self._coming = None

    def _drop(self) -> None:
        self._coming = None
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def close(self) -> None:
        self._drop()
        super(RemoteReader, self).close()
