"""Searches: the same answer whichever way it is found."""

from __future__ import annotations

import uuid
from collections.abc import Generator

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
def database(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Generator[Database]:
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
    yield database
    database.close()


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


@pytest.mark.parametrize("few", [2, 3, 1000])
@pytest.mark.parametrize("project_id", ["a" * 32, PROJECT, "z" * 32])
def test_a_count_is_of_one_project(
    database: Database, monkeypatch: pytest.MonkeyPatch, few: int, project_id: str
) -> None:
    monkeypatch.setattr(job_search, "FEW", few)
    sizes = {"a" * 32: 2, PROJECT: COUNT, "z" * 32: 3}
    with database.write() as connection:
        for other in ("a" * 32, "z" * 32):
            connection.execute(insert(projects).values(id=other, name=other[0], created_at=0.0))
            more = [
                {
                    "id": str(uuid.uuid4()),
                    "project_id": other,
                    "name": f"other-{number}",
                    "annotations": {},
                    "spec": {},
                    "phase": "Completed",
                    "created_at": float(number),
                    "updated_at": 0.0,
                }
                for number in range(sizes[other])
            ]
            connection.execute(insert(jobs), more)
    total, rows = job_search.search(database, project_id, JobSearch(limit=10))
    assert total == sizes[project_id]
    assert len(rows) == min(10, total)
    assert {row["project_id"] for row in rows} == {project_id}
