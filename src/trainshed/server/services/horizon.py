"""How far the events in the database are complete.

Numbers are given before a transaction is committed. So on PostgreSQL an event may appear after one
with a higher number, and a reader who remembers the highest number that it has seen would miss it.
"""

from __future__ import annotations

from collections import deque

from sqlalchemy import Connection, func, select, text

from trainshed.server.db.tables import events

_RUNNING = text(
    "SELECT pg_snapshot_xmin(s)::text::bigint, pg_snapshot_xmax(s)::text::bigint FROM pg_current_snapshot() s"
)


class Horizon:
    """Follows the events of one database. Used by one thread."""

    def __init__(self, dialect: str) -> None:
        self._one_writer = dialect == "sqlite"
        self._last = 0
        self._pending: deque[tuple[int, int]] = deque()
        self._complete = 0

    def look(self, connection: Connection) -> tuple[int, int]:
        """The highest number of an event, and that up to which none can appear any more.

        What was seen at one look is complete once all transactions have ended that had begun by the
        next one: whoever was given a lower number is among them.
        """
        if self._one_writer:  # numbers are in the order of commits
            last = _highest(connection)
            return last, last
        oldest, following = connection.execute(_RUNNING).one()
        if not self._pending or self._pending[-1][0] < self._last:
            self._pending.append((self._last, following))
        while self._pending and self._pending[0][1] <= oldest:
            self._complete = self._pending.popleft()[0]
        self._last = max(self._last, _highest(connection))
        return self._last, self._complete


def _highest(connection: Connection) -> int:
    return connection.execute(select(func.max(events.c.id))).scalar() or 0
