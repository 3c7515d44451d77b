"""Notifications: who is told of what, and where. ``delivery`` sends them."""

from __future__ import annotations

import base64
import json
import secrets
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from sqlalchemy import delete, func, select, update
from sqlalchemy.exc import IntegrityError

from trainshed.core.errors import Code, Conflict, Forbidden, NotFound, TooLarge
from trainshed.core.names import check_name
from trainshed.server.auth.roles import Role
from trainshed.server.db.tables import deliveries, notifications, users
from trainshed.server.notify import Message, Target, Undelivered
from trainshed.server.notify.webhook import PREFIX
from trainshed.server.services import happenings

if TYPE_CHECKING:
    from trainshed.server.auth.sealing import Sealer
    from trainshed.server.context import Context, Principal

Row = Mapping[Any, Any]
MOST = 50


@dataclass(frozen=True, slots=True)
class Wanted:
    """A notification as it is to be; None leaves a part as it is."""

    name: str | None = None
    kind: str | None = None
    address: str | None = None
    secret: str | None = None
    events: Sequence[str] | None = None
    mine: bool | None = None
    language: str | None = None
    enabled: bool | None = None


def listed(context: Context, project_id: str) -> list[Row]:
    """The notifications of a project, by name, with their targets and owners."""
    query = _rows().where(notifications.c.project_id == project_id).order_by(notifications.c.name)
    with context.db.read() as connection:
        return [_opened(context.sealer, row) for row in connection.execute(query).mappings()]


def find(context: Context, project_id: str, notification: str) -> Row:
    """One, by id or name.

    Raises:
        NotFound: the project has none.
    """
    named = (notifications.c.id == notification) | (notifications.c.name == notification)
    query = _rows().where(notifications.c.project_id == project_id, named)
    with context.db.read() as connection:
        row = connection.execute(query).mappings().first()
    if row is None:
        message = f"there is no notification {notification[:64]!r} in this project"
        raise NotFound(message, code=Code.NOTIFICATION_NOT_FOUND)
    return _opened(context.sealer, row)


def create(context: Context, caller: Principal, wanted: Wanted) -> tuple[Row, str]:
    """A new one, and the secret that was made up for it, where one was.

    Raises:
        InvalidInput: the address is none.
        Forbidden: the service may not connect there, or the caller may not tell of others' jobs.
        Conflict: the name is taken.
        TooLarge: the project has too many.
    """
    name, kind, mine = (
        check_name(wanted.name or "", "notification name"),
        wanted.kind or "",
        bool(wanted.mine),
    )
    _check_owner(caller, caller.user_id, mine=mine)
    made = ""
    secret = wanted.secret or ""
    if kind == "webhook" and not secret:
        secret = made = PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()
    target = Target(wanted.address or "", secret)
    context.services.delivery.senders[kind].check(target)
    row = {
        "id": str(uuid.uuid4()),
        "project_id": caller.project_id,
        "user_id": caller.user_id,
        "name": name,
        "kind": kind,
        "mine": mine,
        "events": list(wanted.events or ()),
        "language": wanted.language or "en",
        "enabled": wanted.enabled is not False,
        "target_sealed": _sealed(context.sealer, target),
        "created_at": context.clock.now(),
    }
    count = select(func.count()).select_from(notifications)
    try:
        with context.db.write() as connection:
            if (
                connection.execute(count.where(notifications.c.project_id == caller.project_id)).scalar_one()
                >= MOST
            ):
                message = f"{MOST} notifications at most in one project: remove some first"
                raise TooLarge(message, code=Code.TOO_MANY_THINGS)
            connection.execute(notifications.insert().values(row))
    except IntegrityError:
        raise _taken(name) from None
    return {**row, "target": target, "user_name": caller.user_name}, made


def change(context: Context, caller: Principal, notification: str, wanted: Wanted) -> Row:
    """Change one. A new address needs its secret again, so that none is carried to another receiver.

    Raises:
        NotFound: the project has none.
        InvalidInput, Forbidden: as for a new one; or it is another's.
        Conflict: the name is taken.
    """
    row = find(context, caller.project_id, notification)
    mine = row["mine"] if wanted.mine is None else wanted.mine
    _check_owner(caller, row["user_id"], mine=row["mine"])
    _check_owner(caller, row["user_id"], mine=mine)
    values: dict[str, Any] = {
        "name": None if wanted.name is None else check_name(wanted.name, "notification name"),
        "events": None if wanted.events is None else list(wanted.events),
        "mine": wanted.mine,
        "language": wanted.language,
        "enabled": wanted.enabled,
    }
    values = {name: value for name, value in values.items() if value is not None}
    target: Target = row["target"]
    if wanted.address is not None or wanted.secret is not None:
        moved = wanted.address is not None and wanted.address != target.address
        kept = "" if moved else target.secret
        target = Target(wanted.address or target.address, kept if wanted.secret is None else wanted.secret)
        context.services.delivery.senders[row["kind"]].check(target)
        values["target_sealed"] = _sealed(context.sealer, target)
    if values:
        here = notifications.c.id == row["id"]
        try:
            with context.db.write() as connection:
                connection.execute(update(notifications).where(here).values(values))
        except IntegrityError:
            raise _taken(str(wanted.name)) from None
    return {**row, **values, "target": target}


