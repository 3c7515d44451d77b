"""Users: made, changed and removed by administrators of the service."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, Connection, delete, func, select, update
from sqlalchemy.exc import IntegrityError

from trainshed.core.errors import Code, Conflict, InvalidInput, NotFound, Unauthenticated
from trainshed.core.names import check_name
from trainshed.server.auth.accounts import ADMIN, SESSION
from trainshed.server.auth.passwords import check_password, hash_password, matches
from trainshed.server.db.tables import memberships, projects, tokens, users

if TYPE_CHECKING:
    from trainshed.server.context import Context

Row = Mapping[str, Any]
_EMAIL = re.compile(r"[^@\s<>\"',;:\\\x00-\x1f]{1,64}@[A-Za-z0-9.-]{1,189}")


@dataclass(frozen=True, slots=True)
class UserChange:
    """What is to be changed; None leaves it as it is."""

    role: str | None = None
    email: str | None = None
    disabled: bool | None = None
    password: str | None = None


def listed(context: Context) -> list[Row]:
    """All users, by name."""
    with context.db.read() as connection:
        return [dict(row) for row in connection.execute(select(users).order_by(users.c.name)).mappings()]


def find(context: Context, user: str) -> Row:
    """A user, by id or name.

    Raises:
        NotFound: there is none.
    """
    with context.db.read() as connection:
        return user_row(connection, user)


def user_row(connection: Connection, user: str) -> Row:
    """As :func:`find`, on a connection."""
    row = connection.execute(select(users).where(named(user))).mappings().first()
    if row is None:
        raise NotFound(f"there is no user {user[:64]!r}", code=Code.USER_NOT_FOUND)
    return dict(row)


def named(user: str) -> ColumnElement[bool]:
    """The condition for a user's id or name."""
    return (users.c.id == user) | (users.c.name == user)


def memberships_of(context: Context, user_id: str) -> list[Row]:
    """Projects of a user, with the role in each."""
    query = (
        select(projects.c.id, projects.c.name, memberships.c.role)
        .join_from(memberships, projects, memberships.c.project_id == projects.c.id)
        .where(memberships.c.user_id == user_id)
        .order_by(projects.c.name)
    )
    with context.db.read() as connection:
        return [dict(row) for row in connection.execute(query).mappings()]


def create(context: Context, name: str, *, role: str, email: str = "", password: str = "") -> Row:
    """A new user. Without a password they have tokens and keys only.

    Raises:
        InvalidInput: a name, an address or a password that may not be.
        Conflict: the name is taken.
    """
    check_name(name, "user name")
    row = {
        "id": uuid.uuid4().hex,
        "name": name,
        "role": role,
        "email": check_email(email),
        "password_hash": hash_password(check_password(password, name)) if password else None,
        "disabled": False,
        "created_at": context.clock.now(),
    }
    try:
        with context.db.write() as connection:
            connection.execute(users.insert().values(row))
    except IntegrityError:
        raise Conflict(f"a user named {name!r} exists: choose another name", code=Code.NAME_TAKEN) from None
    return row


def change(context: Context, user: str, wanted: UserChange) -> Row:
    """Change a user. A new password, or to be disabled, ends their sessions.

    Raises:
        NotFound: there is none.
        InvalidInput: an address or a password that may not be.
        Conflict: nobody would be left to administer the service.
    """
    row = find(context, user)
    values: dict[str, Any] = {"role": wanted.role, "disabled": wanted.disabled}
    if wanted.email is not None:
        values["email"] = check_email(wanted.email)
    if wanted.password is not None:
        values["password_hash"] = hash_password(check_password(wanted.password, row["name"]))
    values = {name: value for name, value in values.items() if value is not None}
    with context.db.write() as connection:
        if values:
            connection.execute(update(users).where(users.c.id == row["id"]).values(values))
        if wanted.password is not None or wanted.disabled:
            end_sessions(connection, row["id"])
        _check_admins(connection)
    context.accounts.forget()
    return {**row, **values}


def remove(context: Context, user: str) -> Row:
    """Remove a user with their tokens, keys and notifications; their jobs stay.

    Raises:
        NotFound: there is none.
        Conflict: nobody would be left to administer the service.
    """
    with context.db.write() as connection:
        row = user_row(connection, user)
        if row["name"] == ADMIN:
            message = f"the user {ADMIN!r} belongs to the service: disable the password instead"
            raise Conflict(message, code=Code.USER_NEEDED)
        connection.execute(delete(users).where(users.c.id == row["id"]))
        _check_admins(connection)
    context.accounts.forget()
    return row


def change_password(context: Context, user_id: str, address: str, old: str, new: str) -> None:
    """Somebody changes their own password; their other sessions end.

    Raises:
        Unauthenticated: the old one is wrong.
        TooManyRequests: it was wrong too often.
        InvalidInput: the new one may not be.
    """
    row = find(context, user_id)
    if row["password_hash"]:
        with context.throttle.password_try(address, row["name"]):
            if not matches(old, row["password_hash"]):
                raise Unauthenticated("the old password is wrong", code=Code.PASSWORD_WRONG)
    hashed = hash_password(check_password(new, row["name"]))
    with context.db.write() as connection:
        connection.execute(update(users).where(users.c.id == user_id).values(password_hash=hashed))
        end_sessions(connection, user_id)
    context.accounts.forget()


def end_sessions(connection: Connection, user_id: str) -> None:
    """Sign a user out everywhere."""
    connection.execute(delete(tokens).where(tokens.c.user_id == user_id, tokens.c.kind == SESSION))


def check_email(email: str) -> str:
    """``email`` itself, if mail can be sent there, or if it is empty.

    Raises:
        InvalidInput: it is no address.
    """
    if email and not _EMAIL.fullmatch(email):
        raise InvalidInput(f"{email[:80]!r} is no e-mail address", code=Code.FIELD_INVALID)
    return email


def _check_admins(connection: Connection) -> None:
    admins = select(func.count()).select_from(users).where(users.c.role == ADMIN, ~users.c.disabled)
    if not connection.execute(admins).scalar_one():
        message = "nobody would be left to administer the service: name another admin first"
        raise Conflict(message, code=Code.USER_NEEDED)
