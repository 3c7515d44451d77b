"""Brings a running job's outputs to their bucket: complete files, soon, and all of them at the end.

A file is complete when nobody has it open for writing and it has rested for a moment. Files that the
script renames into place go at once. What the script deletes is deleted at the destination, if this
sync put it there. At the end a manifest is written, and last of all a marker that says "committed". Of logs
and event files that stay open, which only grow, what there is so far is stored now and then.
"""

from __future__ import annotations

import contextlib
import heapq
import os
import stat
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from trainshed.core.errors import Code, Forbidden, InvalidInput, NotFound, TrainshedError
from trainshed.storage.base import ObjectInfo, Stored, Transfer
from trainshed.storage.buckets import Buckets
from trainshed.storage.copy import OWN, transfer
from trainshed.storage.engine import Cancelled, Engine, Item
from trainshed.storage.folder import FolderStore
from trainshed.storage.inotify import Change, Watch
from trainshed.storage.report import CopyReport, OnProgress
from trainshed.storage.sync_growing import Growing, snapshot
from trainshed.storage.sync_marker import COMMITTED, commit, destination, own_key
from trainshed.storage.sync_state import Synced, SyncState
from trainshed.storage.tree import file_info
from trainshed.storage.uri import check_key
from trainshed.storage.writers import open_for_writing

_RESCAN_S = 60.0
_RESCAN_WITHOUT_WATCH_S = 3.0
_UNKNOWN_REST_S = 10.0
_FAILED_AGAIN_S = (2.0, 5.0, 15.0, 30.0)


@dataclass(frozen=True, slots=True)
class SyncNote:
    """Something worth telling about a sync that goes on.

    Attributes:
        failed: the destination could not be written just now; it is tried again.
    """

    message: str
    files: int = 0
    bytes: int = 0
    failed: bool = False


