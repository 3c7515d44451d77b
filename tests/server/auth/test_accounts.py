"""Users, projects, tokens and keys over HTTP, on both databases."""

from __future__ import annotations

import secrets
import time
from collections.abc import Generator
from typing import Any

import httpx
import pytest
from sqlalchemy import select, update

from tests.server.auth.test_gate import refused, signed
from tests.server.people import People, people_of
from tests.server.running import Running
from trainshed.core.errors import Code, InvalidInput
from trainshed.server.auth.accounts import Identity
from trainshed.server.auth.passwords import check_password, hash_password, matches
from trainshed.server.db.tables import access_keys, tokens, users

PASSWORD = "correct horse battery"


@pytest.fixture
def people(any_server: Running) -> Generator[People]:
    with people_of(any_server) as found:
        yield found


@pytest.fixture(scope="module")
def crowd(shared_server: Running) -> Generator[People]:
    with people_of(shared_server) as found:
        yield found


def name() -> str:
    return f"n{secrets.token_hex(6)}"


def ok(answer: httpx.Response, status: int = 200) -> Any:
    assert answer.status_code == status, answer.text
    return answer.json() if answer.content else None


# ---- users


def test_a_user_s_life(people: People):
    api, ann = people.server.api, name()
    made = ok(
        api.post("/v1/users", json={"name": ann, "email": "ann@example.com", "password": PASSWORD}), 201
    )
    assert made["has_password"]
    assert PASSWORD not in str(made)
    assert {u["name"] for u in ok(api.get("/v1/users"))["items"]} == {"admin", ann}
    project = people.project()
    ok(api.put(f"/v1/projects/{project}/members/{made['id']}", json={"role": "viewer"}))
    shown = ok(api.get(f"/v1/users/{ann}"))
    assert [(p["id"], p["role"]) for p in shown["projects"]] == [(project, "viewer")]
    session = ok(people.client().post("/v1/sessions", json={"name": ann, "password": PASSWORD}))
    assert [(p["id"], p["role"]) for p in session["projects"]] == [(project, "viewer")]
    refused(api.post("/v1/users", json={"name": ann}), 409, Code.NAME_TAKEN)
    ok(api.delete(f"/v1/users/{ann}"), 204)
    refused(api.get(f"/v1/users/{ann}"), 404, Code.USER_NOT_FOUND)
    refused(
        people.client().post("/v1/sessions", json={"name": ann, "password": PASSWORD}),
        401,
        Code.PASSWORD_WRONG,
    )


def test_a_disabled_user_does_not_get_in_in_any_way(people: People):
    server, person = people.server, people.add("member")
    ok(server.api.put(f"/v1/users/{person.name}", json={"password": PASSWORD}))
    key = ok(server.api.post("/v1/keys", json={"project": server.project_id, "user": person.name}), 201)
    browser = people.client()
    ok(browser.post("/v1/sessions", json={"name": person.name, "password": PASSWORD}))
    by_key = (key["access_key"], key["secret_key"])
    assert people.client().send(signed(server, "GET", server.v2("pools"), keys=by_key)).status_code == 200
    ok(server.api.put(f"/v1/users/{person.name}", json={"disabled": True}))
    refused(person.api.get("/v1/account"), 401, Code.TOKEN_INVALID)
    refused(browser.get("/v1/sessions/current"), 401, Code.CREDENTIALS_MISSING)
    signed_again = signed(server, "GET", server.v2("pools"), keys=by_key)
    refused(people.client().send(signed_again), 401, Code.SIGNATURE_WRONG)
    again = {"name": person.name, "password": PASSWORD}
    refused(people.client().post("/v1/sessions", json=again), 401, Code.PASSWORD_WRONG)
    ok(server.api.put(f"/v1/users/{person.name}", json={"disabled": False}))
    ok(person.api.get("/v1/account"))


def test_somebody_is_left_to_administer_the_service(crowd: People):
    api = crowd.server.api
    for body in ({"role": "user"}, {"disabled": True}):
        refused(api.put("/v1/users/admin", json=body), 409, Code.USER_NEEDED)
    refused(api.delete("/v1/users/admin"), 409, Code.USER_NEEDED)
    assert ok(api.get("/v1/account"))["operator"]


