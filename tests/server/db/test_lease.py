"""One service at a time works on a database."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from tests.server.running import running
from tests.servers.postgresql import PostgreSQL
from trainshed.core.errors import Code, Conflict
from trainshed.server.config import Settings
from trainshed.server.db import lease
from trainshed.server.db.lease import Lease
from trainshed.server.run import Server
from trainshed.testing.pools import eventually


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease, "PATIENCE_S", 0.5)
    monkeypatch.setattr(lease, "LOOK_S", 0.1)


def end_connections(url: str) -> None:
    """What a restart of the database does to those that were there."""
    engine = create_engine(url)
    ended = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
    with engine.connect() as connection:
        connection.execute(text(f"{ended} AND pid <> pg_backend_pid()"))
    engine.dispose()


def test_a_second_service_is_refused(tmp_path: Path, database_url: str) -> None:
    url = database_url or f"sqlite:///{tmp_path}/shared.db"
    with running(tmp_path / "one", database_url=url):
        with pytest.raises(Conflict, match="another trainshed service works on the database") as caught:
            Server(Settings(home=tmp_path / "two", database_url=url))
        assert caught.value.code == Code.DATABASE_IN_USE
    with running(tmp_path / "two", database_url=url):
        pass


def test_a_lost_connection_is_made_anew(tmp_path: Path, postgresql: PostgreSQL) -> None:
    url = Settings(home=tmp_path, database_url=postgresql.new_database()).sqlalchemy_url()
    lost = threading.Event()
    held = Lease(url, lost.set)
    end_connections(url)

    def refused() -> bool:
        """Whether the first has it again; the second gives it back where it was quicker."""
        try:
            Lease(url, lost.set).close()
        except Conflict:
            return True
        return lost.is_set()

    eventually(refused)
    held.close()


def test_whoever_lost_it_to_another_ends(tmp_path: Path, postgresql: PostgreSQL) -> None:
    url = Settings(home=tmp_path, database_url=postgresql.new_database()).sqlalchemy_url()
    lost = threading.Event()
    lease.LOOK_S = 2.0  # time for the other one
    first = Lease(url, lost.set)
    end_connections(url)
    second = Lease(url, lambda: None)
    assert lost.wait(60)
    second.close()
    first.close()
