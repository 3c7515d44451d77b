"""Bodies of requests: read up to a limit, hashed as they stream, and what no JSON body may hold.

That is NUL characters, halves of surrogate pairs, and numbers that are none: all three are things that
Python's parser lets through and a database or an answer cannot carry. Bodies without a trace of them
(nearly all) cost one look each, at the speed of memory.
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import NoReturn

from starlette.types import Message, Receive

from trainshed.core.errors import Code, InvalidInput, TooLarge, Unauthenticated

_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")


def check_json(content_type: str, body: bytes) -> None:
    """Refuse what the service could only stumble over later.

    Raises:
        InvalidInput: such a thing is in ``body``; one that is no JSON at all is left to others.
    """
    if not body or "json" not in content_type:
        return
    if b"\\u0000" in body and _NUL.search(body):
        raise InvalidInput("the body holds a NUL character (\\u0000): leave it out", code=Code.FIELD_INVALID)
    if b"\\ud" in body or b"\\uD" in body:
        _check_surrogates(body)
    if b"NaN" in body or b"Infinity" in body:
        _check_numbers(body)


def _check_surrogates(body: bytes) -> None:
    try:
        json.dumps(json.loads(body), ensure_ascii=False).encode()
    except UnicodeEncodeError:
        message = "the body holds half of a surrogate pair, which is no character: send whole ones"
        raise InvalidInput(message, code=Code.FIELD_INVALID) from None
    except (ValueError, RecursionError):
        return


def _check_numbers(body: bytes) -> None:
    def refuse(name: str) -> NoReturn:
        raise InvalidInput(
            f"the body holds {name}, which is not JSON: send a number, or null", code=Code.BODY_NOT_JSON
        )

    try:
        json.loads(body, parse_constant=refuse)
    except (ValueError, RecursionError):
        return


async def read(receive: Receive, headers: dict[str, str], limit: int) -> tuple[bytes, Receive]:
    """The whole body, and a ``receive`` that gives it again.

    Raises:
        TooLarge: it is over ``limit`` bytes.
    """
    length = headers.get("content-length", "")
    if "transfer-encoding" not in headers and length in ("", "0"):
        return b"", receive
    if length.isdigit() and int(length) > limit:
        raise _too_large(limit)
    body = bytearray()
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            break
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > limit:
            raise _too_large(limit)
    return bytes(body), _replay(bytes(body), receive)


def _replay(body: bytes, receive: Receive) -> Receive:
    waiting = True

    async def again() -> Message:
        nonlocal waiting
        if waiting:
            waiting = False
            return {"type": "http.request", "body": body, "more_body": False}
        return await receive()

    return again


def _too_large(limit: int) -> TooLarge:
    message = f"the body is over {limit} bytes, the limit for this request: send less, or in several requests"
    return TooLarge(message, code=Code.BODY_TOO_LARGE)


def hashing(receive: Receive, declared: str) -> Receive:
    """``receive``, which raises ``Unauthenticated`` at its end if the body has another SHA-256."""
    digest = hashlib.sha256()

    async def checked() -> Message:
        message = await receive()
        if message["type"] == "http.request":
            digest.update(message.get("body", b""))
            if not message.get("more_body", False) and digest.hexdigest() != declared:
                raise Unauthenticated("the body is not the one that was signed", code=Code.SIGNATURE_WRONG)
        return message

    return checked
