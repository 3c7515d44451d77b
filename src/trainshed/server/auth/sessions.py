"""Sign-in for people: a session is a token of its own, kept in a cookie that no script can read.

One that was opened by a token ends with that token, when it expires or is revoked.

A browser sends its cookie with every request, whoever caused it. So a request that changes
something must also carry the session's CSRF token in a header, which only our own pages know:
they got it in the answer to a sign-in, which other origins cannot read.
"""

from __future__ import annotations

import hmac
import math
import secrets
from typing import Any

from sqlalchemy import Connection, delete, select

from trainshed.core.clock import Clock
from trainshed.core.errors import Code, Unauthenticated
from trainshed.server.auth.accounts import SESSION, Accounts, Identity, token_hash
from trainshed.server.auth.passwords import NOBODY, matches
from trainshed.server.auth.throttle import Throttle
from trainshed.server.db.database import Database
from trainshed.server.db.tables import tokens, users

COOKIE = "trainshed_session"
CSRF_HEADER = "x-csrf-token"
SESSION_S = 7 * 24 * 3600
_LABEL = "console"


class Sessions:
    """Opens and closes sessions."""

    def __init__(self, db: Database, accounts: Accounts, clock: Clock, throttle: Throttle) -> None:
        self._db = db
        self._accounts = accounts
        self._clock = clock
        self._throttle = throttle

    def open(
        self, caller: str, *, token: str = "", name: str = "", password: str = ""
    ) -> tuple[str, Identity]:
        """Sign in by a token, or by a user's name and password; the session's token and who it is.

        Args:
            caller: address that the request came from, for the limit on wrong tries.

        Raises:
            Unauthenticated: the token or the password is wrong.
            TooManyRequests: there were too many wrong tries.
        """
        identity = self._by_token(caller, token) if token else self._by_password(caller, name, password)
        session = secrets.token_urlsafe(32)
        now = self._clock.now()
        row: dict[str, Any] = {
            "hash": token_hash(session),
            "user_id": identity.user_id,
            "kind": SESSION,
            "name": _LABEL,
            "parent": token_hash(token) if token else None,
            "created_at": now,
            "expires_at": now + SESSION_S,
        }
        with self._db.write() as connection:
            expired = (tokens.c.kind == SESSION) & (tokens.c.expires_at < now)
            connection.execute(delete(tokens).where(expired))
            if token:
                row["expires_at"] = min(row["expires_at"], _end_of(connection, row["parent"]))
            connection.execute(tokens.insert().values(row))
        return session, identity

    def close(self, session: str) -> None:
        """End a session; one that is not known is ignored."""
        with self._db.write() as connection:
            connection.execute(
                delete(tokens).where(tokens.c.hash == token_hash(session), tokens.c.kind == SESSION)
            )
        self._accounts.forget()

    def _by_token(self, caller: str, token: str) -> Identity:
        identity = self._accounts.by_token(token)
        if identity is None:
            self._throttle.wrong_credential(caller)
            raise Unauthenticated("the token is not known or has expired", code=Code.TOKEN_INVALID)
        if identity.scoped or identity.credential == SESSION:
            message = "this token is cut down to a project or a role: it opens no session"
            raise Unauthenticated(message, code=Code.CREDENTIAL_TOO_NARROW)
        return identity

    def _by_password(self, caller: str, name: str, password: str) -> Identity:
        with self._throttle.password_try(caller, name):
            with self._db.read() as connection:
                query = select(users.c.id, users.c.password_hash).where(users.c.name == name)
                row = connection.execute(query).one_or_none()
            stored = row.password_hash if row is not None else None
            # the same work whether or not there is such a user
            right = matches(password, stored or NOBODY)
            identity = self._accounts.by_user(row.id) if right and row is not None and stored else None
            if identity is None:
                raise Unauthenticated("name or password is wrong", code=Code.PASSWORD_WRONG)
            return identity


def _end_of(connection: Connection, digest: str) -> float:
    """When a token expires, which may have been ended since it was looked up.

    Raises:
        Unauthenticated: it is there no longer.
    """
    row = connection.execute(select(tokens.c.expires_at).where(tokens.c.hash == digest)).one_or_none()
    if row is None:
        raise Unauthenticated("the token is not known or has expired", code=Code.TOKEN_INVALID)
    return math.inf if row.expires_at is None else row.expires_at


def csrf_of(session: str) -> str:
    """The CSRF token that belongs to a session."""
    return hmac.digest(session.encode(), b"csrf", "sha256").hex()
