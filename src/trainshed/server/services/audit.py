"""The audit log: every change that somebody made or tried to make, kept for good.

A record is on disk before the answer to its request is sent: as a line at the end of a file, which
costs microseconds. One thread carries lines over into the database, where triggers see to it that
rows are only ever added. What a crash leaves in the file is carried over at the next start; a
record that is there already is not added twice.
"""

from __future__ import annotations

import json
import logging
import os
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from sqlalchemy import String, select
from sqlalchemy.dialects import postgresql, sqlite

from trainshed.core.errors import Unavailable
from trainshed.server.db.tables import audit
from trainshed.server.services.reports import clean, plain

if TYPE_CHECKING:
    from trainshed.server.db.database import Database

# A busy service writes one transaction for all that came within this time.
GATHER_S = 0.2
RETRY_S = 5.0
CHUNK = 1 << 18

_log = logging.getLogger("trainshed.server")


@dataclass(frozen=True, slots=True)
class AuditRecord:
    """One change, or the try of one.

    Attributes:
        credential: ``session``, ``token:3f2a…``, ``key:ABC…``, ``open``, or empty for nobody.
        address: where the request came from.
        action: name of the route.
        target: what it was about: variable parts of the path, and the name of what was made.
        status: HTTP status of the answer; ``error_code`` where it was refused.
        detail: other facts, never secrets.
    """

    request_id: str
    time: float
    user_id: str
    user_name: str
    credential: str
    address: str
    action: str
    project_id: str
    target: str
    status: int
    error_code: str = ""
    detail: Mapping[str, Any] = field(default_factory=dict[str, Any])


class AuditLog:
    """Owned by one server.

    Args:
        spool: file of the records that are not in the database yet.
    """

    def __init__(self, db: Database, spool: Path) -> None:
        self._db = db
        self._path = spool
        spool.parent.mkdir(parents=True, exist_ok=True)
        self._fd = os.open(spool, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        os.write(self._fd, b"\n" if os.fstat(self._fd).st_size else b"")  # after a half line of a crash
        self._lock = threading.Lock()
        self._carrying = threading.Lock()
        self._wake = threading.Event()
        self._closing = False
        self._done = 0
        self._thread = threading.Thread(target=self._run, name="audit", daemon=True)
        self._wake.set()
        self._thread.start()

    def write(self, record: AuditRecord) -> None:
        """Keep a record. From any thread; takes microseconds."""
        line = json.dumps(_row(record), ensure_ascii=False).encode("utf-8", "replace") + b"\n"
        with self._lock:
            try:
                os.write(self._fd, line)
            except OSError as error:
                # a full disk: the service's own log is the last resort
                _log.error("audit %s (%s)", line.decode("utf-8", "replace").strip(), error)
        self._wake.set()

    def flush(self) -> None:
        """Carry everything over into the database now.

        Raises:
            Unavailable: the database does not answer; the records stay in the file.
        """
        with self._carrying:
            while found := self._next():
                rows, size = found
                self._carry(rows)
                self._done += size
            with self._lock:
                if self._done and os.fstat(self._fd).st_size == self._done:
                    os.ftruncate(self._fd, 0)
                    self._done = 0

    def _carry(self, rows: list[dict[str, Any]]) -> None:
        """Add rows to the database; one that it does not take holds up no other, and is kept beside."""
        if not rows:
            return
        try:
            self._insert(rows)
        except Unavailable:
            raise
        except Exception as error:
            if len(rows) > 1:
                for row in rows:
                    self._carry([row])
                return
            self._keep_aside(rows[0], error)

    def _insert(self, rows: list[dict[str, Any]]) -> None:
        with self._db.write() as connection:
            connection.execute(_INSERT[self._db.dialect], rows)

    def _keep_aside(self, row: dict[str, Any], error: Exception) -> None:
        aside = self._path.with_suffix(".refused")
        cause = str(error).partition("\n")[0]
        _log.error("an audit record that the database does not take is kept in %s: %s", aside, cause)
        fd = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            os.write(fd, json.dumps(row).encode() + b"\n")
        finally:
            os.close(fd)

    def close(self) -> None:
        """Carry over what is left, and end."""
        self._closing = True
        self._wake.set()
        self._thread.join(timeout=30)
        os.close(self._fd)

    def _run(self) -> None:
        pause = threading.Event()
        while True:
            self._wake.wait()
            if not self._closing:
                pause.wait(GATHER_S)
            self._wake.clear()
            try:
                self.flush()
            except Unavailable as error:
                if not self._closing:
                    _log.warning("the audit log waits in %s: %s", self._path, error.message)
                    pause.wait(RETRY_S)
                    self._wake.set()
            except Exception:
                _log.exception("the audit log could not be carried over from %s", self._path)
            if self._closing:
                return

    def _next(self) -> tuple[list[dict[str, Any]], int] | None:
        """The next records and their bytes; a damaged line is left out, a half one waits for its rest."""
        lines = os.pread(self._fd, CHUNK, self._done).splitlines(keepends=True)
        if lines and not lines[-1].endswith(b"\n"):
            lines.pop()
        rows: list[dict[str, Any]] = []
        for line in lines:
            with suppress(ValueError):
                row = json.loads(line)
                if isinstance(row, dict):
                    rows.append(cast("dict[str, Any]", row))
        return (rows, sum(map(len, lines))) if lines else None


def _row(record: AuditRecord) -> dict[str, Any]:
    row = asdict(record)
    for column in audit.c:
        if isinstance(column.type, String):
            row[column.name] = clean(str(row[column.name]), column.type.length or 64)
    row["detail"] = plain(dict(record.detail)) or None
    return row


_INSERT = {
    "sqlite": sqlite.insert(audit).on_conflict_do_nothing(index_elements=["request_id"]),
    "postgresql": postgresql.insert(audit).on_conflict_do_nothing(index_elements=["request_id"]),
}


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which records to list; what is empty does not matter.

    Attributes:
        since, until: seconds since the epoch.
        before: only records before the one with this number, to page on.
    """

    project_id: str = ""
    user: str = ""
    action: str = ""
    target: str = ""
    since: float | None = None
    until: float | None = None
    before: int | None = None
    limit: int = 100


def listed(db: Database, wanted: AuditFilter) -> list[Mapping[str, Any]]:
    """Records, newest first."""
    query = select(audit).order_by(audit.c.id.desc()).limit(wanted.limit)
    if wanted.project_id:
        query = query.where(audit.c.project_id == wanted.project_id)
    if wanted.user:
        query = query.where((audit.c.user_name == wanted.user) | (audit.c.user_id == wanted.user))
    if wanted.action:
        query = query.where(audit.c.action == wanted.action)
    if wanted.target:
        query = query.where(audit.c.target.contains(wanted.target, autoescape=True))
    if wanted.since is not None:
        query = query.where(audit.c.time >= wanted.since)
    if wanted.until is not None:
        query = query.where(audit.c.time < wanted.until)
    if wanted.before is not None:
        query = query.where(audit.c.id < wanted.before)
    with db.read() as connection:
        return [dict(row) for row in connection.execute(query).mappings()]
