"""The migrations make just the tables that the code knows, on both databases."""

from __future__ import annotations

from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import insert, select, text

from trainshed.core.errors import InvalidInput, Unavailable
from trainshed.server.config import Settings
from trainshed.server.db import schema
from trainshed.server.db.database import Database
from trainshed.server.db.schema import HEAD, upgrade
from trainshed.server.db.tables import metadata, projects

PROJECT = {"id": "p", "name": "p", "created_at": 0.0}


@pytest.fixture
def database(tmp_path: Path, database_url: str):
    opened = Database(Settings(home=tmp_path, database_url=database_url).sqlalchemy_url())
    yield opened
    opened.close()


def test_migrations_make_the_tables_of_the_code(database: Database):
    assert upgrade(database)
    with database.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_a_database_that_is_up_to_date_is_left_alone(database: Database):
    upgrade(database)
    assert not upgrade(database)


def test_an_upgrade_keeps_what_is_there(database: Database):
    """A table that SQLite makes anew must not take along what refers to it."""
    config = Config()
    config.set_main_option("script_location", str(Path(schema.__file__).parent / "migrations"))
    with database.write() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        connection.execute(text("INSERT INTO projects (id, name, created_at) VALUES ('p', 'p', 0)"))
        connection.execute(text("INSERT INTO buckets VALUES ('p', 'b', 'folder', '{}', NULL, TRUE, 0)"))
    assert upgrade(database)
    with database.write() as connection:
        assert connection.execute(text("SELECT count(*) FROM buckets")).scalar() == 1
        connection.execute(projects.delete())
        assert connection.execute(text("SELECT count(*) FROM buckets")).scalar() == 0, "keys are on again"


def test_a_database_of_a_newer_release_is_refused(database: Database):
    upgrade(database)
    with database.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(InvalidInput, match="newer trainshed"):
        upgrade(database)


def test_the_code_knows_the_newest_migration():
    config = Config()
    config.set_main_option("script_location", str(Path(schema.__file__).parent / "migrations"))
    assert ScriptDirectory.from_config(config).get_current_head() == HEAD


def _fail_after_a_write(database: Database) -> None:
    with database.write() as connection:
        connection.execute(insert(projects).values(PROJECT))
        raise ZeroDivisionError


def test_a_failed_write_leaves_nothing(database: Database):
    upgrade(database)
    with pytest.raises(ZeroDivisionError):
        _fail_after_a_write(database)
    with database.read() as connection:
        assert connection.execute(select(projects)).all() == []


def test_a_write_inside_a_write_is_a_mistake_that_is_told(database: Database):
    upgrade(database)
    with database.write(), pytest.raises(RuntimeError, match="inside"), database.write():
        pass


def test_deleting_a_parent_deletes_its_children(database: Database):
    upgrade(database)
    with database.write() as connection:
        connection.execute(insert(projects).values(PROJECT))
        bucket = "INSERT INTO buckets VALUES ('p', 'b', 'folder', '{}', NULL, TRUE, 0)"
        connection.execute(text(bucket))
        connection.execute(projects.delete())
        assert connection.execute(text("SELECT count(*) FROM buckets")).scalar() == 0


def test_a_database_that_is_not_there_is_said_in_one_sentence():
    database = Database("postgresql+psycopg://nobody@/none?host=/nonexistent")
    with pytest.raises(Unavailable, match="does not answer"), database.read():
        pass
    database.close()


def test_another_kind_of_database_is_refused():
    with pytest.raises(InvalidInput, match="sqlite:// or postgresql://"):
        Database("mysql://root@localhost/x")


def test_readers_do_not_wait_for_a_writer(tmp_path: Path):
    database = Database(f"sqlite:///{tmp_path}/x.db")
    upgrade(database)
    with database.write() as writing:
        writing.execute(insert(projects).values(PROJECT))
        with database.read() as reading:
            assert reading.execute(select(projects)).all() == []
    with database.read() as reading:
        assert len(reading.execute(select(projects)).all()) == 1
    database.close()


def test_what_a_database_of_the_first_release_holds_stays(database: Database):
    """Users, tokens and keys go on working: nobody is cut down, and sessions stay sessions."""
    from alembic import command

    config = Config()
    config.set_main_option("script_location", str(Path(schema.__file__).parent / "migrations"))
    with database.write() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        for statement in (
            "INSERT INTO projects (id, name, created_at) VALUES ('p', 'p', 0)",
            "INSERT INTO users (id, name, role, created_at) VALUES ('u', 'ann', 'user', 0)",
            "INSERT INTO memberships (user_id, project_id, role) VALUES ('u', 'p', 'admin')",
            "INSERT INTO tokens (hash, user_id, name, created_at) VALUES ('h1', 'u', 'laptop', 0)",
            "INSERT INTO tokens (hash, user_id, name, created_at) VALUES ('h2', 'u', 'console', 0)",
        ):
            connection.execute(text(statement))
    assert upgrade(database)
    with database.read() as connection:
        found = connection.execute(
            text("SELECT hash, kind, role, project_id FROM tokens ORDER BY hash")
        ).all()
        assert [tuple(row) for row in found] == [
            ("h1", "personal", None, None),
            ("h2", "session", None, None),
        ]
        row = connection.execute(text("SELECT disabled, email FROM users")).one()
        assert (bool(row.disabled), row.email) == (False, "")
