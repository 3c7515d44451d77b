"""The language in which a request is answered: English, or Chinese for whoever asks for it.

The gate hears what the request asks for; whoever writes an answer wraps sentences for people in
:func:`say`. Everything else, and all that is stored, stays English.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextvars import ContextVar
from typing import Any

from trainshed.translation import chinese

_chinese_wanted: ContextVar[bool] = ContextVar("chinese_wanted", default=False)


def hear(headers: Iterable[tuple[bytes, bytes]]) -> None:
    """Note for this request what its ``X-Language`` asks for, or else its ``Accept-Language``."""
    asked = accepted = b""
    for name, value in headers:
        if name == b"x-language":
            asked = value
        elif name == b"accept-language":
            accepted = value
    _chinese_wanted.set((asked or accepted).lower().startswith(b"zh"))


def wants_chinese() -> bool:
    """Whether this request asks for Chinese."""
    return _chinese_wanted.get()


def say(text: str) -> str:
    """A sentence of the service's in the language of this request."""
    return chinese(text) if text and _chinese_wanted.get() else text


def say_message(outcome: Mapping[str, Any]) -> dict[str, Any]:
    """How something ended, with its ``message`` in the language of this request."""
    return {**outcome, "message": say(outcome.get("message") or "")}


def error_body(code: str, message: str) -> dict[str, str]:
    """The body of an error; beside a translated message also the English one, for programs and searches."""
    said = say(message)
    body = {"error_code": code, "error_msg": said}
    return body if said == message else {**body, "error_msg_en": message}
