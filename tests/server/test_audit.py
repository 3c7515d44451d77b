"""The audit log: every change is in it before its answer, and nothing leaves it again."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, text, update
from sqlalchemy.exc import DBAPIError

from tests.server.people import people_of
from tests.server.running import Running
from trainshed.core.errors import Code, Unavailable
from trainshed.server.config import Settings
from trainshed.server.db.database import Database
from trainshed.server.db.schema import upgrade
from trainshed.server.db.tables import audit
from trainshed.server.services.audit import AuditFilter, AuditLog, AuditRecord, listed

RECORD = AuditRecord("r", 1.0, "u", "ann", "session", "127.0.0.1", "create_user", "p", "bob", 201)


def records(server: Running, **query: Any) -> list[dict[str, Any]]:
    answer = server.api.get("/v1/audit", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()["items"]


def test_a_change_says_who_what_when_from_where_and_how_it_ended(any_server: Running):
    server = any_server
    ann = f"ann{secrets.token_hex(4)}"
    answer = server.api.post("/v1/users", json={"name": ann, "password": "correct horse battery"})
    (found,) = records(server, action="create_user")
    assert found["request_id"] == answer.headers["x-request-id"]
    assert (found["user_name"], found["target"], found["status"]) == ("admin", ann, 201)
    assert found["address"] == "127.0.0.1"
    assert found["credential"].startswith("token:")
    assert found["detail"] == {"role": "user"}
    assert "correct horse" not in json.dumps(found)
    url = f"/v1/projects/{server.project_id}/members/{ann}"
    server.api.put(url, json={"role": "viewer"})
    (found,) = records(server, action="set_member")
    assert (found["project_id"], found["target"], found["detail"]) == (
        server.project_id,
        ann,
        {"role": "viewer"},
    )


def test_tries_that_are_refused_are_in_it_and_looks_are_not(server: Running):
    with people_of(server) as people:
        viewer = people.add("viewer")
        viewer.api.post(server.v2("algorithms"), json={})
        viewer.api.get(server.v2("algorithms"))
        viewer.api.post(server.v2("training-job-searches"), json={})
        people.client("wrong").post(server.v2("algorithms"), json={})
        (found,) = records(server, user=viewer.name)
        assert (found["action"], found["status"], found["error_code"]) == (
            "create_algorithm",
            403,
            Code.ROLE_FORBIDDEN,
        )
        assert len(records(server, action="create_algorithm")) == 1


def test_signing_in_is_in_it_with_the_name_that_was_tried(server: Running):
    with people_of(server) as people:
        people.client().post("/v1/sessions", json={"name": "admin", "password": "wrong"})
        people.client().post("/v1/sessions", json={"token": server.ready.token})
    found = records(server, action="open_session")
    assert [(r["user_name"], r["status"], r["error_code"]) for r in found] == [
        ("admin", 201 if found[0]["status"] == 201 else 200, ""),
        ("admin", 401, Code.PASSWORD_WRONG),
    ]
    assert server.ready.token not in json.dumps(found)


def test_it_is_listed_by_page_and_by_what_is_asked_for(server: Running):
    with people_of(server) as people:
        second = people.project()
        boss = people.add("admin", project=second)
        for number in range(5):
            body = {
                "name": f"n{number}",
                "kind": "webhook",
                "address": "http://127.0.0.1:9",
                "events": ["job.failed"],
            }
            assert boss.api.post(f"/v2/{second}/notifications", json=body).status_code == 201
        page = server.api.get("/v1/audit", params={"action": "create_notification", "limit": 2}).json()
        assert [r["target"] for r in page["items"]] == ["n4", "n3"]
        more = records(server, action="create_notification", before=page["next_before"])
        assert [r["target"] for r in more] == ["n2", "n1", "n0"]
        assert [r["target"] for r in records(server, target="3", user=boss.name)] == ["n3"]
        assert records(server, target="%") == []
        first = more[-1]["time"]
        assert len(records(server, action="create_notification", start_time=str(first + 1))) < 5
        mine = boss.api.get(f"/v1/projects/{second}/audit").json()["items"]
        assert {r["project_id"] for r in mine} == {second}
        assert len(mine) >= 5
        assert boss.api.get("/v1/audit").status_code == 403
        assert server.api.get("/v1/audit", params={"start_time": "soon"}).status_code == 400


@pytest.fixture
def database(tmp_path: Path, database_url: str):
    opened = Database(Settings(home=tmp_path, database_url=database_url).sqlalchemy_url())
    upgrade(opened)
    yield opened
    opened.close()


def test_no_row_is_changed_or_deleted(database: Database, tmp_path: Path):
    log = AuditLog(database, tmp_path / "spool")
    log.write(RECORD)
    log.flush()
    for statement in (
        update(audit).values(user_name="eve"),
        delete(audit),
        text("DELETE FROM audit WHERE id = 1"),
    ):
        with pytest.raises(DBAPIError, match="only grows"), database.write() as connection:
            connection.execute(statement)
    log.close()
    assert [row["user_name"] for row in listed(database, AuditFilter())] == ["ann"]


def test_what_a_crash_left_in_the_file_is_carried_over_once(database: Database, tmp_path: Path):
    spool = tmp_path / "spool"
    log = AuditLog(database, spool)
    log.write(RECORD)
    lines = spool.read_bytes()
    log.close()
    assert spool.read_bytes() == b""
    # as if the service had been killed after the row was written, and in the middle of the next line
    spool.write_bytes(lines + b"not json\n" + lines.replace(b'"r"', b'"r2"') + b'{"request_id": "r3", "ti')
    log = AuditLog(database, spool)
    log.flush()
    log.write(replace(RECORD, request_id="r4"))
    log.close()
    found = [row["request_id"] for row in listed(database, AuditFilter())]
    assert found == ["r4", "r2", "r"]


ODD = "\x00 \ud800 \U0001f600"


def test_one_row_that_the_database_does_not_take_holds_up_no_other(database: Database, tmp_path: Path):
    spool = tmp_path / "spool"
    row = asdict(RECORD)
    written = [
        {**row, "request_id": "before"},
        {"request_id": "short"},
        5,
        [],
        {**row, "request_id": "big", "status": 10**30},
        {**row, "request_id": "after"},
    ]
    spool.write_text("".join(json.dumps(each) + "\n" for each in written))
    log = AuditLog(database, spool)
    log.write(replace(RECORD, request_id="later", target=ODD, detail={ODD: [ODD]}))
    log.flush()
    log.close()
    found = {row["request_id"] for row in listed(database, AuditFilter())}
    assert found == {"before", "after", "later"}
    aside = spool.with_suffix(".refused").read_text().splitlines()
    assert [json.loads(line)["request_id"] for line in aside] == ["short", "big"]
    assert spool.read_bytes() == b""


def test_a_database_that_is_away_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    database = Database(Settings(home=tmp_path).sqlalchemy_url())
    upgrade(database)
    log = AuditLog(database, tmp_path / "spool")
    with monkeypatch.context() as patch:

        def away(*_: object):
            raise Unavailable("away")

        patch.setattr(database, "write", away)
        for number in range(3):
            log.write(replace(RECORD, request_id=f"r{number}"))
        with pytest.raises(Unavailable):
            log.flush()
    log.flush()
    assert len(listed(database, AuditFilter())) == 3
    log.close()
    database.close()


def test_a_service_that_starts_again_goes_on_with_it(serve: Callable[..., Running], tmp_path: Path):
    home = tmp_path / "one"
    server = serve(home)
    server.api.post("/v1/users", json={"name": "ann"})
    assert records(server, action="create_user")
    assert server.server.settings.files.audit.stat().st_mode & 0o777 == 0o600
