"""Guessing is slowed down, and nobody is locked out by others for long."""

from __future__ import annotations

import secrets
from collections.abc import Callable

import httpx
import pytest
from huaweicloudsdkcore.exceptions import exceptions

from tests.server.people import people_of
from tests.server.running import Running
from tests.server.sdk.conftest import official_client
from trainshed.core.clock import ManualClock
from trainshed.core.errors import Code, TooManyRequests, Unauthenticated
from trainshed.server.auth import throttle as rules
from trainshed.server.auth.throttle import Throttle

PASSWORD = "correct horse battery"


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(1000.0)


@pytest.fixture
def throttle(clock: ManualClock) -> Throttle:
    return Throttle(clock)


def fail(throttle: Throttle, address: str, account: str, times: int = 1) -> None:
    for _ in range(times):
        with pytest.raises(Unauthenticated), throttle.password_try(address, account):
            raise Unauthenticated("wrong")


def closed(throttle: Throttle, address: str, account: str) -> int:
    """Seconds to wait; 0 where a try is taken."""
    try:
        with throttle.password_try(address, account):
            return 0
    except TooManyRequests as error:
        return error.retry_after if error.code == Code.TOO_MANY_TRIES else -1


def test_a_few_wrong_tries_close_an_account_to_one_address_for_a_minute(
    throttle: Throttle, clock: ManualClock
):
    fail(throttle, "a", "ann", rules.PAIR_TRIES)
    assert 0 < closed(throttle, "a", "ann") <= rules.WINDOW_S
    assert closed(throttle, "b", "ann") == 0
    assert closed(throttle, "a", "bob") == 0
    clock.advance(rules.WINDOW_S + 1)
    assert closed(throttle, "a", "ann") == 0


def test_trying_on_while_it_is_closed_keeps_nobody_out_for_longer(throttle: Throttle, clock: ManualClock):
    fail(throttle, "a", "ann", rules.PAIR_TRIES)
    for _ in range(100):
        assert closed(throttle, "a", "ann")
    clock.advance(rules.WINDOW_S + 1)
    assert closed(throttle, "a", "ann") == 0


def test_one_address_cannot_try_many_accounts(throttle: Throttle):
    for number in range(rules.ADDRESS_TRIES):
        fail(throttle, "a", f"user{number}")
    assert closed(throttle, "a", "another")
    assert closed(throttle, "b", "another") == 0


def test_many_addresses_cannot_try_one_account(throttle: Throttle):
    for number in range(rules.ACCOUNT_TRIES):
        fail(throttle, f"a{number}", "ann")
    assert closed(throttle, "fresh", "ann")


def test_many_addresses_cannot_lock_somebody_out_of_where_they_sign_in(
    throttle: Throttle, clock: ManualClock
):
    assert closed(throttle, "home", "ann") == 0
    for number in range(rules.ACCOUNT_TRIES * 2):
        try:
            fail(throttle, f"a{number}", "ann")
        except TooManyRequests:
            continue
    assert closed(throttle, "fresh", "ann")
    assert closed(throttle, "home", "ann") == 0
    clock.advance(rules.WINDOW_S + 1)
    assert closed(throttle, "fresh", "ann") == 0


def test_a_right_password_clears_what_went_before(throttle: Throttle):
    for _ in range(6):
        fail(throttle, "a", "ann", rules.PAIR_TRIES - 1)
        assert closed(throttle, "a", "ann") == 0


def test_tries_side_by_side_count_before_they_are_answered(throttle: Throttle):
    for _ in range(rules.PAIR_TRIES):
        throttle.password_try("a", "ann").__enter__()
    assert closed(throttle, "a", "ann")


