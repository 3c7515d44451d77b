"""The OpenAPI description: what FastAPI makes of the routes, and what it cannot know of them."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.openapi.utils import get_openapi
from pydantic_core import to_json

from trainshed.server.wire.base import JsonBody

_EVENT: dict[str, Any] = {
    "type": "object",
    "description": "One server-sent event; data is JSON.",
    "properties": {"event": {"type": "string"}, "data": {"type": "string"}},
}
_UNUSED = ("HTTPValidationError", "ValidationError")


def route(request: Request) -> Response:
    """The description as an answer; in a worker thread, because making it takes a while."""
    return JsonBody(to_json(describe(request.app)))


def describe(app: FastAPI) -> dict[str, Any]:
    """The description of all routes; made once."""
    if app.openapi_schema is None:
        schema = get_openapi(
            title=app.title, version=app.version, description=app.description, routes=app.routes
        )
        for methods in schema["paths"].values():
            for operation in methods.values():
                _mend(operation["responses"])
        for name in _UNUSED:
            schema["components"]["schemas"].pop(name, None)
        schema["components"]["securitySchemes"] = {
            "bearer": {"type": "http", "scheme": "bearer"},
            "token": {"type": "apiKey", "in": "header", "name": "X-Auth-Token"},
        }
        schema["security"] = [{"bearer": []}, {"token": []}]
        app.openapi_schema = schema
    return app.openapi_schema


def _mend(responses: dict[str, Any]) -> None:
    """A wrong request is 400 here, and every error is JSON, whatever the route answers else."""
    responses.pop("422", None)
    for status, response in responses.items():
        content = response.get("content", {})
        if int(status) >= 400 and content:
            response["content"] = {"application/json": next(iter(content.values()))}
        if "text/event-stream" in content and int(status) < 400:
            content["text/event-stream"] = {"schema": _EVENT}
