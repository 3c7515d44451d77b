"""Who gets in, with what, and what the others are told. Over real HTTP."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from huaweicloudsdkcore.auth.credentials import BasicCredentials
from huaweicloudsdkcore.sdk_request import SdkRequest
from huaweicloudsdkcore.signer.signer import Signer

from tests.server.running import Running
from trainshed.core.errors import Code
from trainshed.server.auth.accounts import token_hash
from trainshed.server.auth.sessions import COOKIE
from trainshed.server.db.tables import access_keys, projects, tokens, users

JSON = {"Content-Type": "application/json"}


@pytest.fixture
def stranger(shared_server: Running):
    """A client without credentials."""
    with httpx.Client(base_url=shared_server.endpoint, trust_env=False, timeout=120) as client:
        yield client


def refused(answer: httpx.Response, status: int, code: str) -> str:
    assert (answer.status_code, answer.json()["error_code"]) == (status, code), answer.text
    assert set(answer.json()) == {"error_code", "error_msg"}
    assert len(answer.headers["x-request-id"]) == 32
    return answer.json()["error_msg"]


def signed(server: Running, method: str, path: str, body: bytes = b"", **changes: Any) -> httpx.Request:
    """A request that the official client's signer signed."""
    at = changes.get("at", time.time())
    date = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(at))
    headers = {"Content-Type": "application/json", "X-Sdk-Date": date, **changes.get("headers", {})}
    request = SdkRequest(
        method=method,
        host=urlsplit(server.endpoint).netloc,
        resource_path=path,
        query_params=changes.get("query", []),
        header_params=headers,
        body=body,
    )
    keys = changes.get("keys", (server.ready.access_key, server.ready.secret_key))
    request = Signer(BasicCredentials(*keys, server.project_id)).sign(request)
    return httpx.Request(method, server.endpoint + request.uri, headers=request.header_params, content=body)


@pytest.mark.parametrize("path", ["/healthz", "/v1/info", "/openapi.json"])
def test_a_few_addresses_are_open(stranger: httpx.Client, path: str):
    assert stranger.get(path).status_code == 200


@pytest.mark.parametrize(
    "path", ["/v3/projects", "/v2/x/algorithms", "/v2/x/nothing", "/v1/x/workspaces", "/v2"]
)
def test_all_else_needs_credentials(stranger: httpx.Client, path: str):
    assert "Authorization" in refused(stranger.get(path), 401, Code.CREDENTIALS_MISSING)


@pytest.mark.parametrize(
    "header",
    [
        lambda token: {"Authorization": f"Bearer {token}"},
        lambda token: {"Authorization": f"bearer  {token}"},
        lambda token: {"X-Auth-Token": token},
        lambda token: {"X-Security-Token": token},
    ],
)
def test_a_token_opens_in_any_of_its_headers(
    shared_server: Running, stranger: httpx.Client, header: Callable[[str], dict[str, str]]
):
    url = shared_server.v2("algorithms")
    assert stranger.get(url, headers=header(shared_server.ready.token)).status_code == 200
    refused(stranger.get(url, headers=header("wrong")), 401, Code.TOKEN_INVALID)


def test_an_access_key_s_id_is_no_token(shared_server: Running, stranger: httpx.Client):
    """The id of a key is no secret: it opens nothing, even just after a request that it signed."""
    url = shared_server.v2("algorithms")
    assert stranger.send(signed(shared_server, "GET", url)).status_code == 200
    as_token = {"X-Auth-Token": shared_server.ready.access_key}
    refused(stranger.get(url, headers=as_token), 401, Code.TOKEN_INVALID)
    cookie = {"Cookie": f"{COOKIE}={shared_server.ready.access_key}"}
    refused(stranger.get(url, headers=cookie), 401, Code.TOKEN_INVALID)
    assert stranger.get("/v1/sessions/current", headers=cookie).status_code == 401


def test_a_basic_login_is_no_token(shared_server: Running, stranger: httpx.Client):
    answer = stranger.get("/v3/projects", headers={"Authorization": f"Basic {shared_server.ready.token}"})
    refused(answer, 401, Code.CREDENTIALS_MISSING)


def test_an_expired_token_is_refused(server: Running):
    context = server.context
    with context.db.write() as connection:
        row = {"hash": token_hash("old"), "name": "", "created_at": 0.0, "expires_at": time.time() - 1}
        user = connection.execute(users.select()).one()
        connection.execute(tokens.insert().values(**row, user_id=user.id))
    answer = httpx.get(
        f"{server.endpoint}/v3/projects", headers={"X-Auth-Token": "old"}, trust_env=False, timeout=120
    )
    refused(answer, 401, Code.TOKEN_INVALID)


def test_a_signed_request_gets_in(shared_server: Running, stranger: httpx.Client):
    assert stranger.send(signed(shared_server, "GET", shared_server.v2("algorithms"))).status_code == 200
    query = [("limit", 3), ("searches", "ä b&c/d~e")]
    request = signed(shared_server, "GET", shared_server.v2("algorithms"), query=query)
    assert stranger.send(request).status_code == 200


