"""Bodies that stream: from a request into a file or a store, and from a store into an answer."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import io
import queue
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from typing import TYPE_CHECKING, BinaryIO, TypeVar

from anyio import to_thread
from fastapi import Request

from trainshed.core.errors import Code, TooLarge

if TYPE_CHECKING:
    from typing_extensions import Buffer

T = TypeVar("T")

BLOCK = 1 << 20
_AHEAD = 4


async def blocks(request: Request, limit: int) -> AsyncIterator[bytes]:
    """The body in blocks of about 1 MiB.

    Raises:
        TooLarge: it has more than ``limit`` bytes.
    """
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > limit:
        raise _too_large(limit)
    block = bytearray()
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > limit:
            raise _too_large(limit)
        block += chunk
        if len(block) >= BLOCK:
            yield bytes(block)
            block.clear()
    if block:
        yield bytes(block)


async def spool(request: Request, file: BinaryIO, limit: int) -> str:
    """Write the body into ``file``; the hex SHA-256 of it.

    Raises:
        TooLarge: it has more than ``limit`` bytes.
    """
    digest = hashlib.sha256()

    def write(block: bytes) -> None:
        digest.update(block)
        file.write(block)

    async for block in blocks(request, limit):
        await to_thread.run_sync(write, block)
    return digest.hexdigest()


class _Aborted(Exception):  # noqa: N818 - not an error of its own
    """The sender went away or sent what it may not: nothing of it must stay."""


class _Pipe(io.RawIOBase):
    """Read in one thread what another puts in, a few blocks ahead."""

    def __init__(self) -> None:
        self._queue: queue.Queue[bytes | _Aborted] = queue.Queue(_AHEAD)
        self._rest = memoryview(b"")
        self._ended = False
        self._abandoned = threading.Event()

    def put(self, block: bytes) -> bool:
        """Hand over a block (an empty one is the end); False if nobody reads any more."""
        while not self._abandoned.is_set():
            try:
                self._queue.put(block, timeout=0.1)
            except queue.Full:
                continue
            return True
        return False

    def abort(self) -> None:
        """Make the reader fail, whatever it has not read yet. Does not block."""
        with contextlib.suppress(queue.Empty):
            while True:
                self._queue.get_nowait()
        self._queue.put_nowait(_Aborted())

    def abandon(self) -> None:
        """Nothing is read any more."""
        self._abandoned.set()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Buffer, /) -> int:
        if not self._rest and not self._ended:
            item = self._queue.get()
            if isinstance(item, _Aborted):
                raise item
            self._ended = not item
            self._rest = memoryview(item)
        view = memoryview(buffer)
        count = min(len(view), len(self._rest))
        view[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count


async def pour(request: Request, limit: int, write: Callable[[BinaryIO], T]) -> T:
    """Give the body, as it arrives, to ``write`` in a worker thread; what ``write`` returns.

    Raises:
        TooLarge: it has more than ``limit`` bytes; ``write`` has failed by then.
    """
    pipe = _Pipe()

    def work() -> T:
        try:
            return write(io.BufferedReader(pipe, BLOCK))
        finally:
            pipe.abandon()

    writing = asyncio.ensure_future(to_thread.run_sync(work))
    try:
        async for block in blocks(request, limit):
            if not await to_thread.run_sync(pipe.put, block):
                break
        else:
            await to_thread.run_sync(pipe.put, b"")
    except BaseException:
        pipe.abort()
        await asyncio.wait([writing])
        writing.exception()
        raise
    return await writing


def drain(stream: BinaryIO) -> Iterator[bytes]:
    """The stream in blocks; closed at the end."""
    with stream:
        while block := stream.read(BLOCK):
            yield block


def _too_large(limit: int) -> TooLarge:
    return TooLarge(f"the body is over {limit} bytes, the limit for this request", code=Code.BODY_TOO_LARGE)
