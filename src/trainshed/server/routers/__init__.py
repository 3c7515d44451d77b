"""Thin HTTP routers: take a request apart, call a service, shape the answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fastapi import APIRouter


def all_routers() -> list[APIRouter]:
    """Every router, in the order of the OpenAPI description."""
    from trainshed.server.routers import (
        algorithms,
        buckets,
        code,
        credentials,
        diagnosis,
        engines,
        job_changes,
        job_logs,
        jobs,
        members,
        names,
        notifications,
        objects,
        pool_admin,
        pool_use,
        pools,
        projects,
        sessions,
        users,
    )

    modules = (
        projects,
        sessions,
        users,
        members,
        credentials,
        algorithms,
        engines,
        pools,
        pool_admin,
        pool_use,
        names,
        jobs,
        job_logs,
        job_changes,
        diagnosis,
        objects,
        buckets,
        code,
        notifications,
    )
    return [module.router for module in modules]
