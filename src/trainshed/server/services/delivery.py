"""Sends what people want to be told, until it has arrived or there is no hope left.

One thread looks for events that nobody was told of yet, from where it stopped (``cursors``), and
writes a delivery for each notification that wants one; it sends what is due. All of it is in the
database, so a restart loses nothing. A receiver may get a message twice, with the same id.
"""

from __future__ import annotations

import logging
import random
import threading
import uuid
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Select, delete, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from trainshed.core.errors import TrainshedError
from trainshed.server.auth.accounts import ADMIN
from trainshed.server.db.tables import (
    cursors,
    deliveries,
    events,
    jobs,
    memberships,
    notifications,
    users,
)
from trainshed.server.notify import Message, Undelivered, senders
from trainshed.server.services import diagnosis, happenings
from trainshed.server.services.events import SERVICE
from trainshed.server.services.horizon import Horizon
from trainshed.server.services.notifications import open_target

if TYPE_CHECKING:
    from trainshed.server.context import Context

Row = Mapping[str, Any]

# Seconds before each further try; after the last one a delivery has failed.
PAUSES_S = (5, 30, 120, 600, 1800, 3600, 7200, 14_400)
# Looks by itself so often, in case nobody told it.
LOOK_S = 30.0
# Waits so long after an event, so that its diagnosis can be told with it.
GATHER_S = 0.5
BATCH = 200
SIDE_BY_SIDE = 4
KEEP_S = 30 * 86_400
CURSOR = "notifications"
KINDS = frozenset(happenings.OF_KIND)

_log = logging.getLogger("trainshed.server")


