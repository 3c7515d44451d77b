"""Brings a database to the present schema, at every start of the service."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, inspect, text

from trainshed.core.errors import Code, InvalidInput
from trainshed.server.db.database import Database

# The newest migration. A database that has it needs no Alembic, whose import is slow.
HEAD = "0004"

# One service at a time upgrades a PostgreSQL database; any number will do, as long as it stays.
_ADVISORY_LOCK = 0x747261696E


def upgrade(db: Database) -> bool:
    """Apply the migrations that are missing; whether there were any.

    Raises:
        InvalidInput: the database was made by a newer release.
        Unavailable: the database does not answer.
    """
    with db.read() as connection:
        if _revision(connection) == HEAD:
            return False
    with db.rebuilding(), db.write() as connection:
        if db.dialect == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})
        revision = _revision(connection)
        if revision is not None and revision > HEAD:
            message = f"the database has schema {revision}, made by a newer trainshed: upgrade trainshed"
            raise InvalidInput(message, code=Code.FIELD_INVALID)
        _migrate(connection)
    return True


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def _migrate(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
