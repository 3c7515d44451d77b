"""Requests signed with an access key (SDK-HMAC-SHA256), as the official client signs them.

The signature covers method, path, query, the signed headers, the date and the body's hash::

    canonical = method, path, query, headers, signed names, body hash   (one a line)
    signature = HMAC_SHA256(secret, "SDK-HMAC-SHA256\\n" + date + "\\n" + sha256(canonical))
"""

from __future__ import annotations

import calendar
import hashlib
import hmac
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote, unquote

from trainshed.core.errors import Code, Unauthenticated

ALGORITHM = "SDK-HMAC-SHA256"
UNSIGNED = "UNSIGNED-PAYLOAD"
WINDOW_S = 15 * 60
EMPTY_SHA256 = hashlib.sha256(b"").hexdigest()

_AUTHORIZATION = re.compile(
    r"SDK-HMAC-SHA256 +Access=(?P<access>[^\s,]{1,128}), *"
    r"SignedHeaders=(?P<headers>[^\s,]{1,2048}), *Signature=(?P<signature>[0-9a-fA-F]{64})"
)
_DATE = re.compile(r"\d{8}T\d{6}Z", re.ASCII)
_NEEDED = frozenset({"host", "x-sdk-date"})


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """All of a request that its signature covers, but for the body's hash.

    Attributes:
        path: decoded.
        query: as it came.
        headers: names in lower case.
    """

    method: str
    path: str
    query: str
    headers: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Authorization:
    """The parts of an ``Authorization: SDK-HMAC-SHA256`` header."""

    access_key: str
    signed_headers: tuple[str, ...]
    signature: str


def parse_authorization(value: str) -> Authorization:
    """Take the header apart.

    Raises:
        Unauthenticated: it is not of this form, or leaves host or date unsigned.
    """
    match = _AUTHORIZATION.fullmatch(value.strip())
    if match is None:
        raise _wrong(
            "Authorization is not of the form: SDK-HMAC-SHA256 Access=…, SignedHeaders=…, Signature=…"
        )
    names = tuple(match["headers"].lower().split(";"))
    if missing := _NEEDED - set(names):
        raise _wrong(f"the signature must cover the header {sorted(missing)[0]}")
    return Authorization(match["access"], names, match["signature"].lower())


def verify(request: SignedRequest, given: Authorization, secret: str, body_hash: str, now: float) -> None:
    """Accept the request, or say why not.

    Args:
        body_hash: hex SHA-256 of the body, or what the request declares where that is allowed.
        now: seconds since the Unix epoch.

    Raises:
        Unauthenticated: signed with another secret, changed on the way, or too old or new.
    """
    headers = _signed_values(request, given)
    date = headers["x-sdk-date"]
    _check_date(date, now)
    lines = "".join(f"{name}:{headers[name]}\n" for name in given.signed_headers)
    names = ";".join(given.signed_headers)
    for query in _canonical_queries(request.query):
        canonical = (
            f"{request.method}\n{_canonical_path(request.path)}\n{query}\n{lines}\n{names}\n{body_hash}"
        )
        if hmac.compare_digest(sign(secret, date, canonical), given.signature):
            return
    raise wrong_signature()


def sign(secret: str, date: str, canonical: str) -> str:
    """The signature of a canonical request."""
    digest = hashlib.sha256(canonical.encode("utf-8", "surrogateescape")).hexdigest()
    text = f"{ALGORITHM}\n{date}\n{digest}"
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()


def wrong_signature() -> Unauthenticated:
    """One answer for an unknown key and a wrong signature, so that keys cannot be guessed."""
    return _wrong(
        "the signature does not match: check the access key, the secret key and the machine's clock"
    )


def _signed_values(request: SignedRequest, given: Authorization) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in request.headers:
        if name in found and name in given.signed_headers:
            raise _wrong(f"the signed header {name[:64]} is there twice")
        found[name] = value.strip()
    if missing := [name for name in given.signed_headers if name not in found]:
        raise _wrong(f"the signed header {missing[0][:64]} is missing")
    return found


def _check_date(date: str, now: float) -> None:
    if not _DATE.fullmatch(date):
        raise _wrong("X-Sdk-Date is not of the form 20260131T235959Z")
    try:
        then = calendar.timegm(time.strptime(date, "%Y%m%dT%H%M%SZ"))
    except (ValueError, OverflowError):
        raise _wrong("X-Sdk-Date is no date") from None
    if abs(now - then) > WINDOW_S:
        message = f"the request was signed {_apart(now - then)}; 15 at most: set the machine's clock"
        raise Unauthenticated(message, code=Code.SIGNATURE_EXPIRED)


def _apart(seconds: float) -> str:
    return f"{abs(seconds) / 60:.0f} minutes {'ago' if seconds > 0 else 'ahead of now'}"


def _canonical_path(path: str) -> str:
    quoted = "/".join(quote(part, safe="~", errors="surrogateescape") for part in path.split("/"))
    return quoted if quoted.endswith("/") else quoted + "/"


def _canonical_queries(query: str) -> list[str]:
    """Sorted by text, and as it came: the official client sorts repeated integers as numbers."""
    if not query:
        return [""]
    pairs = [
        (unquote(k), unquote(v)) for k, _, v in (part.partition("=") for part in query.split("&") if part)
    ]
    as_sorted, as_sent = (
        "&".join(f"{quote(k, safe='~')}={quote(v, safe='~')}" for k, v in order)
        for order in (sorted(pairs), pairs)
    )
    return [as_sorted] if as_sorted == as_sent else [as_sorted, as_sent]


def _wrong(message: str) -> Unauthenticated:
    return Unauthenticated(message, code=Code.SIGNATURE_WRONG)
