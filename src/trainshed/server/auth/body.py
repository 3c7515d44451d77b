"""What no JSON body may hold: NUL characters, halves of surrogate pairs, and numbers that are none.

All three are things that Python's parser lets through and a database or an answer cannot carry.
Bodies without a trace of them (nearly all) cost one look each, at the speed of memory.
"""

from __future__ import annotations

import json
import re
from typing import NoReturn

from trainshed.core.errors import Code, InvalidInput

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
