"""The buckets of a service on this machine, read without it by the person who runs it.

Neither an HTTP client nor SQLAlchemy is loaded for that, which would take longer than many a copy.
"""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trainshed.core.errors import TrainshedError
from trainshed.core.home import CREDENTIALS

if TYPE_CHECKING:
    from trainshed.server.config import Settings

_QUERY = "SELECT name, kind, settings, secret_sealed FROM buckets WHERE project_id = ?"
_Row = Mapping[Any, Any]


def own_settings(home: Path) -> dict[str, dict[str, Any]] | None:
    """Settings, keys included, of the buckets of the project that ``home`` names; None where the
    service's own files cannot be read, or are none yet.
    """
    from trainshed.server.config import load_settings

    settings = load_settings(home=home)
    project_id = _project(home)
    if not project_id or not os.access(settings.files.secret_key, os.R_OK):
        return None
    from trainshed.server.auth.sealing import Sealer
    from trainshed.server.services.bucket_settings import settings_of

    try:
        rows = _from_database(settings, project_id) if settings.database_url else _rows(settings, project_id)
        sealer = Sealer(settings.files.secret_key)
        return {str(row["name"]): settings_of(row, sealer, settings.files.buckets) for row in rows}
    except (sqlite3.Error, TrainshedError):
        return None  # the service says what is wrong


def _project(home: Path) -> str:
    try:
        return str(json.loads((home / CREDENTIALS).read_text())["project_id"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def _rows(settings: Settings, project_id: str) -> list[_Row]:
    with contextlib.closing(sqlite3.connect(f"file:{settings.files.database}?mode=ro", uri=True)) as database:
        found = database.execute(_QUERY, (project_id,)).fetchall()
    return [
        {"name": name, "kind": kind, "settings": json.loads(text), "secret_sealed": sealed}
        for name, kind, text, sealed in found
    ]


def _from_database(settings: Settings, project_id: str) -> list[_Row]:
    from sqlalchemy import select
    from sqlalchemy.exc import SQLAlchemyError

    from trainshed.server.db.database import Database
    from trainshed.server.db.tables import buckets

    database = Database(settings.sqlalchemy_url())
    try:
        with database.read() as connection:
            return list(
                connection.execute(select(buckets).where(buckets.c.project_id == project_id)).mappings()
            )
    except SQLAlchemyError as error:
        raise sqlite3.OperationalError(str(error)) from error
    finally:
        database.close()
