"""Runs the migrations on the connection that ``schema.upgrade`` (or the alembic command) gives."""

from __future__ import annotations

import os

from alembic import context
from sqlalchemy import Connection, create_engine

from trainshed.server.db.tables import metadata


def _run(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=metadata,
        render_as_batch=connection.dialect.name == "sqlite",
        compare_type=True,
        transaction_per_migration=False,
    )
    with context.begin_transaction():
        context.run_migrations()


given = context.config.attributes.get("connection")
if given is not None:
    _run(given)
else:
    with create_engine(os.environ["TRAINSHED_DATABASE_URL"]).begin() as _connection:
        _run(_connection)