def remove(context: Context, caller: Principal, notification: str) -> None:
    """Remove one, with its deliveries; what has not been delivered never will be.

    Raises:
        NotFound: the project has none.
        Forbidden: it is another's.
    """
    row = find(context, caller.project_id, notification)
    _check_owner(caller, row["user_id"], mine=row["mine"])
    with context.db.write() as connection:
        connection.execute(delete(notifications).where(notifications.c.id == row["id"]))


def test(context: Context, caller: Principal, notification: str) -> None:
    """Send a message now, and say whether it arrived.

    Raises:
        NotFound: the project has none.
        Undelivered: it did not arrive.
    """
    row = find(context, caller.project_id, notification)
    _check_owner(caller, row["user_id"], mine=row["mine"])
    now, zh = context.clock.now(), row["language"] == "zh"
    message = Message(
        id=str(uuid.uuid4()),
        event=happenings.TEST,
        title=happenings.title(happenings.TEST, row["language"], {}),
        text=f"{caller.user_name} 测试了通知 {row['name']}。"
        if zh
        else f"{caller.user_name} tries {row['name']}.",
        time=now,
        data={"project_id": caller.project_id},
    )
    failure: Undelivered | None = None
    try:
        context.services.delivery.senders[row["kind"]].send(row["target"], message, now)
    except Undelivered as error:
        failure = error
    done = {
        "id": message.id,
        "notification_id": row["id"],
        "occasion": f"test:{message.id}",
        "event": happenings.TEST,
        "message": {"title": message.title, "text": message.text, "time": now, "data": message.data},
        "state": "failed" if failure else "delivered",
        "tries": 1,
        "next_at": 0.0,
        "error": failure.message if failure else "",
        "created_at": now,
        "ended_at": context.clock.now(),
    }
    with context.db.write() as connection:
        connection.execute(deliveries.insert().values(done))
    if failure:
        raise failure


def delivered(context: Context, project_id: str, notification: str, limit: int) -> list[Row]:
    """The deliveries of one, newest first.

    Raises:
        NotFound: the project has none.
    """
    row = find(context, project_id, notification)
    query = select(deliveries).where(deliveries.c.notification_id == row["id"])
    query = query.order_by(deliveries.c.created_at.desc(), deliveries.c.id).limit(limit)
    with context.db.read() as connection:
        return [dict(found) for found in connection.execute(query).mappings()]


def shown_address(kind: str, address: str) -> str:
    """As much of an address as may be shown: the rest of a bot's is its secret.

    >>> shown_address("slack", "https://hooks.slack.com/services/T0/B0/xyz")
    'https://hooks.slack.com/…'
    """
    if kind == "email":
        return address
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}/…"


def open_target(sealer: Sealer, sealed: bytes) -> Target:
    """Where a notification goes."""
    address, secret = json.loads(sealer.open(sealed))
    return Target(address, secret)


def _sealed(sealer: Sealer, target: Target) -> bytes:
    return sealer.seal(json.dumps([target.address, target.secret]))


def _rows() -> Any:
    return select(notifications, users.c.name.label("user_name")).join(
        users, users.c.id == notifications.c.user_id
    )


def _opened(sealer: Sealer, row: Row) -> Row:
    return {**row, "target": open_target(sealer, row["target_sealed"])}


def _check_owner(caller: Principal, owner: str, *, mine: bool) -> None:
    """Members have notifications of their own jobs; those of the project are its admins'."""
    if caller.role is Role.ADMIN or (mine and owner == caller.user_id):
        return
    what = "change the notifications of others" if mine else "have the project's jobs told (use mine: true)"
    raise Forbidden(f"only an admin of the project may {what}", code=Code.ROLE_FORBIDDEN)


def _taken(name: str) -> Conflict:
    return Conflict(f"a notification named {name!r} exists: choose another name", code=Code.NAME_TAKEN)