@pytest.mark.parametrize(
    "body",
    [
        {"name": ""},
        {"name": "a b"},
        {"name": "x" * 65},
        {"name": "fine", "email": "nowhere"},
        {"name": "fine", "email": "a@b\r\nc"},
        {"name": "fine", "role": "root"},
        {"name": "fine", "password": "short"},
        {"name": "fine", "password": "x" * 257},
    ],
)
def test_a_user_that_cannot_be_is_refused_and_not_made(crowd: People, body: dict[str, str]):
    api = crowd.server.api
    assert api.post("/v1/users", json=body).status_code == 400
    assert api.get("/v1/users/fine").status_code == 404


def test_passwords_are_hashed_with_salt_and_weak_ones_refused():
    stored = hash_password(PASSWORD)
    assert PASSWORD not in stored
    assert stored != hash_password(PASSWORD)
    assert matches(PASSWORD, stored)
    assert not matches(PASSWORD + " ", stored)
    for weak in ("ninechars", "aaaaaaaaaaaa", "my name is Ann!!"):
        with pytest.raises(InvalidInput):
            check_password(weak, "ann")
    assert check_password("口令口令也可以很长的呀", "ann")


def test_changing_one_s_password(crowd: People):
    server = crowd.server
    person = crowd.add()
    ok(person.api.put("/v1/account/password", json={"new": PASSWORD}), 204)
    wrong = person.api.put("/v1/account/password", json={"old": "no", "new": "another long one"})
    refused(wrong, 401, Code.PASSWORD_WRONG)
    browser = crowd.client()
    ok(browser.post("/v1/sessions", json={"name": person.name, "password": PASSWORD}))
    ok(person.api.put("/v1/account/password", json={"old": PASSWORD, "new": "another long one"}), 204)
    refused(browser.get("/v1/sessions/current"), 401, Code.CREDENTIALS_MISSING)
    ok(crowd.client().post("/v1/sessions", json={"name": person.name, "password": "another long one"}))
    with server.context.db.read() as connection:
        rows = connection.execute(users.select()).all()
    assert all("another long one" not in str(row) for row in rows)


# ---- projects


def test_a_project_s_life(people: People):
    api, vision = people.server.api, name()
    made = ok(api.post("/v1/projects", json={"name": vision, "description": "cameras"}), 201)
    url = f"/v1/projects/{made['id']}"
    refused(api.post("/v1/projects", json={"name": vision}), 409, Code.NAME_TAKEN)
    assert ok(api.get(f"/v2/{made['id']}/buckets"))["total"] == 1
    renamed = name()
    assert ok(api.put(url, json={"name": renamed}))["description"] == "cameras"
    boss, guest = people.add("admin", project=made["id"]), people.add()
    ok(boss.api.put(f"{url}/members/{guest.name}", json={"role": "viewer"}))
    assert {m["name"]: m["role"] for m in ok(boss.api.get(f"{url}/members"))["items"]} == {
        boss.name: "admin",
        guest.name: "viewer",
    }
    assert [p["name"] for p in ok(guest.api.get("/v1/projects"))["items"]] == [renamed]
    refused(guest.api.put(f"{url}/members/{guest.name}", json={"role": "admin"}), 403, Code.ROLE_FORBIDDEN)
    refused(boss.api.put(f"{url}/members/nobody", json={"role": "admin"}), 404, Code.USER_NOT_FOUND)
    ok(boss.api.delete(f"{url}/members/{guest.name}"), 204)
    refused(boss.api.delete(f"{url}/members/{guest.name}"), 404, Code.USER_NOT_FOUND)
    refused(boss.api.delete(url), 403, Code.ROLE_FORBIDDEN)
    ok(api.delete(url), 204)
    refused(boss.api.get(url), 403, Code.PROJECT_FORBIDDEN)


def test_the_service_s_own_project_stays(crowd: People):
    api, url = crowd.server.api, f"/v1/projects/{crowd.server.project_id}"
    refused(api.delete(url), 409, Code.PROJECT_IN_USE)
    refused(api.put(url, json={"name": name()}), 409, Code.PROJECT_IN_USE)


# ---- tokens


