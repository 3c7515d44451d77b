"""Thin HTTP routers: take a request apart, call a service, shape the answer."""

from __future__ import annotations

import importlib
import importlib.util

from fastapi import APIRouter

_NAMES = (
    "projects",
    "sessions",
    "algorithms",
    "engines",
    "pools",
    "names",
    "jobs",
    "job_logs",
    "objects",
    "buckets",
    "code",
    "agent",
)


def all_routers() -> list[APIRouter]:
    """Every router, in the order of the OpenAPI description."""
    found: list[APIRouter] = []
    for name in _NAMES:
        module = f"trainshed.server.routers.{name}"
        if importlib.util.find_spec(module):
            found.append(importlib.import_module(module).router)
    return found
