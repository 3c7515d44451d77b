"""Turns what went wrong into an answer: a code, and one sentence that names the field."""

from __future__ import annotations

import errno
from collections.abc import Mapping, Sequence
from typing import Any, cast

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

from trainshed.core.errors import Code, TrainshedError
from trainshed.server.auth.gate import error_headers
from trainshed.server.language import error_body

_PLACES = frozenset({"body", "query", "path", "header", "cookie"})
_SENTENCES = {
    "missing": "is missing",
    "string_type": "must be text",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "int_parsing_size": "is too large a number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "list_type": "must be a list",
    "dict_type": "must be an object",
    "model_type": "must be an object",
    "model_attributes_type": "must be an object",
    "finite_number": "must be a finite number",
    "string_unicode": "must be text of whole characters",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
    "string_too_long": "must have at most {max_length} characters",
    "string_too_short": "must have at least {min_length} characters",
    "too_long": "must have at most {max_length} entries",
    "too_short": "must have at least {min_length} entries",
    "enum": "must be one of: {expected}",
    "literal_error": "must be one of: {expected}",
}


def install(app: FastAPI) -> None:
    """Make every error of ``app`` an ``{"error_code", "error_msg"}`` body."""
    app.add_exception_handler(TrainshedError, _trainshed)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(OSError, _disk)


async def _trainshed(request: Request, error: Exception) -> Response:
    assert isinstance(error, TrainshedError)
    return _answer(request, error.status, error.code, error.message, error_headers(error))


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    problems = cast("Sequence[Mapping[str, Any]]", error.errors())
    code, message = describe(problems)
    return _answer(request, 400, code, message)


async def _disk(request: Request, error: Exception) -> Response:
    assert isinstance(error, OSError)
    if error.errno not in (errno.ENOSPC, errno.EDQUOT):
        raise error
    message = "the disk of the service is full: make room, then try again"
    return _answer(request, 503, Code.DISK_FULL, message, {"Retry-After": "1"})


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    headers = dict(error.headers or {})
    path = request.url.path[:200]
    if error.status_code == 404:
        message = f"there is nothing at {path}"
    elif error.status_code == 405:
        message = f"{request.method} is not for {path}; it takes {headers.get('Allow', 'other methods')}"
    elif error.status_code == 400:  # only the parser of bodies raises these
        message = "the body cannot be read: send one JSON object, in UTF-8"
    else:
        message = str(error.detail)
    code = Code.ROUTE_NOT_FOUND if error.status_code in (404, 405) else Code.BODY_NOT_JSON
    return _answer(request, error.status_code, code, message, headers)


def describe(problems: Sequence[Mapping[str, Any]]) -> tuple[str, str]:
    """Code and sentence for what pydantic found wrong; the first of it, and how much more there is.

    >>> describe([{"type": "missing", "loc": ("body", "metadata", "name"), "msg": "Field required"}])
    ('TrainShed.1002', 'metadata.name is missing')
    """
    first = problems[0]
    kind = str(first["type"])
    if kind == "json_invalid":
        detail = first.get("ctx", {}).get("error", "")
        where = f"{detail} at character {first['loc'][-1]}"
        return Code.BODY_NOT_JSON, f"the body is not JSON ({where}): send one JSON object"
    name = _name(first["loc"])
    if not name:
        return Code.BODY_NOT_JSON, _whole_body(kind)
    template = _SENTENCES.get(kind)
    if template is None:
        sentence = f"is wrong: {str(first['msg']).removeprefix('Value error, ')}"
    else:
        sentence = template.format_map(_Known(first.get("ctx", {})))
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    return Code.FIELD_INVALID, f"{name} {sentence}{more}"


class _Known(dict[str, Any]):
    def __missing__(self, key: str) -> str:
        return "…"


def _whole_body(kind: str) -> str:
    if kind == "missing":
        return "the body is missing: send a JSON object"
    return "the body must be a JSON object: send it with Content-Type: application/json"


def _name(location: Sequence[Any]) -> str:
    parts = location[1:] if location and location[0] in _PLACES else location
    text = ""
    for part in parts:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text[:200]


def _answer(
    request: Request, status: int, code: str, message: str, headers: Mapping[str, str] | None = None
) -> Response:
    request.scope["state"]["error_code"] = code  # for the audit log
    return JSONResponse(error_body(code, message), status_code=status, headers=headers)