def test_a_signed_body_gets_in_and_reaches_the_route(shared_server: Running, stranger: httpx.Client):
    body = json.dumps({"metadata": {"name": "名前"}}).encode()
    answer = stranger.send(signed(shared_server, "POST", shared_server.v2("algorithms"), body))
    refused(answer, 400, Code.ENGINE_UNKNOWN)


def test_a_body_that_was_changed_on_the_way_is_refused(shared_server: Running, stranger: httpx.Client):
    request = signed(shared_server, "POST", shared_server.v2("algorithms"), b'{"a":1}')
    changed = httpx.Request("POST", request.url, headers=dict(request.headers), content=b'{"a":2}')
    refused(stranger.send(changed), 401, Code.SIGNATURE_WRONG)


def test_an_unsigned_payload_is_refused_where_json_is_meant(shared_server: Running, stranger: httpx.Client):
    headers = {"X-Sdk-Content-Sha256": "UNSIGNED-PAYLOAD"}
    request = signed(shared_server, "POST", shared_server.v2("algorithms"), b"{}", headers=headers)
    refused(stranger.send(request), 401, Code.SIGNATURE_WRONG)


@pytest.mark.parametrize("drift", [-3600, 3600])
def test_an_old_signature_is_refused(shared_server: Running, stranger: httpx.Client, drift: int):
    request = signed(shared_server, "GET", "/v3/projects", at=time.time() + drift)
    assert "clock" in refused(stranger.send(request), 401, Code.SIGNATURE_EXPIRED)


def test_an_old_signature_with_a_new_date_is_refused(shared_server: Running, stranger: httpx.Client):
    request = signed(shared_server, "GET", "/v3/projects", at=time.time() - 3600)
    request.headers["X-Sdk-Date"] = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    refused(stranger.send(request), 401, Code.SIGNATURE_WRONG)


def test_an_unknown_key_and_a_wrong_secret_are_told_alike(shared_server: Running, stranger: httpx.Client):
    ready = shared_server.ready
    unknown = stranger.send(signed(shared_server, "GET", "/v3/projects", keys=("NOBODY", ready.secret_key)))
    wrong = stranger.send(signed(shared_server, "GET", "/v3/projects", keys=(ready.access_key, "wrong")))
    assert refused(unknown, 401, Code.SIGNATURE_WRONG) == refused(wrong, 401, Code.SIGNATURE_WRONG)


@pytest.mark.parametrize("declared", ["right", "wrong", "UNSIGNED-PAYLOAD", ""])
def test_a_signed_upload_is_checked_at_its_end(shared_server: Running, stranger: httpx.Client, declared: str):
    body = b"x" * 3_000_000 if declared else b"x" * 1000
    hashes = {"right": hashlib.sha256(body).hexdigest(), "wrong": "0" * 64}
    headers = {"Content-Type": "application/octet-stream"}
    uri = f"obs://trainshed/signed/{declared or 'none'}"
    if declared:
        headers["X-Sdk-Content-Sha256"] = hashes.get(declared, declared)
    else:
        headers["Content-Type"] = "application/json"
    request = signed(
        shared_server, "PUT", shared_server.v2("objects"), body, headers=headers, query=[("uri", uri)]
    )
    if declared == "wrong":
        # the official signer signs the declared hash, so only the body's own hash can tell
        request.headers["X-Sdk-Content-Sha256"] = "0" * 64
    answer = stranger.send(request)
    there = shared_server.api.get(shared_server.v2("objects"), params={"uri": uri}).status_code
    if declared in ("right", ""):
        assert (answer.status_code, there) == (200, 200), answer.text
    elif declared == "wrong":
        refused(answer, 401, Code.SIGNATURE_WRONG)
        assert there == 404


def test_a_project_of_others_is_refused(shared_server: Running):
    refused(shared_server.api.get("/v2/another/algorithms"), 403, Code.PROJECT_FORBIDDEN)


def test_a_user_sees_only_the_projects_that_are_theirs(server: Running):
    context = server.context
    with context.db.write() as connection:
        connection.execute(projects.insert().values(id="p2", name="second", created_at=0.0))
        connection.execute(users.insert().values(id="u2", name="eve", role="user", created_at=0.0))
    made = context.accounts.issue("p2", "eve")
    headers = {"X-Auth-Token": made.token}
    with httpx.Client(base_url=server.endpoint, headers=headers, trust_env=False, timeout=120) as eve:
        assert eve.get("/v3/projects").json() == {"projects": []}
        refused(eve.get("/v2/p2/algorithms"), 403, Code.PROJECT_FORBIDDEN)
        refused(eve.get(server.v2("algorithms")), 403, Code.PROJECT_FORBIDDEN)
    with context.db.write() as connection:
        from trainshed.server.db.tables import memberships

        connection.execute(memberships.insert().values(user_id="u2", project_id="p2", role="member"))
    context.accounts.forget()
    with httpx.Client(base_url=server.endpoint, headers=headers, trust_env=False, timeout=120) as eve:
        assert [p["name"] for p in eve.get("/v3/projects").json()["projects"]] == ["second"]
        assert eve.get("/v2/p2/algorithms").status_code == 200
        refused(eve.get(server.v2("algorithms")), 403, Code.PROJECT_FORBIDDEN)
        answer = eve.get("/v2/p2/objects", params={"uri": "file:///etc/hostname"})
        refused(answer, 403, Code.ROLE_FORBIDDEN)