def test_a_token_s_life(people: People):
    server, person = people.server, people.add("member")
    made = ok(person.api.post("/v1/tokens", json={"name": "laptop", "days": 30}), 201)
    assert 29 < (made["expire_time"] / 1000 - time.time()) / 86_400 <= 30
    with server.context.db.read() as connection:
        assert all(made["token"] not in str(row) for row in connection.execute(tokens.select()))
    client = people.client(made["token"])
    ok(client.get(server.v2("algorithms")))
    listed = {t["id"]: t for t in ok(person.api.get("/v1/tokens"))["items"]}
    assert "token" not in listed[made["id"]]
    server.context.accounts.note_use()
    used = next(t for t in ok(person.api.get("/v1/tokens"))["items"] if t["id"] == made["id"])
    assert abs(used["last_used_time"] / 1000 - time.time()) < 120
    ok(person.api.delete(f"/v1/tokens/{made['id']}"), 204)
    refused(client.get(server.v2("algorithms")), 401, Code.TOKEN_INVALID)
    refused(person.api.delete(f"/v1/tokens/{made['id']}"), 404, Code.CREDENTIAL_NOT_FOUND)


def test_a_token_is_over_when_it_expires_even_if_it_was_just_used(people: People):
    person = people.add("viewer")
    made = ok(person.api.post("/v1/tokens", json={}), 201)
    with people.server.context.db.write() as connection:
        here = tokens.c.hash.startswith(made["id"])
        connection.execute(update(tokens).where(here).values(expires_at=time.time() + 1.0))
    client = people.client(made["token"])
    deadline = time.monotonic() + 30
    while client.get("/v1/account").status_code == 200:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    refused(client.get("/v1/account"), 401, Code.TOKEN_INVALID)


def test_a_session_ends_with_the_token_that_opened_it(people: People):
    server, ann = people.server, people.add("member")
    made, other = (ok(ann.api.post("/v1/tokens", json={"days": 1}), 201) for _ in range(2))
    browsers: list[httpx.Client] = []
    for token in (made["token"], other["token"]):
        browsers.append(people.client())
        ok(browsers[-1].post("/v1/sessions", json={"token": token}))
        ok(browsers[-1].get("/v1/sessions/current"))
    with server.context.db.read() as connection:
        query = select(tokens.c.expires_at).where(tokens.c.parent.is_not(None))
        ends = connection.execute(query).scalars().all()
    assert len(ends) == 2
    assert max(ends) <= time.time() + 86_400
    ok(ann.api.delete(f"/v1/tokens/{made['id']}"), 204)
    refused(browsers[0].get("/v1/sessions/current"), 401, Code.CREDENTIALS_MISSING)
    ok(browsers[1].get("/v1/sessions/current"))
    again = people.client().post("/v1/sessions", json={"token": made["token"]})
    refused(again, 401, Code.TOKEN_INVALID)


def test_nobody_sees_or_ends_the_credentials_of_others(crowd: People):
    ann, bob = crowd.add("admin"), crowd.add("member")
    mine = ok(bob.api.post("/v1/tokens", json={}), 201)
    key = ok(bob.api.post("/v1/keys", json={"project": crowd.server.project_id}), 201)["access_key"]
    refused(ann.api.get("/v1/tokens", params={"user": bob.name}), 403, Code.ROLE_FORBIDDEN)
    refused(ann.api.get("/v1/keys", params={"user": bob.name}), 403, Code.ROLE_FORBIDDEN)
    refused(ann.api.post("/v1/tokens", json={"user": bob.name}), 403, Code.ROLE_FORBIDDEN)
    refused(ann.api.delete(f"/v1/tokens/{mine['id']}"), 404, Code.CREDENTIAL_NOT_FOUND)
    for answer in (
        ann.api.delete(f"/v1/keys/{key}"),
        ann.api.put(f"/v1/keys/{key}", json={"disabled": True}),
        ann.api.post(f"/v1/keys/{key}/rotate", json={}),
    ):
        refused(answer, 404, Code.CREDENTIAL_NOT_FOUND)
    assert ok(crowd.server.api.get("/v1/tokens", params={"user": bob.name}))["total"] == 2
    ok(crowd.server.api.delete(f"/v1/tokens/{mine['id']}"), 204)


