"""Runs transfers in parallel: many small ones beside each other, large ones part by part."""

from __future__ import annotations

import collections
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from trainshed.core.errors import Code, TrainshedError
from trainshed.storage.base import OnBytes, Part, Stored, Transfer
from trainshed.storage.report import OnProgress, Progress

_AGAIN = {Code.FILE_CHANGED, Code.CHECKSUM_MISMATCH}
_TRIES = 3
_AHEAD = 2_000
_TELL_EVERY_S = 0.2


class Cancelled(Exception):  # noqa: N818
    """The copy was told to stop."""


@dataclass(frozen=True, slots=True)
class Item:
    """One file to move.

    Attributes:
        path: relative to both sides.
        size: as listed.
        begin: makes the transfer; called again with 1, 2 … when it has to be repeated.
    """

    path: str
    size: int
    begin: Callable[[int], Transfer]


class _Running:
    """A transfer whose parts are being run; ``waiting`` are those that nobody has taken yet."""

    def __init__(self, item: Item, transfer: Transfer, attempt: int) -> None:
        self.item = item
        self.transfer = transfer
        self.attempt = attempt
        self.waiting: collections.deque[Part] = collections.deque()
        self.left = 0
        self.error: BaseException | None = None


class Engine:
    """Moves what it is given with a fixed number of threads.

    A thread stays with the file that it began, for as long as that has parts; then it begins another,
    and helps others only where there is none left: many writers to one file wait for each other.

    Args:
        threads: how many parts move at once.
        on_progress: called in the caller's thread, five times a second at most.
        on_stored: called for each finished file, under a lock.
        cancel: when set, the copy stops and raises :class:`Cancelled`.
    """

    def __init__(
        self,
        threads: int,
        *,
        on_progress: OnProgress | None = None,
        on_stored: Callable[[Item, Stored], None] | None = None,
        cancel: threading.Event | None = None,
    ) -> None:
        self._threads = threads
        self._on_progress = on_progress
        self._on_stored = on_stored
        self._cancel = cancel
        self._lock = threading.RLock()
        self._work_came = threading.Condition(self._lock)  # for the workers
        self._work_went = threading.Condition(self._lock)  # for the caller
        self._items: collections.deque[tuple[Item, int]] = collections.deque()
        self._parted: collections.deque[_Running] = collections.deque()  # with parts that wait
        self._workers: list[threading.Thread] = []
        self._busy = 0
        self._listed = False
        self._error: BaseException | None = None
        self._counters: list[int] = []
        self._rate = _Rate()
        self.files = 0
        self.checksums = 0
        self.total_files = 0
        self.total_bytes = 0

    @property
    def bytes(self) -> int:
        """Moved so far."""
        return sum(self._counters)

    def run(self, items: Iterable[Item]) -> None:
        """Move all ``items``; the first error ends the copy and is raised."""
        try:
            for item in items:
                self._put(item)
                if self._error is not None:
                    break
            self._finish_listing()
        except BaseException as error:
            self._fail(error)
            raise
        finally:
            self._finish_listing()
            for worker in self._workers:
                worker.join()
        if self._error is not None:
            raise self._error
        self._tell()

    def _put(self, item: Item) -> None:
        with self._lock:
            while len(self._items) >= _AHEAD and self._error is None:
                self._work_went.wait(_TELL_EVERY_S)
                self._tell()
            self.total_files += 1
            self.total_bytes += item.size
            self._items.append((item, 0))
            self._call_workers(1)
        if self._rate.due():
            self._tell()

    def _call_workers(self, count: int) -> None:
        """Under the lock: wake so many, and start them while there may be more."""
        self._work_came.notify(count)
        for index in range(len(self._workers), min(len(self._workers) + count, self._threads)):
            self._counters.append(0)
            worker = threading.Thread(target=self._work, args=(index,), name=f"copy-{index}", daemon=True)
            self._workers.append(worker)
            worker.start()

    def _finish_listing(self) -> None:
        """Say that no more comes, and wait until all is moved."""
        with self._lock:
            self._listed = True
            self._work_came.notify_all()
            while (self._items or self._parted or self._busy) and self._error is None:
                self._work_went.wait(_TELL_EVERY_S)
                self._check_cancelled()
                self._tell()

    def _check_cancelled(self) -> None:
        if self._cancel is not None and self._cancel.is_set():
            self._fail(Cancelled("the copy was stopped"))

    def _tell(self) -> None:
        if self._on_progress is None:
            return
        moved = self.bytes
        rate = self._rate.take(moved)
        self._on_progress(Progress(self.files, moved, self.total_files, self.total_bytes, self._listed, rate))

    def _fail(self, error: BaseException) -> None:
        with self._lock:
            if self._error is None:
                self._error = error
            self._work_came.notify_all()
            self._work_went.notify_all()

    def _work(self, index: int) -> None:
        def on_bytes(n: int) -> None:
            self._counters[index] += n
            if self._error is not None or (self._cancel is not None and self._cancel.is_set()):
                raise Cancelled("the copy was stopped")

        running: _Running | None = None
        while True:
            with self._lock:
                while not (self._parted or self._items) and not self._over():
                    self._work_came.wait()
                if self._over():
                    self._drop()
                    return
                self._busy += 1
                work = self._next(running)
            try:
                running = self._one(work, on_bytes)
            except BaseException as error:
                self._fail(error)
            finally:
                with self._lock:
                    self._busy -= 1
                    self._went()

    def _next(self, running: _Running | None) -> tuple[_Running, Part] | tuple[Item, int]:
        """Under the lock: a part of the file that is being moved, else another file, else any part."""
        if running is None or not running.waiting:
            if self._items:
                return self._items.popleft()
            running = self._parted[0]
        part = running.waiting.popleft()
        if not running.waiting:
            self._parted.remove(running)
        return running, part

    def _went(self) -> None:
        """Under the lock: wake those, and only those, for whom something changed."""
        if self._over():
            self._work_came.notify_all()
            self._work_went.notify_all()
        elif len(self._items) == _AHEAD // 2:
            self._work_went.notify()

    def _over(self) -> bool:
        if self._error is not None:
            return True
        return self._listed and not self._busy and not self._parted and not self._items

    def _drop(self) -> None:
        """Under the lock: clean up after transfers of which no part will run any more."""
        while self._parted:
            running = self._parted.popleft()
            running.left -= len(running.waiting)
            running.waiting.clear()
            if running.left == 0:
                running.transfer.abort(self._error)

    def _one(self, work: tuple[_Running, Part] | tuple[Item, int], on_bytes: OnBytes) -> _Running:
        """Do it; of which file it was."""
        first, second = work
        if isinstance(first, _Running):
            assert not isinstance(second, int)
            self._run_part(first, second, on_bytes)
            return first
        assert isinstance(second, int)
        running = _Running(first, first.begin(second), second)
        try:
            parts = running.transfer.parts()
        except BaseException as error:
            running.transfer.abort(error)
            raise
        running.left = len(parts)
        if not parts:
            self._settle(running)
            return running
        if len(parts) > 1:
            with self._lock:
                running.waiting.extend(parts[1:])
                self._parted.append(running)
                self._call_workers(len(parts) - 1)
        self._run_part(running, parts[0], on_bytes)
        return running

    def _run_part(self, running: _Running, part: Part, on_bytes: OnBytes) -> None:
        if running.error is None:
            try:
                part(on_bytes)
            except BaseException as error:
                running.error = error
        with self._lock:
            running.left -= 1
            last = running.left == 0
        if last:
            self._settle(running)

    def _settle(self, running: _Running) -> None:
        """After the last part: finish, or repeat, or fail."""
        error = running.error
        stored = Stored(0)
        if error is None:
            try:
                stored = running.transfer.finish()
            except BaseException as raised:
                error = raised
        if error is not None:
            running.transfer.abort(self._error or error)
            if not self._again(running, error):
                raise error
            return
        with self._lock:
            self.files += 1
            self.checksums += stored.checksum
            if self._on_stored is not None:
                self._on_stored(running.item, stored)

    def _again(self, running: _Running, error: BaseException) -> bool:
        if not isinstance(error, TrainshedError) or error.code not in _AGAIN:
            return False
        if running.attempt + 1 >= _TRIES:
            return False
        with self._lock:
            self._items.append((running.item, running.attempt + 1))
            self._call_workers(1)
        return True


class _Rate:
    """Bytes a second, smoothed over some seconds."""

    def __init__(self) -> None:
        self._time = self._told = time.monotonic()
        self._bytes = 0
        self._rate = 0.0

    def due(self) -> bool:
        """Whether it is time to tell again."""
        return time.monotonic() - self._told >= _TELL_EVERY_S

    def take(self, moved: int) -> float:
        now = self._told = time.monotonic()
        passed = now - self._time
        if passed >= 0.5:
            latest = max(0, moved - self._bytes) / passed
            self._rate = latest if not self._rate else 0.6 * self._rate + 0.4 * latest
            self._time, self._bytes = now, moved
        return self._rate
