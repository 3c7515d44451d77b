"""Events that are committed in another order than they were numbered in."""

from __future__ import annotations

import uuid
from collections.abc import Generator
from pathlib import Path

import pytest
from sqlalchemy import Connection, delete

from tests.servers.postgresql import PostgreSQL
from trainshed.server.config import Settings
from trainshed.server.db.database import Database
from trainshed.server.db.schema import upgrade
from trainshed.server.db.tables import events, jobs, projects
from trainshed.server.services.horizon import Horizon

JOB = str(uuid.uuid4())


@pytest.fixture
def database(tmp_path: Path, database_url: str) -> Generator[Database]:
    opened = Database(Settings(home=tmp_path, database_url=database_url).sqlalchemy_url())
    upgrade(opened)
    with opened.write() as connection:
        connection.execute(projects.insert().values(id="p", name="p", created_at=0.0))
        job = {"id": JOB, "project_id": "p", "name": "j", "annotations": {}, "spec": {}, "phase": "Running"}
        connection.execute(jobs.insert().values(**job, created_at=0.0, updated_at=0.0))
    yield opened
    opened.close()


def add(connection: Connection) -> int:
    row = {"job_id": JOB, "source": "service", "time": 0.0, "kind": "started"}
    key = connection.execute(events.insert().values(row)).inserted_primary_key
    assert key is not None
    return key[0]


def complete(database: Database, horizon: Horizon) -> int:
    with database.read() as connection:
        return horizon.look(connection)[1]


def test_nothing_is_complete_before_what_was_numbered_first_is_committed(
    postgresql: PostgreSQL, tmp_path: Path
):
    database = Database(Settings(home=tmp_path, database_url=postgresql.new_database()).sqlalchemy_url())
    upgrade(database)
    horizon = Horizon("postgresql")
    with database.write() as connection:
        connection.execute(projects.insert().values(id="p", name="p", created_at=0.0))
        job = {"id": JOB, "project_id": "p", "name": "j", "annotations": {}, "spec": {}, "phase": "Running"}
        connection.execute(jobs.insert().values(**job, created_at=0.0, updated_at=0.0))
    with database.engine.connect() as slow:
        first = add(slow)
        with database.write() as fast:
            second = add(fast)
        assert first < second
        for _ in range(3):
            with database.read() as connection:
                last, safe = horizon.look(connection)
            assert (last, safe < first) == (second, True)
        slow.commit()
    complete(database, horizon)
    assert complete(database, horizon) == second
    with database.engine.connect() as slow:
        add(slow)
        slow.rollback()
    with database.write() as connection:
        third = add(connection)
    complete(database, horizon)
    assert complete(database, horizon) == third
    database.close()


def test_a_number_is_never_given_twice(database: Database):
    with database.write() as connection:
        first = add(connection)
        connection.execute(delete(events))
        second = add(connection)
    assert second > first