class Delivery:
    """Owned by one server."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self.senders = senders(context.egress, context.settings.mail_server())
        self._wake = threading.Event()
        self._closing = threading.Event()
        self._lock = threading.Lock()
        self._horizon = Horizon(context.db.dialect)
        self._under_way: set[str] = set()
        self._pool = ThreadPoolExecutor(SIDE_BY_SIDE, thread_name_prefix="notify")
        self._thread = threading.Thread(target=self._run, name="delivery", daemon=True)
        self._thread.start()

    def tell(self) -> None:
        """Something has happened to a job. From any thread."""
        self._wake.set()

    def announce(self, event: str, occasion: str, facts: Mapping[str, str]) -> None:
        """Something has happened to the service itself; told once for each ``occasion``."""
        now = self._context.clock.now()
        with self._context.db.write() as connection:
            for row in self._receivers(connection):
                if event in row["events"]:
                    zh = row["language"] == "zh"
                    text = facts["text_zh" if zh else "text"]
                    title = happenings.title(event, row["language"], facts)
                    message = {"title": title, "text": text, "time": now, "data": dict(facts)}
                    self._add(connection, row["id"], occasion, event, message)
        self._wake.set()

    def close(self) -> None:
        """Finish what is under way; the rest is sent after the next start."""
        self._closing.set()
        self._wake.set()
        self._thread.join(timeout=30)
        self._pool.shutdown(cancel_futures=True)

    # ---- the thread

    def _run(self) -> None:
        wait = 0.0
        while True:
            if self._wake.wait(wait):
                self._closing.wait(GATHER_S)
            self._wake.clear()
            if self._closing.is_set():
                return
            try:
                self._collect()
                wait = self._send_due()
            except TrainshedError as error:
                _log.warning("notifications wait: %s", error.message)
                wait = LOOK_S
            except Exception:
                _log.exception("notifications could not be worked out")
                wait = LOOK_S

    # ---- from events to deliveries

    def _collect(self) -> None:
        """Write a delivery for each new event and each notification that wants it."""
        with self._context.db.read() as connection:
            last, complete = self._horizon.look(connection)
            known = connection.execute(select(cursors.c.value).where(cursors.c.name == CURSOR)).scalar()
            receivers = self._receivers(connection)
        if known is None or not receivers:
            self._move(known, complete)
            return
        at = known
        while at < last:
            at = self._collect_some(at, last, complete, receivers)

    def _collect_some(self, after: int, last: int, complete: int, receivers: list[Row]) -> int:
        """Go on from an event, some way or to the last; what is not complete yet is gone through again."""
        query = (
            select(events, *_JOB)
            .join_from(events, jobs, events.c.job_id == jobs.c.id)
            .where(events.c.id > after, events.c.id <= last)
            .where(events.c.source == SERVICE, events.c.kind.in_(KINDS))
            .order_by(events.c.id)
            .limit(BATCH)
        )
        with self._context.db.read() as connection:
            found = [dict(row) for row in connection.execute(query).mappings()]
        wanted = [
            (row, event, self._job_message(row, event))
            for event in found
            for row in receivers
            if _wants(row, event)
        ]
        reached = found[-1]["id"] if len(found) == BATCH else last
        with self._context.db.write() as connection:
            for row, event, message in wanted:
                name = happenings.OF_KIND[event["kind"]]
                self._add(connection, row["id"], f"event:{event['id']}", name, message)
            self._set_cursor(connection, max(after, min(reached, complete)))
        return reached

    def _job_message(self, row: Row, event: Row) -> dict[str, Any]:
        name = happenings.OF_KIND[event["kind"]]
        why: Mapping[str, Any] = {}
        if name == "job.failed":
            why = diagnosis.stored(self._context, event["job_id"], event["attempt"]) or {}
        url = f"{self._context.endpoint}/console/jobs/{event['job_id']}"
        zh = row["language"] == "zh"
        return {
            "title": happenings.title(name, row["language"], event),
            "text": happenings.job_text(event, event, why, url, zh),
            "time": event["time"],
            "data": happenings.job_data(event, event, url),
        }

    def _receivers(self, connection: Connection) -> list[Row]:
        query = _owned(select(notifications)).where(notifications.c.enabled, _ENTITLED)
        return [dict(row) for row in connection.execute(query).mappings()]

    def _add(
        self, connection: Connection, notification_id: str, occasion: str, event: str, message: dict[str, Any]
    ) -> None:
        now = self._context.clock.now()
        row = {
            "id": str(uuid.uuid4()),
            "notification_id": notification_id,
            "occasion": occasion,
            "event": event,
            "message": message,
            "state": "waiting",
            "tries": 0,
            "next_at": now,
            "error": "",
            "created_at": now,
        }
        connection.execute(_ADD[self._context.db.dialect], row)

    def _move(self, known: int | None, to: int) -> None:
        if known is None or known < to:
            with self._context.db.write() as connection:
                self._set_cursor(connection, to)

    def _set_cursor(self, connection: Connection, value: int) -> None:
        here = cursors.c.name == CURSOR
        if not connection.execute(update(cursors).where(here).values(value=value)).rowcount:
            connection.execute(cursors.insert().values(name=CURSOR, value=value))

    # ---- sending

    def _send_due(self) -> float:
        """Hand out what is due; seconds until something will be."""
        now = self._context.clock.now()
        due = (
            select(deliveries.c.id, deliveries.c.next_at)
            .where(deliveries.c.state == "waiting")
            .order_by(deliveries.c.next_at)
            .limit(BATCH)
        )
        with self._context.db.read() as connection:
            rows = connection.execute(due).all()
        for row in rows:
            if row.next_at <= now:
                self._hand_out(row.id)
        later = [row.next_at - now for row in rows if row.next_at > now]
        return max(0.05, min([LOOK_S, *later]))

    def _hand_out(self, delivery_id: str) -> None:
        with self._lock:
            if delivery_id in self._under_way:
                return
            self._under_way.add(delivery_id)
        self._pool.submit(self._deliver, delivery_id)

    def _deliver(self, delivery_id: str) -> None:
        try:
            row = self._still_due(delivery_id)
            if row is not None:
                self._note(row, self._try(row))
        except Exception:
            _log.exception("the delivery %s could not be written down", delivery_id)
        finally:
            with self._lock:
                self._under_way.discard(delivery_id)
            self._wake.set()

    def _still_due(self, delivery_id: str) -> Row | None:
        """A delivery as it is now that nobody else is at it: it may have been made since it was found."""
        query = _owned(
            select(
                deliveries,
                notifications.c.kind,
                notifications.c.target_sealed,
                notifications.c.enabled,
                _ENTITLED.label("entitled"),
            ).join(notifications, notifications.c.id == deliveries.c.notification_id)
        )
        here = (deliveries.c.id == delivery_id) & (deliveries.c.state == "waiting")
        with self._context.db.read() as connection:
            row = connection.execute(query.where(here)).mappings().first()
        return dict(row) if row and row["next_at"] <= self._context.clock.now() else None

    def _try(self, row: Row) -> Undelivered | None:
        """Send it; what went wrong, if something did."""
        if not row["enabled"]:
            return Undelivered("the notification was disabled", hopeless=True)
        if not row["entitled"]:
            return Undelivered("its owner is no longer in the project", hopeless=True)
        told = row["message"]
        message = Message(row["id"], row["event"], told["title"], told["text"], told["time"], told["data"])
        try:
            target = open_target(self._context.sealer, row["target_sealed"])
            self.senders[row["kind"]].send(target, message, self._context.clock.now())
        except Undelivered as error:
            return error
        except Exception as error:
            _log.exception("the delivery %s failed", row["id"])
            return Undelivered(f"a fault of the service: {type(error).__name__}")
        return None

    def _note(self, row: Row, failure: Undelivered | None) -> None:
        now, tries = self._context.clock.now(), row["tries"] + 1
        values: dict[str, Any] = {"tries": tries, "error": failure.message[:1000] if failure else ""}
        if failure is None:
            values |= {"state": "delivered", "ended_at": now}
        elif failure.hopeless or tries > len(PAUSES_S):
            values |= {"state": "failed", "ended_at": now}
        else:
            values["next_at"] = now + PAUSES_S[tries - 1] * random.uniform(0.9, 1.2)  # noqa: S311
        with self._context.db.write() as connection:
            connection.execute(update(deliveries).where(deliveries.c.id == row["id"]).values(values))


def forget_old(context: Context, now: float) -> None:
    """Drop deliveries that ended long ago."""
    with context.db.write() as connection:
        connection.execute(delete(deliveries).where(deliveries.c.ended_at < now - KEEP_S))


def _wants(row: Row, event: Row) -> bool:
    return (
        row["project_id"] == event["project_id"]
        and happenings.OF_KIND[event["kind"]] in row["events"]
        and event["time"] >= row["created_at"]
        and (not row["mine"] or row["user_id"] == event["user_id"])
    )


def _owned(query: Select[Any]) -> Select[Any]:
    """``query``, of notifications, with their owners and what those are in the project."""
    member = (memberships.c.user_id == users.c.id) & (memberships.c.project_id == notifications.c.project_id)
    return query.join(users, users.c.id == notifications.c.user_id).join(memberships, member, isouter=True)


# a notification is for as long as its owner may see what it tells
_ENTITLED = ~users.c.disabled & or_(users.c.role == ADMIN, memberships.c.user_id.is_not(None))
_JOB = (
    jobs.c.project_id,
    jobs.c.name,
    jobs.c.user_id,
    jobs.c.user_name,
    jobs.c.engine_id,
    jobs.c.phase,
    jobs.c.outcome,
)
_ADD = {
    dialect: module.insert(deliveries).on_conflict_do_nothing(index_elements=["notification_id", "occasion"])
    for dialect, module in (("sqlite", sqlite), ("postgresql", postgresql))
}
