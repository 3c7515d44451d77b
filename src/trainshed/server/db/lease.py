"""A database is worked on by one service at a time.

Two would start every job twice. On PostgreSQL the sign is an advisory lock of a connection of its own,
which ends with the service, however that ends; on SQLite it is a lock on a file beside the database.
"""

from __future__ import annotations

import fcntl
import logging
import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from sqlalchemy import Connection, Engine, NullPool, create_engine, make_url, text
from sqlalchemy.exc import OperationalError

from trainshed.core.errors import Code, Conflict, Unavailable

LOOK_S = 5.0
# The lock of a service that was killed goes once the database sees the end of its connection.
PATIENCE_S = 10.0
# Any number will do, as long as it stays and is not that of ``schema``.
_KEY = 0x747261696F

_log = logging.getLogger("trainshed.server")


class Lease:
    """Holds the database until it is closed.

    Args:
        url: of the database, as SQLAlchemy takes it.
        lost: called from a thread if another service has taken the database meanwhile.

    Raises:
        Conflict: another service works on it.
        Unavailable: the database does not answer.
    """

    def __init__(self, url: str, lost: Callable[[], None]) -> None:
        self._lost = lost
        self._closed = threading.Event()
        self._file = -1
        self._connection: Connection | None = None
        self._thread: threading.Thread | None = None
        parsed = make_url(url)
        if parsed.get_backend_name() == "postgresql":
            self._engine = create_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
            self._connection = _patiently(self._engine)
            self._thread = threading.Thread(target=self._watch, name="lease", daemon=True)
            self._thread.start()
        elif parsed.database:
            self._file = _lock_file(f"{parsed.database}.lock")

    def _watch(self) -> None:
        """See to it that the lock is still ours: it is gone with its connection."""
        while not self._closed.wait(LOOK_S):
            try:
                if self._connection is None:
                    self._connection = _lock(self._engine)
                self._connection.execute(text("SELECT 1"))
            except OperationalError as error:
                _log.warning("the database does not say whether it is still ours: %s", error.orig)
                self._let_go()
            except Conflict as error:
                _log.critical("%s; this service ends", error.message)
                self._lost()
                return

    def _let_go(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(Exception):
                connection.close()

    def close(self) -> None:
        """Leave the database to others."""
        self._closed.set()
        if self._thread is not None:
            self._thread.join(timeout=LOOK_S)
        self._let_go()
        if self._file >= 0:
            os.close(self._file)


def _patiently(engine: Engine) -> Connection:
    until = time.monotonic() + PATIENCE_S
    while True:
        try:
            return _lock(engine)
        except Conflict:
            if time.monotonic() > until:
                raise
            time.sleep(0.1)
        except OperationalError as error:
            words = f"the database does not answer: {error.orig}"
            raise Unavailable(words, code=Code.DATABASE_UNREACHABLE) from error


def _lock(engine: Engine) -> Connection:
    connection = engine.connect()
    if connection.execute(text("SELECT pg_try_advisory_lock(:key)"), {"key": _KEY}).scalar():
        return connection
    connection.close()
    raise _taken(str(engine.url.database))


def _lock_file(path: str) -> int:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise _taken(path.removesuffix(".lock")) from None
    return descriptor


def _taken(database: str) -> Conflict:
    message = (
        f"another trainshed service works on the database {database}, and two would start every job twice: "
        "stop that one first, or give this one a database of its own"
    )
    return Conflict(message, code=Code.DATABASE_IN_USE)
