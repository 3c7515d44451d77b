"""Real servers for tests: on SQLite, on PostgreSQL, or on each in turn."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.server.running import Running, running
from tests.servers.postgresql import PostgreSQL


@pytest.fixture(scope="session")
def postgresql() -> Generator[PostgreSQL]:
    """A PostgreSQL server, started when the first test asks for it."""
    with PostgreSQL.start() as server:
        yield server


@pytest.fixture
def serve(tmp_path: Path) -> Generator[Callable[..., Running]]:
    """Starts servers, each with a home of its own unless told; all end with the test."""
    with ExitStack() as stack:
        count = 0

        def start(home: Path | None = None, **settings: Any) -> Running:
            nonlocal count
            count += 1
            return stack.enter_context(running(home or tmp_path / f"home{count}", **settings))

        yield start


@pytest.fixture
def server(serve: Callable[..., Running]) -> Running:
    """A server on SQLite."""
    return serve()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """The setting for a database of the test's own: each kind in turn."""
    if request.param == "sqlite":
        return ""
    return request.getfixturevalue("postgresql").new_database()


@pytest.fixture
def any_server(serve: Callable[..., Running], database_url: str) -> Running:
    """A server on each kind of database in turn."""
    return serve(database_url=database_url)


@pytest.fixture(scope="module")
def shared_server(tmp_path_factory: pytest.TempPathFactory) -> Generator[Running]:
    """A server for all tests of a module, which must leave it as they found it."""
    with running(tmp_path_factory.mktemp("shared") / "home") as server:
        yield server
