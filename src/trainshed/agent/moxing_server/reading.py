"""An object read piece by piece, the next pieces on their way while this one is being sent."""

from __future__ import annotations

import io
import threading
from collections import OrderedDict
from concurrent.futures import Future, ThreadPoolExecutor
from typing import cast

from trainshed.storage import ObjectInfo, Store

LARGEST = 4 << 20
_DEPTH = 2
_MOST_AHEAD = 6  # pieces, of all readers together: what bounds our memory
_MOST_SPARE = 3
_budget = threading.BoundedSemaphore(_MOST_AHEAD)
_ahead = ThreadPoolExecutor(_MOST_AHEAD, "read-ahead")
_spare: list[bytearray] = []  # buffers of the largest piece; a list's pop and append are atomic
_Piece = tuple[bytearray, int]


class Reading:
    """The object that a connection reads from.

    Args:
        info: of the object; other content raises ``Conflict`` when it is read.
    """

    def __init__(self, store: Store, info: ObjectInfo) -> None:
        self.info = info
        self._store = store
        self._streams: list[io.BufferedReader] = []
        self._given = bytearray()
        self._coming: OrderedDict[tuple[int, int], Future[_Piece]] = OrderedDict()

    def piece(self, offset: int, length: int, *, ahead: bool) -> memoryview:
        """``length`` bytes from ``offset`` on, good until the next call; fewer at the end.

        Args:
            ahead: whether those that follow will be asked for, each twice as long up to the largest.
        """
        length = min(length, LARGEST)
        _give_back(self._given)
        self._given = bytearray()
        future = self._coming.pop((offset, length), None)
        if future is None:
            self._forget()
            self._given, size = self._fetch(offset, length)
        else:
            _budget.release()
            self._given, size = future.result()
        if ahead:
            self._look_ahead(offset + length, length)
        return memoryview(self._given)[:size]

    def _look_ahead(self, offset: int, length: int) -> None:
        for _ in range(_DEPTH):
            length = min(2 * length, LARGEST, self.info.size - offset)
            if length <= 0:
                return
            if (offset, length) not in self._coming:
                if not _budget.acquire(blocking=False):
                    return
                self._coming[offset, length] = _ahead.submit(self._fetch, offset, length)
            offset += length

    def _forget(self) -> None:
        """Nobody wants what is coming."""
        while self._coming:
            _, future = self._coming.popitem()
            _budget.release()
            if future.exception() is None:
                _give_back(future.result()[0])

    def _fetch(self, offset: int, length: int) -> _Piece:
        stream = self._streams.pop() if self._streams else self._open()
        buffer = _buffer(length)
        view, done = memoryview(buffer)[:length], 0
        stream.seek(offset)
        while done < length and (n := stream.readinto(view[done:])):
            done += n
        self._streams.append(stream)
        return buffer, done

    def _open(self) -> io.BufferedReader:
        return cast("io.BufferedReader", self._store.open_read(self.info.key, info=self.info))

    def close(self) -> None:
        """Let go of the streams."""
        self._forget()
        _give_back(self._given)
        while self._streams:
            self._streams.pop().close()


def _buffer(length: int) -> bytearray:
    """A buffer of at least ``length`` bytes."""
    if length > LARGEST // 2:
        try:
            return _spare.pop()
        except IndexError:
            return bytearray(LARGEST)
    return bytearray(length)


def _give_back(buffer: bytearray) -> None:
    if len(buffer) == LARGEST and len(_spare) < _MOST_SPARE:
        _spare.append(buffer)