@pytest.mark.parametrize("odd", ["", "%", "_", "%25", "a%25%25%25%25%25%25%25", "0", "' OR 1=1 --"])
def test_an_id_of_a_token_is_no_pattern(crowd: People, odd: str):
    person = crowd.add("viewer")
    assert person.api.delete(f"/v1/tokens/{odd}").status_code in (404, 405)
    ok(person.api.get("/v1/account"))


def test_too_many_tokens_are_refused(crowd: People, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("trainshed.server.services.credentials.MOST", 3)
    person = crowd.add("viewer")
    statuses = [person.api.post("/v1/tokens", json={}).status_code for _ in range(4)]
    assert statuses == [201, 201, 413, 413]


# ---- access keys


def test_rotating_a_key_leaves_time_to_change_over(people: People):
    server, person = people.server, people.add("member")
    old = ok(person.api.post("/v1/keys", json={"project": server.project_id, "description": "nightly"}), 201)
    new = ok(person.api.post(f"/v1/keys/{old['access_key']}/rotate", json={"overlap_hours": 1}), 201)
    assert new["description"] == "nightly"
    assert new["access_key"] != old["access_key"]

    def opens(key: dict[str, str]) -> bool:
        keys = (key["access_key"], key["secret_key"])
        return people.client().send(signed(server, "GET", server.v2("pools"), keys=keys)).status_code == 200

    assert opens(old)
    assert opens(new)
    with server.context.db.write() as connection:
        here = access_keys.c.access_key == old["access_key"]
        assert connection.execute(access_keys.select().where(here)).one().expires_at - time.time() < 3601
        connection.execute(update(access_keys).where(here).values(expires_at=time.time() - 1))
    server.context.accounts.forget()
    assert not opens(old)
    assert opens(new)
    ok(person.api.post(f"/v1/keys/{new['access_key']}/rotate", json={"overlap_hours": 0}), 201)
    assert not opens(new)


def test_a_key_is_disabled_and_enabled(people: People):
    server, person = people.server, people.add("member")
    made = ok(person.api.post("/v1/keys", json={"project": server.project_id}), 201)
    keys = (made["access_key"], made["secret_key"])
    url = f"/v1/keys/{made['access_key']}"
    for disabled, status in ((True, 401), (False, 200)):
        ok(person.api.put(url, json={"disabled": disabled}))
        request = signed(server, "GET", server.v2("pools"), keys=keys)
        assert people.client().send(request).status_code == status
    ok(person.api.delete(url), 204)
    assert ok(person.api.get("/v1/keys"))["total"] == 0


def test_a_key_opens_its_own_project_only(people: People):
    server, second = people.server, people.project()
    person = people.add("member", project=second)
    ok(server.api.put(f"/v1/projects/{server.project_id}/members/{person.name}", json={"role": "admin"}))
    made = ok(person.api.post("/v1/keys", json={"project": second}), 201)
    keys = (made["access_key"], made["secret_key"])
    assert people.client().send(signed(server, "GET", f"/v2/{second}/pools", keys=keys)).status_code == 200
    answer = people.client().send(signed(server, "GET", server.v2("pools"), keys=keys))
    refused(answer, 403, Code.PROJECT_FORBIDDEN)
    answer = people.client().send(signed(server, "POST", "/v1/tokens", b"{}", keys=keys))
    refused(answer, 403, Code.CREDENTIAL_TOO_NARROW)
    refused(person.api.post("/v1/keys", json={"project": "not-mine"}), 404, Code.PROJECT_NOT_FOUND)


def test_what_was_looked_up_before_an_end_is_not_remembered_after_it(
    crowd: People, monkeypatch: pytest.MonkeyPatch
):
    """A token that is revoked between a look into the database and its being remembered."""
    accounts = crowd.server.context.accounts
    person = crowd.add()
    token = person.api.headers["Authorization"].removeprefix("Bearer ")
    (shown,) = ok(person.api.get("/v1/tokens"))["items"]
    accounts.forget()
    cut = Identity.cut

    def slow(self: Identity, *limits: str | None) -> Identity:
        monkeypatch.undo()
        ok(crowd.server.api.delete(f"/v1/tokens/{shown['id']}"), 204)
        return cut(self, *limits)

    monkeypatch.setattr(Identity, "cut", slow)
    accounts.by_token(token)
    refused(person.api.get("/v1/tokens"), 401, Code.TOKEN_INVALID)
