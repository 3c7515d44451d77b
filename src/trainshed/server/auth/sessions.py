"""Sign-in for people: a session is a token of its own, kept in a cookie that no script can read.

A browser sends its cookie with every request, whoever caused it. So a request that changes
something must also carry the session's CSRF token in a header, which only our own pages know:
they got it in the answer to a sign-in, which other origins cannot read.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
from collections import deque

from sqlalchemy import delete, select

from trainshed.core.clock import Clock
from trainshed.core.errors import Code, TooManyRequests, Unauthenticated
from trainshed.server.auth.accounts import Accounts, Identity, token_hash
from trainshed.server.db.database import Database
from trainshed.server.db.tables import tokens, users

COOKIE = "trainshed_session"
CSRF_HEADER = "x-csrf-token"
SESSION_S = 7 * 24 * 3600
_LABEL = "console"
_TRIES, _WINDOW_S = 10, 60.0
_SCRYPT = {"n": 2**14, "r": 8, "p": 1}


class Sessions:
    """Opens and closes sessions; slows down whoever guesses."""

    def __init__(self, db: Database, accounts: Accounts, clock: Clock) -> None:
        self._db = db
        self._accounts = accounts
        self._clock = clock
        self._lock = threading.Lock()
        self._failures: dict[str, deque[float]] = {}

    def open(
        self, caller: str, *, token: str = "", name: str = "", password: str = ""
    ) -> tuple[str, Identity]:
        """Sign in by a token, or by a user's name and password; the session's token and who it is.

        Args:
            caller: address that the request came from, for the limit on wrong tries.

        Raises:
            Unauthenticated: the token or the password is wrong.
            TooManyRequests: ten wrong tries from this address within a minute.
        """
        self._check_rate(caller)
        identity = self._accounts.by_token(token) if token else self._by_password(name, password)
        if identity is None:
            self._count_failure(caller)
            what = "the token is not known or has expired" if token else "name or password is wrong"
            raise Unauthenticated(what, code=Code.TOKEN_INVALID)
        session = secrets.token_urlsafe(32)
        now = self._clock.now()
        row = {
            "hash": token_hash(session),
            "user_id": identity.user_id,
            "name": _LABEL,
            "created_at": now,
            "expires_at": now + SESSION_S,
        }
        with self._db.write() as connection:
            expired = (tokens.c.name == _LABEL) & (tokens.c.expires_at < now)
            connection.execute(delete(tokens).where(expired))
            connection.execute(tokens.insert().values(row))
        return session, identity

    def close(self, session: str) -> None:
        """End a session; one that is not known is ignored."""
        with self._db.write() as connection:
            connection.execute(
                delete(tokens).where(tokens.c.hash == token_hash(session), tokens.c.name == _LABEL)
            )
        self._accounts.forget()

    def _by_password(self, name: str, password: str) -> Identity | None:
        with self._db.read() as connection:
            query = select(users.c.id, users.c.password_hash).where(users.c.name == name)
            row = connection.execute(query).one_or_none()
        stored = row.password_hash if row is not None else None
        # the same work whether or not there is such a user
        if not matches(password, stored or _NOBODY) or row is None or not stored:
            return None
        return self._accounts.by_user(row.id)

    def _check_rate(self, caller: str) -> None:
        with self._lock:
            failures = self._failures.get(caller)
            while failures and failures[0] < self._clock.now() - _WINDOW_S:
                failures.popleft()
            if failures and len(failures) >= _TRIES:
                raise TooManyRequests("too many wrong tries from this address; wait a minute")

    def _count_failure(self, caller: str) -> None:
        with self._lock:
            if len(self._failures) > 10_000:
                self._failures.clear()
            self._failures.setdefault(caller, deque()).append(self._clock.now())


def csrf_of(session: str) -> str:
    """The CSRF token that belongs to a session."""
    return hmac.digest(session.encode(), b"csrf", "sha256").hex()


def hash_password(password: str) -> str:
    """How a password is stored: scrypt with a salt of its own (RFC 7914), as ``salt$hash`` in hex."""
    salt = secrets.token_bytes(16)
    return f"{salt.hex()}${_scrypt(password, salt).hex()}"


def matches(password: str, stored: str) -> bool:
    """Whether ``password`` is the one that ``stored`` was made of."""
    salt, _, digest = stored.partition("$")
    return hmac.compare_digest(_scrypt(password, bytes.fromhex(salt)).hex(), digest)


def _scrypt(password: str, salt: bytes) -> bytes:
    return hashlib.scrypt(password.encode("utf-8", "surrogatepass"), salt=salt, **_SCRYPT)


_NOBODY = hash_password(secrets.token_hex(8))
