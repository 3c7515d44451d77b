"""Searches: the same answer whichever way it is found."""

from __future__ import annotations

import uuid

import pytest
from sqlalchemy import insert

from trainshed.server.config import Settings
from trainshed.server.db.database import Database
from trainshed.server.db.schema import upgrade
from trainshed.server.db.tables import jobs, projects
from trainshed.server.services import job_search
from trainshed.server.wire.jobs import JobFilter, JobSearch

PROJECT = "p" * 32
COUNT = 60


@pytest.fixture
def database(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Database:
    settings = Settings(home=tmp_path_factory.mktemp("search"), database_url=database_url)
    database = Database(settings.sqlalchemy_url())
    upgrade(database)
    with database.write() as connection:
        connection.execute(insert(projects).values(id=PROJECT, name="p", created_at=0.0))
        rows = [
            {
                "id": str(uuid.UUID(int=number)),
                "project_id": PROJECT,
                "name": f"Run_{number:02}%",
                "annotations": {},
                "spec": {},
                "phase": "Completed",
                "created_at": float(number),
                "updated_at": 0.0,
            }
            for number in range(COUNT)
        ]
        connection.execute(insert(jobs), rows)
    return database


@pytest.mark.parametrize("few", [5, 1000])
@pytest.mark.parametrize(
    ("part", "numbers"),
    [
        ("RUN_1", range(10, 20)),
        ("n_", range(COUNT)),
        ("%", range(COUNT)),
        ("5%", range(5, COUNT, 10)),
        ("nowhere", range(0)),
    ],
)
@pytest.mark.parametrize("offset", [0, 4])
def test_a_part_of_a_name(
    database: Database, monkeypatch: pytest.MonkeyPatch, few: int, part: str, numbers: range, offset: int
) -> None:
    monkeypatch.setattr(job_search, "FEW", few)
    like = JobFilter(key="name", operator="like", value=[part])
    total, rows = job_search.search(
        database, PROJECT, JobSearch(filters=[like], limit=5, offset=offset, order="asc")
    )
    database.close()
    assert total == len(numbers)
    assert [row["name"] for row in rows] == [f"Run_{n:02}%" for n in list(numbers)[offset : offset + 5]]