def test_memory_is_bounded(throttle: Throttle, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(rules, "KEYS_AT_MOST", 50)
    for number in range(500):
        fail(throttle, f"a{number}", f"u{number}")
    assert len(throttle._failures) <= 50


# ---- over HTTP


@pytest.fixture
def ann(server: Running) -> str:
    name = f"ann{secrets.token_hex(4)}"
    body = {"name": name, "password": PASSWORD}
    assert server.api.post("/v1/users", json=body).status_code == 201
    return name


def test_signing_in_with_wrong_passwords_ends_in_429_with_the_time_to_wait(server: Running, ann: str):
    with people_of(server) as people:
        api = people.client()
        statuses = [
            api.post("/v1/sessions", json={"name": ann, "password": f"wrong {n}"}).status_code
            for n in range(7)
        ]
        assert statuses == [401] * 5 + [429] * 2
        answer = api.post("/v1/sessions", json={"name": ann, "password": PASSWORD})
        assert answer.status_code == 429
        assert 1 <= int(answer.headers["retry-after"]) <= 60
        assert answer.json()["error_code"] == Code.TOO_MANY_TRIES
        # others sign in from there all the same, and so does everybody with a token
        other = people.add("viewer")
        assert other.api.get("/v1/account").status_code == 200
        made = server.api.post("/v1/users", json={"name": f"{ann}2", "password": PASSWORD})
        assert made.status_code == 201
        assert api.post("/v1/sessions", json={"name": f"{ann}2", "password": PASSWORD}).status_code == 200


def test_an_unknown_user_and_a_wrong_password_are_told_alike(server: Running, ann: str):
    with people_of(server) as people:
        api = people.client()
        answers = [
            api.post("/v1/sessions", json={"name": name, "password": "wrong"}) for name in (ann, "nobody")
        ]
        assert answers[0].text == answers[1].text


def test_wrong_tokens_are_slowed_down_and_right_ones_never(server: Running):
    with people_of(server) as people:
        person = people.add("viewer")
        wrong = people.client("wrong")
        statuses = [wrong.get("/v1/account").status_code for _ in range(rules.ADDRESS_TRIES + 3)]
        assert statuses == [401] * rules.ADDRESS_TRIES + [429] * 3
        assert "retry-after" in wrong.get("/v1/account").headers
        server.context.accounts.forget()
        assert person.api.get("/v1/account").status_code == 200


def test_the_official_client_sees_that_it_is_to_wait(serve: Callable[..., Running]):
    from huaweicloudsdkmodelarts.v1 import ListAlgorithmsRequest

    server = serve()
    wrong = official_client(server, secret_key="wrong")
    seen: list[int] = []
    for _ in range(rules.ADDRESS_TRIES + 1):
        with pytest.raises(exceptions.ClientRequestException) as caught:
            wrong.list_algorithms(ListAlgorithmsRequest())
        seen.append(caught.value.status_code)
    assert seen[0] == 401
    assert seen[-1] == 429
    assert official_client(server).list_algorithms(ListAlgorithmsRequest()).total == 0


def test_the_address_is_the_caller_s_own_whatever_it_says(server: Running, ann: str):
    """Only a proxy that the administrator trusts may say who calls."""
    for number in range(rules.PAIR_TRIES):
        headers = {"X-Forwarded-For": f"203.0.113.{number}"}
        answer = httpx.post(
            f"{server.endpoint}/v1/sessions",
            json={"name": ann, "password": "wrong"},
            headers=headers,
            trust_env=False,
        )
        assert answer.status_code == 401
    answer = httpx.post(
        f"{server.endpoint}/v1/sessions",
        json={"name": ann, "password": PASSWORD},
        headers={"X-Forwarded-For": "203.0.113.99"},
        trust_env=False,
    )
    assert answer.status_code == 429


def test_a_trusted_proxy_says_who_calls(serve: Callable[..., Running]):
    server = serve(trusted_proxies="127.0.0.1")
    server.api.post("/v1/users", json={"name": "via"}, headers={"X-Forwarded-For": "203.0.113.7"})
    found = server.api.get("/v1/audit", params={"action": "create_user"}).json()["items"]
    assert [record["address"] for record in found] == ["203.0.113.7"]