def test_the_official_client_finds_its_project_by_any_region(shared_server: Running, stranger: httpx.Client):
    request = signed(shared_server, "GET", "/v3/projects", query=[("name", "cn-north-4")])
    found = stranger.send(request).json()["projects"]
    assert [project["id"] for project in found] == [shared_server.project_id]


# ---- bodies


def test_a_body_over_the_limit_is_refused_by_its_length_alone(shared_server: Running):
    api, url = shared_server.api, shared_server.v2("algorithms")
    body = json.dumps({"metadata": {"description": "x" * 10_000_000}}).encode()
    assert "1048576" in refused(api.post(url, content=body, headers=JSON), 413, Code.BODY_TOO_LARGE)

    def chunks():
        for _ in range(100):
            yield b" " * 100_000

    refused(api.post(url, content=chunks(), headers=JSON), 413, Code.BODY_TOO_LARGE)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", Code.BODY_NOT_JSON),
        (b"{", Code.BODY_NOT_JSON),
        (b"[]", Code.BODY_NOT_JSON),
        (b"null", Code.BODY_NOT_JSON),
        (b"\xff\xfe", Code.BODY_NOT_JSON),
        (b"[" * 100_000, Code.BODY_NOT_JSON),
        (b'{"a":' * 50_000, Code.BODY_NOT_JSON),
        (b"1" * 10_000, Code.BODY_NOT_JSON),
        (b'{"metadata":{"name":"a\\u0000b"}}', Code.FIELD_INVALID),
        (b'{"metadata":{"name":"a\\ud800b"}}', Code.FIELD_INVALID),
        (b'{"metadata":{"name":NaN}}', Code.BODY_NOT_JSON),
        (b'{"metadata":{"name":"a"},"job_config":{"parameters":[{"value":1e999}]}}', None),
        (b'{"metadata":{"name":"a\\\\u0000b"}}', Code.NAME_INVALID),
        (b'{"metadata":"x"}', Code.FIELD_INVALID),
        (b'{"metadata":{"name":["a"]}}', Code.FIELD_INVALID),
    ],
    ids=lambda value: str(value)[:40],
)
def test_bodies_that_are_wrong_are_refused_with_a_sentence(
    shared_server: Running, body: bytes, code: str | None
):
    answer = shared_server.api.post(shared_server.v2("algorithms"), content=body, headers=JSON)
    assert answer.status_code == 400, answer.text
    assert code in (None, answer.json()["error_code"]), answer.text
    assert answer.json()["error_msg"]
    if answer.json()["error_code"] == Code.BODY_NOT_JSON:
        assert "send" in answer.json()["error_msg"]


def test_a_route_and_a_method_that_are_none(shared_server: Running):
    api = shared_server.api
    assert "/v2/" in refused(api.get(shared_server.v2("nothing")), 404, Code.ROUTE_NOT_FOUND)
    message = refused(api.patch(shared_server.v2("algorithms")), 405, Code.ROUTE_NOT_FOUND)
    assert "GET" in message


@pytest.mark.parametrize("path", ["algorithms/a%00b", "algorithms?searches=a%00b", "algorithms/%ff%fe"])
def test_odd_addresses_are_refused_or_not_found(shared_server: Running, path: str):
    assert shared_server.api.get(shared_server.v2(path)).status_code in (400, 404)


# ---- without authentication


def test_without_authentication_everyone_here_is_the_admin(serve: Callable[..., Running]):
    server = serve(authentication=False)
    with httpx.Client(base_url=server.endpoint, trust_env=False, timeout=120) as client:
        assert client.get(server.v2("algorithms")).status_code == 200
        assert client.send(signed(server, "GET", "/v3/projects", keys=("any", "any"))).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [{"Host": "evil.example.com"}, {"Host": "127.0.0.1.evil.com:80"}, {"Sec-Fetch-Site": "cross-site"}],
)
def test_without_authentication_a_web_page_cannot_reach_the_service(
    serve: Callable[..., Running], headers: dict[str, str]
):
    server = serve(authentication=False)
    answer = httpx.get(
        server.endpoint + server.v2("algorithms"), headers=headers, trust_env=False, timeout=120
    )
    assert answer.status_code == 403


def test_secrets_are_not_readable_in_the_database(server: Running):
    with server.context.db.read() as connection:
        sealed = [row.secret_sealed for row in connection.execute(access_keys.select())]
        hashes = [row.hash for row in connection.execute(tokens.select())]
    assert sealed
    assert all(server.ready.secret_key.encode() not in secret for secret in sealed)
    assert server.ready.token not in hashes
    for name in ("credentials.json", "secret.key", "endpoint.json"):
        assert (server.home / name).stat().st_mode & 0o777 == 0o600, name
    assert server.home.stat().st_mode & 0o777 == 0o700