class OutputSync:
    """Keeps ``uri`` equal to ``local_dir`` while a job writes there.

    Args:
        local_dir: the output directory; made where it is missing.
        uri: a directory in a bucket, or a local one.
        name: whose outputs: the task, so that several tasks may share a destination.
        state_file: remembers what was stored, so that a new agent goes on; None to remember nothing.
        settle_s: how long a file rests before it counts as complete.
        on_note: called from the sync's thread.
        closed: why nothing more may be stored just now; empty where it may. What is stored stays.
    """

    def __init__(
        self,
        local_dir: str | os.PathLike[str],
        uri: str,
        buckets: Buckets,
        *,
        name: str = "worker-0",
        state_file: str | os.PathLike[str] | None = None,
        settle_s: float = 0.5,
        threads: int = 4,
        on_note: Callable[[SyncNote], None] | None = None,
        closed: Callable[[], str] = lambda: "",
    ) -> None:
        os.makedirs(local_dir, exist_ok=True)  # noqa: PTH103
        self._local = FolderStore(os.fspath(local_dir), is_bucket=False)
        self._root = self._local.root
        self._store, self._prefix = destination(buckets, uri)
        self._name = name
        self._state = SyncState(state_file)
        self._settle_s = settle_s
        self._threads = threads
        self._on_note = on_note
        self._closed = closed
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._watch: Watch | None = None
        self._due: dict[str, float] = {}
        self._heap: list[tuple[float, str]] = []
        self._growing = Growing()
        self._scan_at = 0.0
        self._failures = 0
        self._begun = False
        self._warnings: dict[str, str] = {}
        self._checksums = 0

    def start(self) -> None:
        """Begin, in a thread of its own; a destination that does not answer is tried again there."""
        self._watch = _try_watch()
        self._thread = threading.Thread(target=self._run, name=f"sync-{self._name}", daemon=True)
        self._thread.start()

    def finish(
        self, *, progress: OnProgress | None = None, cancel: threading.Event | None = None
    ) -> CopyReport:
        """The script is over: store everything that is there, then the manifest, then the marker.

        May be called without :meth:`start`, by an agent that recovers.

        Raises:
            TrainshedError: the destination could not be written; call again to go on.
        """
        began = time.monotonic()
        self.stop()
        for _ in range(5):
            changed, gone = self._scan()
            if not changed and not gone:
                break
            self._remove(gone)
            self._store_files(changed, self._threads * 4, progress, cancel)
        commit(self._store, self._prefix, self._name, self._state)
        return CopyReport(
            files=len(self._state),
            bytes=self._state.bytes,
            checksums=self._checksums,
            seconds=time.monotonic() - began,
            warnings=tuple(self._warnings.values()),
            manifest=tuple(self._state.entries()),
        )

    def stop(self) -> None:
        """End the thread; nothing more is stored until :meth:`finish`."""
        self._stop.set()
        if self._watch is not None:
            self._watch.wake()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        if self._watch is not None:
            self._watch.close()
            self._watch = None

    def close(self) -> None:
        """End without the marker."""
        self.stop()
        self._state.close()

    # -- while the script runs

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._turn()
                self._failures = 0
            except Cancelled:
                return
            except TrainshedError as error:
                self._failed(error)
            except OSError as error:
                self._failed(error)

    def _turn(self) -> None:
        if not self._begun:
            self._begin()
        now = time.monotonic()
        if now >= self._scan_at:
            self._look_at_all(now)
        first = self._heap[0][0] if self._heap else self._scan_at
        wait = min(first, self._scan_at, self._growing.next()) - now
        for change in self._changes(wait):
            self._take(change)
        self._work_off()
        for path in self._growing.take():
            self._store_so_far(path)

    def _begin(self) -> None:
        """Take an earlier attempt's "committed" back, and find out what is stored already."""
        self._store.delete([own_key(self._prefix, self._name, COMMITTED)])
        if not len(self._state):
            self._adopt()
        self._begun = True

    def _changes(self, wait_s: float) -> list[Change]:
        if self._watch is not None:
            return self._watch.read(wait_s)
        self._stop.wait(max(0.0, wait_s))
        return []

    def _look_at_all(self, now: float) -> None:
        changed, gone = self._scan(watch=True)
        took = time.monotonic() - now
        pause = _RESCAN_S if self._watch is not None else _RESCAN_WITHOUT_WATCH_S
        self._scan_at = time.monotonic() + max(pause, 20 * took)
        for path in (*changed, *gone):
            self._plan(path, self._settle_s)

    def _take(self, change: Change) -> None:
        if change.is_directory or not change.path:
            self._scan_at = min(self._scan_at, time.monotonic() + 0.05)
            return
        self._plan(os.path.relpath(change.path, self._root), self._settle_s)

    def _plan(self, path: str, after_s: float) -> None:
        due = time.monotonic() + after_s
        if path.startswith(OWN) or path.rpartition("/")[2].startswith(".trainshed-"):
            return
        self._growing.seen(path)
        if abs(self._due.get(path, -1e9) - due) > 0.05:
            self._due[path] = due
            heapq.heappush(self._heap, (due, path))

    def _work_off(self) -> None:
        """Store or remove what is due and complete."""
        now = time.monotonic()
        ready: list[tuple[str, os.stat_result]] = []
        gone: list[str] = []
        while self._heap and self._heap[0][0] <= now:
            due, path = heapq.heappop(self._heap)
            if self._due.get(path) != due:
                continue
            del self._due[path]
            self._sort_out(path, ready, gone)
        try:
            self._remove(gone)
            if ready:
                self._store_files([p for p, _ in ready], self._threads, None, self._stop)
                self._note(SyncNote("stored", len(ready), sum(s.st_size for _, s in ready)))
        except TrainshedError:
            for path in (*gone, *(p for p, _ in ready)):
                self._plan(path, self._pause())
            raise

    def _sort_out(self, path: str, ready: list[tuple[str, os.stat_result]], gone: list[str]) -> None:
        full = f"{self._root}/{path}"
        try:
            found = os.stat(full)  # noqa: PTH116
        except OSError:
            gone.append(path)
            return
        if not stat.S_ISREG(found.st_mode):
            gone.append(path)
            return
        if self._stored_already(path, found):
            return
        rested = time.time() - found.st_mtime
        if -1.0 < rested < self._settle_s:
            self._plan(path, self._settle_s - rested + 0.01)
            return
        writer = open_for_writing(full)
        if writer or (writer is None and -1.0 < rested < _UNKNOWN_REST_S):
            self._plan(path, max(1.0, 2 * self._settle_s))
        else:
            ready.append((path, found))

    def _store_so_far(self, path: str) -> None:
        """Store what a file that stays open holds now; it counts as stored only when it is closed."""
        full = f"{self._root}/{path}"
        if open_for_writing(full) is False:
            return
        try:
            with snapshot(full, self._root) as (copy, size):
                if size:
                    self._check_open(1)
                    self._state.begin(path)
                    self._growing.stored(path, size)
                    key = check_key(self._prefix + path)
                    item = Item(path, size, lambda _: self._store.uploading(copy, key))
                    Engine(1, cancel=self._stop).run([item])
        except (NotFound, InvalidInput):
            return  # it is gone, or has a name that no bucket takes
        except TrainshedError:
            self._growing.seen(path)
            raise

    def _failed(self, error: Exception) -> None:
        pause = self._pause()
        self._failures += 1
        self._note(SyncNote(f"{error}; trying again in {pause:.0f} s", failed=True))
        self._scan_at = min(self._scan_at, time.monotonic() + pause)
        self._stop.wait(min(pause, 2.0))

    def _pause(self) -> float:
        return _FAILED_AGAIN_S[min(self._failures, len(_FAILED_AGAIN_S) - 1)]

    def _note(self, note: SyncNote) -> None:
        if self._on_note is not None:
            self._on_note(note)

    # -- the pieces

    def _scan(self, *, watch: bool = False) -> tuple[list[str], list[str]]:
        """Paths that are not stored as they are, and paths stored that are gone."""
        if watch and self._watch is not None:
            self._watch_all(self._watch)
        left = set(self._state.paths())
        changed: list[str] = []
        for info in self._local.tree(self._left_out).walk():
            if info.is_directory or info.key.startswith(OWN):
                continue
            left.discard(info.key)
            known = self._state.get(info.key)
            if known is None or (known.size, known.mtime_ns) != (info.size, _mtime_ns(info)):
                changed.append(info.key)
        return changed, sorted(left)

    def _watch_all(self, watch: Watch) -> None:
        try:
            for directory, _, _ in os.walk(self._root):
                watch.add(directory)
        except OSError:
            # no more watches to be had: look now and then instead
            watch.close()
            self._watch = None

    def _left_out(self, path: str, reason: str) -> None:
        if len(self._warnings) < 100:
            self._warnings.setdefault(path, f"{path} was left out: {reason}")

    def _stored_already(self, path: str, found: os.stat_result) -> bool:
        known = self._state.get(path)
        return known is not None and (known.size, known.mtime_ns) == (found.st_size, found.st_mtime_ns)

    def _store_files(
        self, paths: list[str], threads: int, progress: OnProgress | None, cancel: threading.Event | None
    ) -> None:
        def stored(item: Item, what: Stored) -> None:
            self._state.put(item.path, Synced(what.size, what.mtime_ns, what.etag))
            self._checksums += what.checksum

        self._check_open(len(paths))
        items = [item for path in paths if (item := self._item(path)) is not None]
        for item in items:
            self._state.begin(item.path)  # so that a kill leaves nothing there that we do not know of
        engine = Engine(threads, on_progress=progress, on_stored=stored, cancel=cancel)
        engine.run(items)

    def _check_open(self, files: int) -> None:
        """Whether the destination takes so many files now.

        Raises:
            Forbidden: it does not.
        """
        if files and (why := self._closed()):
            raise Forbidden(why, code=Code.QUOTA_EXCEEDED)

    def _item(self, path: str) -> Item | None:
        try:
            size = os.stat(f"{self._root}/{path}").st_size  # noqa: PTH116
            check_key(self._prefix + path)
        except OSError:
            return None
        except InvalidInput as error:
            self._left_out(path, error.message)
            return None

        def begin(_: int) -> Transfer:
            info = file_info(path, os.stat(f"{self._root}/{path}"))  # noqa: PTH116
            return transfer(self._local, info, self._store, self._prefix + path)

        return Item(path, size, begin)

    def _remove(self, paths: list[str]) -> None:
        known = [p for p in paths if self._state.get(p) is not None]
        if known:
            self._store.delete(self._prefix + p for p in known)
        for path in known:
            self._state.drop(path)

    def _adopt(self) -> None:
        """Take what was downloaded before the start as stored: it is at the destination already."""
        local = {i.key: i for i in self._local.tree().walk() if not i.is_directory}
        if not local:
            return
        for there in self._stored():
            key = there.key[len(self._prefix) :]
            here = local.get(key)
            if here is not None and here.size == there.size and abs(here.mtime - there.mtime) < 1.0:
                self._state.put(key, Synced(here.size, _mtime_ns(here), there.etag))

    def _stored(self) -> Iterator[ObjectInfo]:
        """What is at the destination; nothing where that is not there yet."""
        with contextlib.suppress(NotFound):
            yield from self._store.list(self._prefix)


def _mtime_ns(info: ObjectInfo) -> int:
    return int(info.etag.partition("-")[0], 16)


def _try_watch() -> Watch | None:
    try:
        return Watch()
    except OSError:
        return None
