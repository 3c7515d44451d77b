"""Users, projects, tokens and access keys: looked up on every request, so remembered briefly."""

from __future__ import annotations

import hashlib
import secrets
import string
import threading
import time
import uuid
from dataclasses import dataclass, replace
from typing import Literal

from sqlalchemy import Column, Connection, select, update

from trainshed.core.clock import Clock
from trainshed.server.auth.roles import Role
from trainshed.server.auth.sealing import Sealer
from trainshed.server.db.database import Database
from trainshed.server.db.tables import access_keys, memberships, projects, tokens, users

REMEMBER_S = 10.0
REMEMBER_AT_MOST = 10_000
# How near the time of a last use is told.
USED_WITHIN_S = 60.0
DEFAULT_PROJECT = "default"
ADMIN = "admin"
SESSION = "session"
Kind = Literal["token", "key", "open"]


@dataclass(frozen=True, slots=True)
class Identity:
    """Someone whose token or key was found.

    Attributes:
        admin: whether they administer the whole service.
        projects: id → role there; for an admin, all projects.
        credential: what they showed, as the audit log has it: ``token:3f2a…``, ``key:ABC…``, ``session``.
        scoped: whether that is cut down to a project or a role.
        own_project: the one that an access key was made for; empty for a token.
        secret: the secret key that belongs to an access key; empty for a token.
    """

    user_id: str
    user_name: str
    admin: bool
    projects: dict[str, Role]
    credential: str = ""
    scoped: bool = False
    own_project: str = ""
    secret: str = ""

    def cut(self, project_id: str | None, role: str | None) -> Identity:
        """What is left of it for a token of one project, or of a lesser role."""
        if not project_id and not role:
            return self
        most = Role(role) if role else Role.ADMIN
        left = {
            known: had.at_most(most)
            for known, had in self.projects.items()
            if not project_id or known == project_id
        }
        return replace(self, projects=left, admin=False, scoped=True)


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a person needs to call the service."""

    project_id: str
    access_key: str
    secret_key: str
    token: str


class Accounts:
    """Looks up who holds a token or an access key, and makes new ones."""

    def __init__(self, db: Database, sealer: Sealer, clock: Clock) -> None:
        self._db = db
        self._sealer = sealer
        self._clock = clock
        self._lock = threading.Lock()
        self._remembered: dict[tuple[Kind, str], tuple[float, Identity]] = {}
        self._changes = 0
        self._used: dict[tuple[Column[str], str], float] = {}

    def remembered(self, kind: Kind, credential: str = "") -> Identity | None:
        """The holder of a token or access key, if it was looked up a moment ago. Never blocks.

        The kinds are kept apart: the id of an access key is no secret, and must not pass for a token.
        """
        found = self._remembered.get((kind, credential))
        return found[1] if found and found[0] > time.monotonic() else None

    def by_token(self, token: str) -> Identity | None:
        """The holder of a token that is known and has not expired."""
        changes, now, digest = self._changes, self._clock.now(), token_hash(token)
        query = (
            select(users.c.id, users.c.name, users.c.role, *_TOKEN)
            .join_from(tokens, users, tokens.c.user_id == users.c.id)
            .where(tokens.c.hash == digest, ~users.c.disabled)
        )
        with self._db.read() as connection:
            row = connection.execute(query).one_or_none()
            if row is None or _over(row.expires_at, now):
                return None
            identity = _identity(connection, row.id, row.name, row.role)
        shown = SESSION if row.kind == SESSION else f"token:{token_id(digest)}"
        identity = replace(identity, credential=shown).cut(row.project_id, row.cut)
        self._use(tokens.c.hash, digest, row.last_used_at, now)
        return self._remember(("token", token), identity, changes, row.expires_at, now)

    def by_access_key(self, access_key: str) -> Identity | None:
        """The holder of an access key that may be used, with its secret."""
        changes, now = self._changes, self._clock.now()
        query = (
            select(users.c.id, users.c.name, users.c.role, *_KEY)
            .join_from(access_keys, users, access_keys.c.user_id == users.c.id)
            .where(access_keys.c.access_key == access_key, ~users.c.disabled, ~access_keys.c.disabled)
        )
        with self._db.read() as connection:
            row = connection.execute(query).one_or_none()
            if row is None or _over(row.expires_at, now):
                return None
            identity = _identity(connection, row.id, row.name, row.role)
        secret = self._sealer.open(row.secret_sealed)
        identity = replace(
            identity, credential=f"key:{access_key}", own_project=row.project_id, secret=secret
        )
        self._use(access_keys.c.access_key, access_key, row.last_used_at, now)
        return self._remember(("key", access_key), identity, changes, row.expires_at, now)

    def admin(self) -> Identity:
        """The admin of the first start; who everyone is when authentication is off."""
        if known := self.remembered("open"):
            return known
        changes = self._changes
        with self._db.read() as connection:
            row = connection.execute(select(users).where(users.c.name == ADMIN)).one()
            identity = _identity(connection, row.id, row.name, row.role)
        return self._remember(("open", ""), replace(identity, credential="open"), changes)

    def by_user(self, user_id: str) -> Identity | None:
        """A user by id, as when a password was right."""
        with self._db.read() as connection:
            query = select(users).where(users.c.id == user_id, ~users.c.disabled)
            row = connection.execute(query).one_or_none()
            return _identity(connection, row.id, row.name, row.role) if row is not None else None

    def named_projects(self, identity: Identity) -> list[tuple[str, str]]:
        """(id, name) of every project that ``identity`` may use, by name."""
        query = select(projects.c.id, projects.c.name).where(projects.c.id.in_(identity.projects))
        with self._db.read() as connection:
            return [(row.id, row.name) for row in connection.execute(query.order_by(projects.c.name))]

    def ensure_admin(self) -> str:
        """Make the admin and the default project where they are missing; the project's id."""
        with self._db.write() as connection:
            user_id = connection.execute(select(users.c.id).where(users.c.name == ADMIN)).scalar()
            project_id = _default_project(connection)
            now = self._clock.now()
            if user_id is None:
                user_id = uuid.uuid4().hex
                row = {"id": user_id, "name": ADMIN, "role": "admin", "created_at": now}
                connection.execute(users.insert().values(row))
            if project_id is None:
                project_id = uuid.uuid4().hex
                row = {"id": project_id, "name": DEFAULT_PROJECT, "created_at": now}
                connection.execute(projects.insert().values(row))
            member = {"user_id": user_id, "project_id": project_id}
            known = select(memberships).filter_by(**member)
            if connection.execute(known).one_or_none() is None:
                connection.execute(memberships.insert().values(**member, role=Role.ADMIN.value))
        return project_id

    def issue(self, project_id: str, user_name: str = ADMIN, label: str = "") -> Credentials:
        """A new token and access key for a user in a project."""
        made = Credentials(project_id, new_access_key(), new_secret_key(), secrets.token_urlsafe(32))
        now = self._clock.now()
        with self._db.write() as connection:
            user_id = connection.execute(select(users.c.id).where(users.c.name == user_name)).scalar_one()
            token = {
                "hash": token_hash(made.token),
                "user_id": user_id,
                "name": label,
                "created_at": now,
            }
            connection.execute(tokens.insert().values(token))
            key = {
                "access_key": made.access_key,
                "secret_sealed": self._sealer.seal(made.secret_key),
                "user_id": user_id,
                "project_id": project_id,
                "created_at": now,
            }
            connection.execute(access_keys.insert().values(key))
        return made

    def holds(self, credentials: Credentials) -> bool:
        """Whether both token and key of ``credentials`` open this service, for that project."""
        by_token, by_key = self.by_token(credentials.token), self.by_access_key(credentials.access_key)
        return (
            by_token is not None
            and by_key is not None
            and by_key.secret == credentials.secret_key
            and by_key.own_project == credentials.project_id
        )

    def forget(self) -> None:
        """Drop what is remembered, after accounts have changed."""
        with self._lock:
            self._changes += 1
            self._remembered.clear()

    def note_use(self) -> None:
        """Write down when tokens and keys were last used."""
        with self._lock:
            used, self._used = self._used, {}
        if not used:
            return
        with self._db.write() as connection:
            for (column, value), moment in used.items():
                table = column.table
                connection.execute(update(table).where(column == value).values(last_used_at=moment))

    def _use(self, column: Column[str], value: str, last: float | None, now: float) -> None:
        """Remember that a credential was used; what was written lately is near enough."""
        if last is None or now - last > USED_WITHIN_S:
            with self._lock:
                self._used[(column, value)] = now

    def _remember(
        self,
        credential: tuple[Kind, str],
        identity: Identity,
        changes: int,
        expires_at: float | None = None,
        now: float = 0.0,
    ) -> Identity:
        """Remember what was looked up, unless accounts have changed since (``changes``) it was."""
        seconds = REMEMBER_S if expires_at is None else min(REMEMBER_S, expires_at - now)
        with self._lock:
            if len(self._remembered) >= REMEMBER_AT_MOST:
                self._remembered.clear()
            if changes == self._changes:
                self._remembered[credential] = (time.monotonic() + seconds, identity)
        return identity


