"""Health, what the service is, projects, workspaces and quotas."""

from __future__ import annotations

from typing import Annotated, cast

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field

import trainshed
from trainshed.server.auth.accounts import Identity
from trainshed.server.context import Caller, Ctx
from trainshed.server.wire.base import WireModel

router = APIRouter(tags=["projects"])

DEFAULT_WORKSPACE = "0"


class Health(BaseModel):
    """The service answers."""

    status: str = Field(examples=["ok"])


class Info(BaseModel):
    """What this service is; needs no credentials."""

    name: str
    version: str
    api_versions: list[str]
    authentication: bool


class DiskHealth(BaseModel):
    """The fullest of the file systems that the service writes to."""

    path: str
    free_bytes: int
    total_bytes: int
    reserve_bytes: int = Field(description="Must stay free; below it no jobs are taken.")
    low: bool


class ServiceHealth(BaseModel):
    """How the service is."""

    accepting_jobs: bool
    reason: str = Field("", description="Why it takes no jobs.")
    reason_zh: str = ""
    disk: DiskHealth
    log_days: int = Field(description="How long logs are kept after a job has ended; 0 for ever.")
    mail: bool = Field(description="Whether notifications can be sent by mail.")


class Project(WireModel):
    """A project, as the identity service of the official client's cloud answers."""

    id: str
    name: str
    enabled: bool = True
    is_domain: bool = False


class ProjectList(WireModel):
    """The projects of the caller."""

    projects: list[Project]


class Workspace(WireModel):
    """A workspace. There is one, ``0``, as in a new ModelArts account."""

    id: str
    name: str
    description: str = ""
    owner: str = ""
    auth_type: str = "PUBLIC"
    enterprise_project_id: str = "0"
    enterprise_project_name: str = "default"
    status: str = "NORMAL"
    status_info: str = ""
    create_time: int = 0
    update_time: int = 0


class WorkspaceList(WireModel):
    """One page of workspaces."""

    total_count: int
    count: int
    workspaces: list[Workspace]


@router.get("/healthz", summary="Whether the service answers", openapi_extra={"security": []})
async def show_health() -> Health:
    return Health(status="ok")


@router.get("/v1/info", summary="What this service is", openapi_extra={"security": []})
async def show_info(context: Ctx) -> Info:
    return Info(
        name="trainshed",
        version=trainshed.__version__,
        api_versions=["v2"],
        authentication=context.settings.authentication,
    )


@router.get("/v1/health", summary="How the service is")
def show_service_health(context: Ctx) -> ServiceHealth:
    """Whether it takes jobs, and how much room it has."""
    disk = context.disk
    return ServiceHealth(
        accepting_jobs=not disk.low,
        reason=disk.sentence() if disk.low else "",
        reason_zh=disk.sentence_zh() if disk.low else "",
        disk=DiskHealth(
            path=disk.room.path,
            free_bytes=disk.room.free,
            total_bytes=disk.room.total,
            reserve_bytes=disk.reserve,
            low=disk.low,
        ),
        log_days=context.settings.log_days,
        mail=bool(context.settings.smtp),
    )


@router.get("/v3/projects", summary="Projects of the caller, as the official client asks for them")
def list_projects(
    request: Request, context: Ctx, name: Annotated[str, Query(max_length=256)] = ""
) -> ProjectList:
    """The project of that name; where there is none, the caller's own.

    The official client asks by the name of a cloud region and wants exactly one answer.
    """
    identity = cast(Identity, request.state.identity)
    projects = [Project(id=key, name=title) for key, title in context.accounts.named_projects(identity)]
    if name:
        own = [project for project in projects if project.id == identity.own_project] or projects[:1]
        projects = [project for project in projects if project.name == name] or own
    return ProjectList(projects=projects)


@router.get("/v1/{project_id}/workspaces", summary="Workspaces")
async def list_workspaces(
    caller: Caller,
    offset: Annotated[int, Query(ge=0, le=2**31 - 1)] = 0,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    name: Annotated[str, Query(max_length=256)] = "",
) -> WorkspaceList:
    """The one workspace that there is."""
    workspace = Workspace(id=DEFAULT_WORKSPACE, name="default", owner=caller.user_id)
    found = [workspace] if name in ("", workspace.name) else []
    page = found[offset : offset + limit]
    return WorkspaceList(total_count=len(found), count=len(page), workspaces=page)
