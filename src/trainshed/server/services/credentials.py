"""Tokens and access keys that people make for themselves, or an administrator for them."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, delete, func, select, update

from trainshed.core.errors import Code, Forbidden, InvalidInput, NotFound, TooLarge
from trainshed.core.names import check_description
from trainshed.server.auth.accounts import SESSION, new_access_key, new_secret_key, token_hash, token_id
from trainshed.server.auth.roles import Role
from trainshed.server.db.tables import access_keys, memberships, projects, tokens, users
from trainshed.server.services.users import user_row

if TYPE_CHECKING:
    from trainshed.server.auth.accounts import Identity
    from trainshed.server.context import Context

Row = Mapping[str, Any]
MOST = 50
PERSONAL = "personal"
SHORTEST_ID = 8
DAY_S = 86_400


def list_tokens(context: Context, who: Identity, user: str) -> list[Row]:
    """The personal tokens of a user, newest first; of the caller, where none is named.

    Raises:
        Forbidden: another's, for somebody who is no administrator.
    """
    with context.db.read() as connection:
        owner = _owner(connection, who, user)
        query = select(tokens).where(tokens.c.user_id == owner["id"], tokens.c.kind == PERSONAL)
        rows = connection.execute(query.order_by(tokens.c.created_at.desc())).mappings().all()
    return [{**row, "id": token_id(row["hash"]), "user_name": owner["name"]} for row in rows]


def make_token(
    context: Context, who: Identity, *, user: str, name: str, days: int, project_id: str, role: str
) -> tuple[Row, str]:
    """A new token, and its text, which is never shown again.

    Args:
        days: until it expires.
        project_id, role: what it is cut down to; empty for all that its owner may.

    Raises:
        Forbidden: for another user, by somebody who is no administrator.
        NotFound: the owner is in no such project.
        TooLarge: the owner has too many.
    """
    text, now = secrets.token_urlsafe(32), context.clock.now()
    digest = token_hash(text)
    with context.db.write() as connection:
        owner = _owner(connection, who, user)
        if project_id:
            project_id = _project_of(connection, owner, project_id)
        mine = (tokens.c.user_id == owner["id"]) & (tokens.c.kind == PERSONAL)
        connection.execute(delete(tokens).where(mine, tokens.c.expires_at < now - 30 * DAY_S))
        _check_count(connection, tokens, mine, "tokens")
        row = {
            "hash": digest,
            "user_id": owner["id"],
            "kind": PERSONAL,
            "name": name,
            "project_id": project_id or None,
            "role": role or None,
            "created_at": now,
            "expires_at": now + days * DAY_S,
        }
        connection.execute(tokens.insert().values(row))
    return {**row, "id": token_id(digest), "user_name": owner["name"], "last_used_at": None}, text


def revoke_token(context: Context, who: Identity, token: str) -> Row:
    """End a token, by its id, at once. An administrator may end anybody's.

    Raises:
        NotFound: the caller has no such token.
    """
    with context.db.write() as connection:
        query = select(tokens).where(tokens.c.hash.startswith(token, autoescape=True))
        query = query.where(tokens.c.kind != SESSION)
        if not who.admin:
            query = query.where(tokens.c.user_id == who.user_id)
        rows = connection.execute(query).mappings().all()
        if len(rows) != 1 or len(token) < SHORTEST_ID:
            raise NotFound(f"there is no token {token[:64]!r}", code=Code.CREDENTIAL_NOT_FOUND)
        connection.execute(delete(tokens).where(tokens.c.hash == rows[0]["hash"]))
    context.accounts.forget()
    return dict(rows[0])


def list_keys(context: Context, who: Identity, user: str) -> list[Row]:
    """The access keys of a user, newest first, without their secrets.

    Raises:
        Forbidden: another's, for somebody who is no administrator.
    """
    with context.db.read() as connection:
        owner = _owner(connection, who, user)
        query = select(access_keys).where(access_keys.c.user_id == owner["id"])
        rows = connection.execute(query.order_by(access_keys.c.created_at.desc())).mappings().all()
    return [{**row, "user_name": owner["name"]} for row in rows]


def make_key(
    context: Context, who: Identity, *, user: str, project_id: str, description: str = ""
) -> tuple[Row, str]:
    """A new access key for one project, and its secret, which is never shown again.

    Raises:
        Forbidden: for another user, by somebody who is no administrator.
        NotFound: the owner is in no such project.
        TooLarge: the owner has too many.
    """
    check_description(description)
    with context.db.write() as connection:
        owner = _owner(connection, who, user)
        project_id = _project_of(connection, owner, project_id)
        return _insert_key(context, connection, owner, project_id, description)


def rotate_key(context: Context, who: Identity, access_key: str, overlap_hours: int) -> tuple[Row, str]:
    """A new key in the place of another, which goes on working for some hours.

    Raises:
        NotFound: the caller has no such key.
    """
    now = context.clock.now()
    with context.db.write() as connection:
        old = _key(connection, who, access_key)
        owner = user_row(connection, old["user_id"])
        made = _insert_key(context, connection, owner, old["project_id"], old["description"])
        until = now + overlap_hours * 3600
        values = {"expires_at": min(until, old["expires_at"] or until)}
        connection.execute(update(access_keys).where(access_keys.c.access_key == access_key).values(values))
    context.accounts.forget()
    return made


def change_key(
    context: Context, who: Identity, access_key: str, *, disabled: bool | None, description: str | None
) -> Row:
    """Disable a key or let it work again, or describe it.

    Raises:
        NotFound: the caller has no such key.
    """
    values: dict[str, Any] = {} if disabled is None else {"disabled": disabled}
    if description is not None:
        values["description"] = check_description(description)
    with context.db.write() as connection:
        row = _key(connection, who, access_key)
        here = access_keys.c.access_key == access_key
        if values:
            connection.execute(update(access_keys).where(here).values(values))
    context.accounts.forget()
    return {**row, **values}


def remove_key(context: Context, who: Identity, access_key: str) -> None:
    """End a key for good.

    Raises:
        NotFound: the caller has no such key.
    """
    with context.db.write() as connection:
        _key(connection, who, access_key)
        connection.execute(delete(access_keys).where(access_keys.c.access_key == access_key))
    context.accounts.forget()


def _owner(connection: Connection, who: Identity, user: str) -> Row:
    """Whose credentials are meant."""
    if user in ("", who.user_id, who.user_name):
        return {"id": who.user_id, "name": who.user_name, "role": "admin" if who.admin else "user"}
    if not who.admin:
        message = "only an administrator of the service sees or makes the credentials of others"
        raise Forbidden(message, code=Code.ROLE_FORBIDDEN)
    return user_row(connection, user)


def _project_of(connection: Connection, owner: Row, project: str) -> str:
    """The id of a project (named by id or name) that the owner may use."""
    query = select(projects.c.id).where((projects.c.id == project) | (projects.c.name == project))
    if owner["role"] != "admin":
        query = query.join(memberships, memberships.c.project_id == projects.c.id)
        query = query.where(memberships.c.user_id == owner["id"])
    found = connection.execute(query).scalar()
    if found is None:
        message = f"{owner['name']} is in no project {project[:64]!r}"
        raise NotFound(message, code=Code.PROJECT_NOT_FOUND)
    return found


def _insert_key(
    context: Context, connection: Connection, owner: Row, project_id: str, description: str
) -> tuple[Row, str]:
    _check_count(connection, access_keys, access_keys.c.user_id == owner["id"], "access keys")
    secret = new_secret_key()
    row = {
        "access_key": new_access_key(),
        "secret_sealed": context.sealer.seal(secret),
        "user_id": owner["id"],
        "project_id": project_id,
        "description": description,
        "disabled": False,
        "created_at": context.clock.now(),
        "expires_at": None,
        "last_used_at": None,
    }
    connection.execute(access_keys.insert().values(row))
    return {**row, "user_name": owner["name"]}, secret


def _key(connection: Connection, who: Identity, access_key: str) -> Row:
    query = select(access_keys, users.c.name.label("user_name")).join(
        users, users.c.id == access_keys.c.user_id
    )
    query = query.where(access_keys.c.access_key == access_key)
    if not who.admin:
        query = query.where(access_keys.c.user_id == who.user_id)
    row = connection.execute(query).mappings().first()
    if row is None:
        message = f"there is no access key {access_key[:64]!r}"
        raise NotFound(message, code=Code.CREDENTIAL_NOT_FOUND)
    return dict(row)


def _check_count(connection: Connection, table: Any, mine: Any, what: str) -> None:
    if connection.execute(select(func.count()).select_from(table).where(mine)).scalar_one() >= MOST:
        message = f"{MOST} {what} at most for one user: remove some first"
        raise TooLarge(message, code=Code.TOO_MANY_THINGS)


def check_role(role: str) -> str:
    """``role`` itself, if a token may be cut down to it; empty for no limit.

    Raises:
        InvalidInput: it is no role.
    """
    if role and role not in {known.value for known in Role}:
        message = f"{role[:40]!r} is no role: use {', '.join(Role)}"
        raise InvalidInput(message, code=Code.FIELD_INVALID)
    return role
