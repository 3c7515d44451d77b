"""What has to be done now and then: look at the disk, count storage, delete old logs, note uses.

Each chore is due at times of its own; one thread does them one after the other.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import select

from trainshed.core.errors import NotFound, TrainshedError
from trainshed.core.lifecycle import TERMINAL
from trainshed.server.db.tables import jobs
from trainshed.server.services import delivery
from trainshed.server.services.messages import LimitsChanged

if TYPE_CHECKING:
    from trainshed.server.context import Context
    from trainshed.server.services.logs import LogStore

DISK_S, USES_S, STORAGE_S, OLD_S = 5.0, 60.0, 600.0, 3600.0
STORAGE_AT_WORK_S = 10.0
DAY_S = 86_400
# A folder of logs that belongs to no job may be of one that is just being created.
ORPHAN_S = 3600.0
PART = 500

_log = logging.getLogger("trainshed.server")
_ENDED = frozenset(phase.value for phase in TERMINAL)


class Upkeep:
    """Owned by one server.

    Args:
        tell: hands a message to the dispatcher.
        announce: has people told of something: event, occasion, words.
        active: projects that have jobs at work.
    """

    def __init__(
        self,
        context: Context,
        logs: LogStore,
        tell: Callable[[LimitsChanged], None],
        announce: Callable[[str, str, dict[str, str]], None],
        active: Callable[[], Collection[str]],
    ) -> None:
        self._context = context
        self._logs = logs
        self._tell = tell
        self._announce = announce
        self._active = active
        self._closing = threading.Event()
        self._wake = threading.Event()
        self._due: dict[Callable[[], object], tuple[float, float]] = {
            self.watch_disk: (DISK_S, 0.0),
            context.accounts.note_use: (USES_S, time.monotonic() + USES_S),
            self.measure: (STORAGE_S, 0.0),
            self.delete_old: (OLD_S, time.monotonic() + DISK_S),
        }
        self._thread = threading.Thread(target=self._run, name="upkeep", daemon=True)
        self._thread.start()

    def measure_soon(self) -> None:
        """Count the storage of limited projects now. From any thread."""
        self._due[self.measure] = (STORAGE_S, 0.0)
        self._wake.set()

    def close(self) -> None:
        """Finish what is under way, and end."""
        self._closing.set()
        self._wake.set()
        self._thread.join(timeout=30)

    def _run(self) -> None:
        while not self._closing.is_set():
            for chore, (every, due) in list(self._due.items()):
                if time.monotonic() >= due:
                    self._due[chore] = (every, time.monotonic() + every)
                    self._do(chore)
            self._wake.wait(max(0.0, min(due for _, due in self._due.values()) - time.monotonic()))
            self._wake.clear()
        self._do(self._context.accounts.note_use)

    def _do(self, chore: Callable[[], object]) -> None:
        try:
            chore()
        except (TrainshedError, OSError) as error:
            _log.warning("a chore of the service failed: %s", error)
        except Exception:
            _log.exception("a chore of the service failed")

    # ---- the chores

    def watch_disk(self) -> None:
        """Stop taking jobs while the disk is low, and say so."""
        context, disk = self._context, self._context.disk
        if not disk.look():
            return
        _log.warning("the disk is %s: %s", "low" if disk.low else "no longer low", disk.sentence())
        self._tell(LimitsChanged())
        facts = {
            "state": "no new jobs, the disk is low" if disk.low else "jobs are taken again",
            "state_zh": "磁盘空间不足，停止接收作业" if disk.low else "磁盘空间恢复，继续接收作业",
            "text": disk.sentence(),
            "text_zh": disk.sentence_zh(),
        }
        occasion = f"disk:{'low' if disk.low else 'ok'}:{int(context.clock.now())}"
        self._announce("service.disk", occasion, facts)

    def measure(self) -> None:
        """Count what limited projects store in folder buckets; soon again where their jobs are at work."""
        began, limited = time.monotonic(), self._context.quotas.with_storage()
        for project_id in limited:
            config = self._context.buckets.config(project_id)
            folders = [Path(bucket["path"]) for bucket in config.values() if bucket["kind"] == "folder"]
            size = sum(tree_size(folder, self._closing) for folder in folders)
            if self._closing.is_set():
                return
            self._context.quotas.measured(project_id, size, self._context.clock.now())
        if not set(limited).isdisjoint(self._active()):
            now = time.monotonic()
            pause = min(STORAGE_S, max(STORAGE_AT_WORK_S, 20 * (now - began)))
            self._due[self.measure] = (STORAGE_S, now + pause)

    def delete_old(self) -> None:
        """Delete the logs of jobs that ended long ago, and records of old deliveries."""
        now = self._context.clock.now()
        delivery.forget_old(self._context, now)
        days = self._context.settings.log_days
        if days > 0 and self._context.log_root.is_dir():
            delete_old_logs(self._context, self._logs, now - days * DAY_S)


def delete_old_logs(context: Context, logs: LogStore, before: float) -> list[str]:
    """Delete the logs of jobs that ended before ``before`` and export them nowhere; whose they were.

    Jobs that have not ended keep theirs, and so do those with a log path of their own.
    """
    gone: list[str] = []
    with os.scandir(context.log_root) as entries:
        names = [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
    for at in range(0, len(names), PART):
        part = names[at : at + PART]
        log_uri = jobs.c.spec["log_uri"].as_string().label("log_uri")
        query = select(jobs.c.id, jobs.c.phase, jobs.c.ended_at, log_uri).where(jobs.c.id.in_(part))
        with context.db.read() as connection:
            rows = {row.id: row for row in connection.execute(query)}
        for name in part:
            row = rows.get(name)
            if row is None:
                old = _orphaned(context.log_root / name, before)
            else:
                ended_at: float | None = row.ended_at if row.phase in _ENDED else None
                old = ended_at is not None and ended_at < before and not row.log_uri
            if old:
                with suppress(NotFound):  # no folder of ours
                    logs.delete(name)
                    gone.append(name)
    return gone


def _orphaned(folder: Path, before: float) -> bool:
    """Whether this folder of logs belongs to no job, and nothing was written there for long."""
    try:
        return folder.stat().st_mtime < min(before, time.time() - ORPHAN_S)
    except FileNotFoundError:
        return False


def tree_size(folder: Path, stop: threading.Event | None = None) -> int:
    """Bytes of all files below a folder; links are not followed."""
    size, folders = 0, [str(folder)]
    while folders and not (stop and stop.is_set()):
        try:
            with os.scandir(folders.pop()) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(entry.path)
                    elif entry.is_file(follow_symlinks=False):
                        size += entry.stat(follow_symlinks=False).st_size
        except OSError:
            continue
    return size
