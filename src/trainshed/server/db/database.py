"""The database: SQLite in WAL mode, or PostgreSQL by one setting.

``read()`` and ``write()`` give a SQLAlchemy Core connection inside a transaction. SQLite knows
one writer at a time, so writes go through a pool of one connection that begins ``IMMEDIATE``:
they queue here, in order, instead of failing with "database is locked". Readers never wait.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

from pydantic_core import from_json, to_json
from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import DBAPIError, OperationalError, TimeoutError

from trainshed.core.errors import Code, InvalidInput, Unavailable

BUSY_TIMEOUT_S = 30
# enough for the index that a count of 100,000 jobs goes through, and for the leaves that inserts touch
CACHE_KIB = 16384
# readers share what the system has in memory, instead of reading pages into a cache of each
MAPPED = 256 * 1024 * 1024


class Database:
    """One database, opened.

    Attributes:
        engine: for writes, and on PostgreSQL for reads too.
        dialect: ``sqlite`` or ``postgresql``.
    """

    def __init__(self, url: str) -> None:
        self.url = make_url(url)
        self.dialect = self.url.get_backend_name()
        if self.dialect == "sqlite":
            self.engine = _sqlite(str(url), writer=True)
            self._reader = _sqlite(str(url), writer=False)
        elif self.dialect == "postgresql":
            self.engine = self._reader = _postgresql(str(url))
        else:
            raise InvalidInput(
                f"database {self.dialect!r} is not supported: use sqlite:// or postgresql://",
                code=Code.FIELD_INVALID,
            )
        self._writing = threading.local()

    @contextmanager
    def read(self) -> Generator[Connection]:
        """A connection to read with; each statement sees what was committed when it began.

        Raises:
            Unavailable: the database does not answer.
        """
        with _readable_errors(), self._reader.connect() as connection:
            yield connection

    @contextmanager
    def write(self) -> Generator[Connection]:
        """A connection in a transaction: committed at the end, rolled back on an exception.

        Keep it short and do nothing else inside: on SQLite all other writers wait.

        Raises:
            Unavailable: the database does not answer.
            RuntimeError: this thread is inside another ``write()``.
        """
        if getattr(self._writing, "active", False):
            raise RuntimeError("write() inside write(): pass the connection on instead")
        self._writing.active = True
        try:
            with _readable_errors(), self.engine.begin() as connection:
                yield connection
        finally:
            self._writing.active = False

    @contextmanager
    def rebuilding(self) -> Generator[None]:
        """While a migration may copy tables: SQLite does not look at foreign keys.

        To alter a table SQLite makes it anew and drops the old one, and that would delete
        whatever refers to it. The setting can only change outside of a transaction.
        """
        self._foreign_keys(on=False)
        try:
            yield
        finally:
            self._foreign_keys(on=True)

    def _foreign_keys(self, *, on: bool) -> None:
        if self.dialect == "sqlite":
            connection = self.engine.raw_connection()  # the writer has but this one
            cast("sqlite3.Connection", connection.dbapi_connection).execute(f"PRAGMA foreign_keys={int(on)}")
            connection.close()

    def close(self) -> None:
        """Close all connections; on SQLite this folds the write-ahead log in."""
        self._reader.dispose()
        self.engine.dispose()


@contextmanager
def _readable_errors() -> Generator[None]:
    try:
        yield
    except (OperationalError, TimeoutError) as error:
        cause = error.orig if isinstance(error, DBAPIError) else error
        text = str(cause).strip().splitlines()[0] if str(cause).strip() else type(cause).__name__
        raise Unavailable(f"the database does not answer: {text}", code=Code.DATABASE_UNREACHABLE) from error


def _sqlite(url: str, *, writer: bool) -> Engine:
    path = make_url(url).database
    if path and path != ":memory:":
        Path(path).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(
        url,
        pool_size=1 if writer else 16,
        max_overflow=0 if writer else 48,
        pool_timeout=BUSY_TIMEOUT_S,
        # the same few connections again and again, so that their caches are warm
        pool_use_lifo=True,
        json_serializer=_dump_json,
        json_deserializer=from_json,
        connect_args={"timeout": BUSY_TIMEOUT_S, "check_same_thread": False, "isolation_level": None},
    )

    def on_connect(connection: sqlite3.Connection, _record: Any) -> None:
        for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON", "temp_store=MEMORY"):
            connection.execute(f"PRAGMA {pragma}")
        connection.execute(f"PRAGMA cache_size=-{CACHE_KIB}")
        if not writer:
            connection.execute(f"PRAGMA mmap_size={MAPPED}")
            connection.execute("PRAGMA query_only=ON")

    def on_begin(connection: Connection) -> None:
        # straight to sqlite3: the detour through SQLAlchemy costs as much as a small query
        cast("sqlite3.Connection", connection.connection.dbapi_connection).execute("BEGIN IMMEDIATE")

    event.listen(engine, "connect", on_connect)
    if writer:
        event.listen(engine, "begin", on_begin)
    return engine


def _postgresql(url: str) -> Engine:
    return create_engine(
        url,
        pool_size=8,
        max_overflow=24,
        pool_timeout=BUSY_TIMEOUT_S,
        pool_recycle=1800,
        json_serializer=_dump_json,
        json_deserializer=from_json,
    )


def _dump_json(value: Any) -> str:
    return to_json(value).decode()
