"""The verifier against the official client's own signer, and against everything that tampers."""

from __future__ import annotations

import calendar
import hashlib
import time
from dataclasses import replace

import pytest
from huaweicloudsdkcore.auth.credentials import BasicCredentials
from huaweicloudsdkcore.sdk_request import SdkRequest
from huaweicloudsdkcore.signer.signer import Signer
from hypothesis import given
from hypothesis import strategies as st

from trainshed.core.errors import Code, Unauthenticated
from trainshed.server.auth.signature import SignedRequest, parse_authorization, verify

NOW = calendar.timegm((2026, 1, 31, 12, 0, 0))
KEY, SECRET = "AKAKAKAKAKAKAKAKAKAK", "secret-secret-secret-secret-secret-1234"

text = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=20)
segments = st.lists(text.filter(lambda t: "/" not in t and "?" not in t), min_size=1, max_size=5)
values = st.one_of(text, st.integers(), st.booleans(), st.lists(st.integers()))
queries = st.dictionaries(text.filter(bool), values, max_size=4).map(lambda q: list(q.items()))


def signed(
    path: str = "/v2/p/training-jobs", query=(), body: bytes = b"{}", when: float = NOW, **headers: str
):
    """A request as the official client signs and sends it: (request, Authorization, body)."""
    date = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(when))
    sent = {"Content-Type": "application/json", "User-Agent": "test", "X-Sdk-Date": date, **headers}
    request = SdkRequest(
        method="POST",
        host="127.0.0.1:1",
        resource_path=path,
        query_params=list(query),
        header_params=sent,
        body=body,
    )
    request = Signer(BasicCredentials(KEY, SECRET, "p")).sign(request)
    wire_path, _, wire_query = request.uri.partition("?")
    pairs = [
        (name.lower(), value) for name, value in request.header_params.items() if name != "Authorization"
    ]
    pairs = [(name, value.encode("latin-1").decode()) for name, value in pairs]
    from urllib.parse import unquote

    return (
        SignedRequest("POST", unquote(wire_path), wire_query, pairs),
        request.header_params["Authorization"],
        body,
    )


def check(
    request: SignedRequest, authorization: str, body: bytes, *, secret: str = SECRET, now: float = NOW
) -> None:
    verify(request, parse_authorization(authorization), secret, hashlib.sha256(body).hexdigest(), now)


@given(segments, queries, st.binary(max_size=50), text)
def test_whatever_the_official_client_signs_is_accepted(path, query, body, note):
    check(*signed("/" + "/".join(path), query, body, **{"X-Note": note}))


@pytest.mark.parametrize("drift", [-899, 0, 899])
def test_a_clock_may_be_off_by_less_than_fifteen_minutes(drift: int):
    check(*signed(when=NOW + drift))


@pytest.mark.parametrize("drift", [-901, 901, -86_400, 10**9])
def test_a_request_from_another_time_is_refused(drift: int):
    with pytest.raises(Unauthenticated) as caught:
        check(*signed(when=NOW + drift))
    assert caught.value.code == Code.SIGNATURE_EXPIRED


def refused(request: SignedRequest, authorization: str, body: bytes, **more) -> None:
    with pytest.raises(Unauthenticated) as caught:
        check(request, authorization, body, **more)
    assert caught.value.code == Code.SIGNATURE_WRONG


def test_a_replay_with_a_shifted_date_is_refused():
    request, authorization, body = signed(when=NOW - 3600)
    fresh = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(NOW))
    shifted = [(name, fresh if name == "x-sdk-date" else value) for name, value in request.headers]
    refused(replace(request, headers=shifted), authorization, body)


def test_the_wrong_secret_is_refused():
    refused(*signed(), secret="another")


def test_every_part_of_the_request_is_covered():
    request, authorization, body = signed(query=[("limit", 10), ("offset", 0)])
    refused(replace(request, method="DELETE"), authorization, body)
    refused(replace(request, path=request.path + "/x"), authorization, body)
    refused(replace(request, query="limit=11&offset=0"), authorization, body)
    refused(replace(request, query=""), authorization, body)
    refused(request, authorization, body + b" ")
    for name, value in request.headers:
        changed = [(n, v + "1" if n == name and n != "x-sdk-date" else v) for n, v in request.headers]
        if name != "x-sdk-date":
            refused(replace(request, headers=changed), authorization, body)
        assert value is not None


def test_a_signed_header_that_is_missing_or_there_twice_is_refused():
    request, authorization, body = signed()
    without = [(n, v) for n, v in request.headers if n != "user-agent"]
    refused(replace(request, headers=without), authorization, body)
    refused(replace(request, headers=[*request.headers, ("host", "elsewhere")]), authorization, body)


@pytest.mark.parametrize(
    "value",
    [
        "SDK-HMAC-SHA256",
        "SDK-HMAC-SHA256 Access=a, SignedHeaders=host, Signature=" + "0" * 64,
        "SDK-HMAC-SHA256 Access=a, SignedHeaders=host;x-sdk-date, Signature=zz",
        "SDK-HMAC-SHA256 Access=, SignedHeaders=host;x-sdk-date, Signature=" + "0" * 64,
    ],
)
def test_a_header_of_another_form_is_refused(value: str):
    with pytest.raises(Unauthenticated):
        parse_authorization(value)


@pytest.mark.parametrize("date", ["yesterday", "20261399T999999Z", "20260131T120000", "２０２６0131T120000Z"])
def test_a_date_that_is_none_is_refused(date: str):
    request, authorization, body = signed()
    headers = [(n, date if n == "x-sdk-date" else v) for n, v in request.headers]
    refused(replace(request, headers=headers), authorization, body)


@given(st.text(max_size=200))
def test_any_authorization_is_parsed_or_refused(value: str):
    try:
        parse_authorization(value)
    except Unauthenticated as error:
        assert error.message  # noqa: PT017
