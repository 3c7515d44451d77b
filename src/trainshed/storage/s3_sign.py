"""AWS Signature Version 4, which S3 and OBS take alike. Pure."""

from __future__ import annotations

import functools
import hashlib
import hmac
import time
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass, field

UNSIGNED = "UNSIGNED-PAYLOAD"
EMPTY = hashlib.sha256(b"").hexdigest()


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who signs. ``token`` only with temporary keys."""

    access_key: str
    secret_key: str = field(repr=False)
    region: str = "us-east-1"
    token: str = field(default="", repr=False)


@functools.lru_cache(maxsize=8)
def _signing_key(secret: str, day: str, region: str) -> bytes:
    key = hmac.digest(f"AWS4{secret}".encode(), day.encode(), "sha256")
    for part in (region, "s3", "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key


def quote(text: str, safe: str = "-_.~") -> str:
    """Percent-encode as the signature wants it.

    >>> quote("a b/é")
    'a%20b%2F%C3%A9'
    """
    return urllib.parse.quote(text, safe=safe)


def quote_key(key: str) -> str:
    """The same for a key, whose ``/`` stay."""
    return urllib.parse.quote(key, safe="/-_.~")


def query_string(query: Mapping[str, str]) -> str:
    """Sorted and encoded, both for the request line and for the signature."""
    return "&".join(f"{quote(k)}={quote(v)}" for k, v in sorted(query.items()))


def signed_headers(
    who: Credentials,
    request: tuple[str, str, str],
    extra: Mapping[str, str],
    payload_hash: str,
    now: float | None = None,
) -> list[str]:
    """Header lines (without line ends) of a signed request.

    Args:
        request: method; path, percent-encoded, with its leading ``/``; query from
            :func:`query_string`.
        extra: ``host`` and further headers, lower-case names; all are signed.
    """
    method, path, query = request
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
    headers = {"x-amz-content-sha256": payload_hash, "x-amz-date": stamp, **extra}
    if who.token:
        headers["x-amz-security-token"] = who.token
    names = sorted(headers)
    listed = ";".join(names)
    canonical = "".join(f"{n}:{headers[n]}\n" for n in names)
    canonical_request = f"{method}\n{path}\n{query}\n{canonical}\n{listed}\n{payload_hash}"
    scope = f"{stamp[:8]}/{who.region}/s3/aws4_request"
    to_sign = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{hashlib.sha256(canonical_request.encode()).hexdigest()}"
    key = _signing_key(who.secret_key, stamp[:8], who.region)
    signature = hmac.digest(key, to_sign.encode(), "sha256").hex()
    lines = [f"{n}: {headers[n]}" for n in names]
    lines.append(
        f"authorization: AWS4-HMAC-SHA256 Credential={who.access_key}/{scope},"
        f"SignedHeaders={listed},Signature={signature}"
    )
    return lines