_TOKEN = (
    tokens.c.kind,
    tokens.c.project_id,
    tokens.c.role.label("cut"),
    tokens.c.expires_at,
    tokens.c.last_used_at,
)
_KEY = (
    access_keys.c.project_id,
    access_keys.c.secret_sealed,
    access_keys.c.expires_at,
    access_keys.c.last_used_at,
)


def _over(expires_at: float | None, now: float) -> bool:
    return expires_at is not None and expires_at <= now


def token_hash(token: str) -> str:
    """How a token is stored: it has 256 random bits, so a plain hash cannot be turned back."""
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()


def token_id(digest: str) -> str:
    """How a token is called where it must not be shown: the start of its hash."""
    return digest[:16]


def _identity(connection: Connection, user_id: str, name: str, role: str) -> Identity:
    if role == "admin":
        members = {project_id: Role.ADMIN for (project_id,) in connection.execute(select(projects.c.id))}
    else:
        query = select(memberships.c.project_id, memberships.c.role).where(memberships.c.user_id == user_id)
        members = {row.project_id: Role(row.role) for row in connection.execute(query)}
    return Identity(user_id, name, role == "admin", members)


def _default_project(connection: Connection) -> str | None:
    return connection.execute(select(projects.c.id).where(projects.c.name == DEFAULT_PROJECT)).scalar()


def new_access_key() -> str:
    """An access key that nobody has."""
    return "".join(secrets.choice(string.ascii_uppercase + string.digits) for _ in range(20))


def new_secret_key() -> str:
    """A secret key with 238 random bits."""
    return "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(40))
