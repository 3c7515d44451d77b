"""An object read piece by piece, the next pieces on their way while this one is being sent.

All pieces come from one stream, in order: a server sends a few long ranges cheaper than many short ones.
"""

from __future__ import annotations

import collections
import io
import threading
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
        self._stream: io.BufferedReader | None = None
        self._given = bytearray()
        self._coming: dict[tuple[int, int], Future[_Piece]] = {}
        self._wanted: collections.deque[tuple[int, int, Future[_Piece]]] = collections.deque()
        self._lock = threading.Lock()
        self._filling = False

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
                self._want(offset, length)
            offset += length

    def _want(self, offset: int, length: int) -> None:
        future: Future[_Piece] = Future()
        self._coming[offset, length] = future
        with self._lock:
            self._wanted.append((offset, length, future))
            if not self._filling:
                self._filling = True
                _ahead.submit(self._fill)

    def _fill(self) -> None:
        """Fetch what is wanted, one after the other."""
        while True:
            with self._lock:
                if not self._wanted:
                    self._filling = False
                    return
                offset, length, future = self._wanted.popleft()
            if not future.set_running_or_notify_cancel():
                continue
            try:
                future.set_result(self._fetch(offset, length))
            except BaseException as error:
                future.set_exception(error)

    def _forget(self) -> None:
        """Nobody wants what is coming; afterwards nobody uses the stream."""
        while self._coming:
            _, future = self._coming.popitem()
            _budget.release()
            if not future.cancel() and future.exception() is None:
                _give_back(future.result()[0])

    def _fetch(self, offset: int, length: int) -> _Piece:
        stream = self._stream = self._stream or self._open()
        buffer = _buffer(length)
        view, done = memoryview(buffer)[:length], 0
        stream.seek(offset)
        while done < length and (n := stream.readinto(view[done:])):
            done += n
        return buffer, done

    def _open(self) -> io.BufferedReader:
        return cast("io.BufferedReader", self._store.open_read(self.info.key, info=self.info))

    def close(self) -> None:
        """Let go of the stream."""
        self._forget()
        _give_back(self._given)
        if self._stream is not None:
            self._stream.close()
            self._stream = None


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
