"""Projects as their admins see them: members, quotas; and the audit log."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from trainshed.server.context import Caller, Ctx, Somebody
from trainshed.server.services import audit, projects, quotas
from trainshed.server.services.audit import AuditFilter
from trainshed.server.services.events import parse_time
from trainshed.server.wire.accounts import (
    AuditPage,
    MemberList,
    MemberModel,
    MemberRequest,
    ProjectModel,
    ProjectPage,
    ProjectRequest,
    ProjectUpdate,
    QuotaAnswer,
    QuotaModel,
    audit_model,
    project_model,
)

router = APIRouter(tags=["projects"])
_PROJECT = "/v1/projects/{project_id}"
User = Annotated[str, Path(max_length=64, description="Id or name.", examples=["ann"])]


@router.get("/v1/projects", summary="My projects")
def list_my_projects(context: Ctx, who: Somebody) -> ProjectPage:
    """By name; all of them, for an administrator of the service."""
    found = [project_model(row) for row in projects.listed(context, who.identity)]
    return ProjectPage(total=len(found), items=found)


@router.post("/v1/projects", summary="Add a project", status_code=201)
def create_project(context: Ctx, who: Somebody, body: ProjectRequest) -> ProjectModel:
    """With a bucket of its own, and without members."""
    who.principal.record["name"] = body.name
    return project_model(projects.create(context, body.name, body.description))


@router.get(_PROJECT, summary="One project")
def show_project(context: Ctx, caller: Caller) -> ProjectModel:
    return project_model({**projects.show(context, caller.project_id), "role": caller.role})


@router.put(_PROJECT, summary="Rename or describe a project")
def change_project(context: Ctx, caller: Caller, body: ProjectUpdate) -> ProjectModel:
    """What is left out stays."""
    caller.record.update(body.model_dump(exclude_none=True))
    row = projects.change(context, caller.project_id, body.name, body.description)
    return project_model({**row, "role": caller.role})


@router.delete(_PROJECT, summary="Remove a project", status_code=204)
def remove_project(context: Ctx, caller: Caller) -> Response:
    """Its algorithms, jobs and logs go; what is in its buckets stays where it is."""
    caller.record["name"] = projects.remove(context, caller.project_id)["name"]
    return Response(status_code=204)


@router.get(f"{_PROJECT}/members", summary="Members of a project")
def list_members(context: Ctx, caller: Caller) -> MemberList:
    """By name."""
    found = [MemberModel.model_validate(row) for row in projects.members(context, caller.project_id)]
    return MemberList(total=len(found), items=found)


@router.put(f"{_PROJECT}/members/{{user}}", summary="Take a user in, or change the role")
def set_member(context: Ctx, caller: Caller, user: User, body: MemberRequest) -> MemberModel:
    caller.record["role"] = body.role
    return MemberModel.model_validate(projects.set_member(context, caller.project_id, user, body.role))


@router.delete(f"{_PROJECT}/members/{{user}}", summary="Take a user out", status_code=204)
def remove_member(context: Ctx, caller: Caller, user: User) -> Response:
    """Their jobs stay."""
    projects.remove_member(context, caller.project_id, user)
    return Response(status_code=204)


@router.get(
    f"{_PROJECT}/quota", summary="Limits of a project, and what is used", response_model_exclude_none=True
)
def show_quota(context: Ctx, caller: Caller) -> QuotaAnswer:
    """Jobs over a limit on jobs or cards wait; over one on storage or hours they are refused."""
    return quotas.answer(context, caller.project_id)


@router.put(f"{_PROJECT}/quota", summary="Limit a project", response_model_exclude_none=True)
def change_quota(context: Ctx, caller: Caller, body: QuotaModel) -> QuotaAnswer:
    """The whole of it: what is left out has no limit. Running jobs stay."""
    caller.record.update(body.model_dump(exclude_none=True))
    return quotas.change(context, caller.project_id, body)


# ---- the audit log

Limit = Annotated[int, Query(ge=1, le=1000)]
Before = Annotated[int | None, Query(ge=0, le=2**53, description="Only records before this one.")]
UserName = Annotated[str, Query(max_length=64, description="Name or id of who did it.")]
Action = Annotated[str, Query(max_length=64, examples=["create_training_job"])]
Target = Annotated[str, Query(max_length=256, description="Part of what it was about.")]
Moment = Annotated[str, Query(max_length=40, description="ISO 8601, or milliseconds.")]


@router.get("/v1/audit", summary="The audit log", tags=["audit"])
def list_audit(
    context: Ctx,
    *,
    project_id: Annotated[str, Query(max_length=64)] = "",
    user: UserName = "",
    action: Action = "",
    target: Target = "",
    start_time: Moment = "",
    end_time: Moment = "",
    limit: Limit = 100,
    before: Before = None,
) -> AuditPage:
    """Every change that somebody made or tried to make, newest first."""
    since, until = parse_time(start_time, "start_time"), parse_time(end_time, "end_time")
    return _page(context, AuditFilter(project_id, user, action, target, since, until, before, limit))


@router.get(f"{_PROJECT}/audit", summary="The audit log of a project", tags=["audit"])
def list_project_audit(
    context: Ctx,
    caller: Caller,
    *,
    user: UserName = "",
    action: Action = "",
    target: Target = "",
    start_time: Moment = "",
    end_time: Moment = "",
    limit: Limit = 100,
    before: Before = None,
) -> AuditPage:
    """What was changed in this project, newest first."""
    since, until = parse_time(start_time, "start_time"), parse_time(end_time, "end_time")
    wanted = AuditFilter(caller.project_id, user, action, target, since, until, before, limit)
    return _page(context, wanted)


def _page(context: Ctx, wanted: AuditFilter) -> AuditPage:
    context.audit.flush()
    rows = audit.listed(context.db, wanted)
    return AuditPage(
        items=[audit_model(row) for row in rows],
        next_before=rows[-1]["id"] if len(rows) == wanted.limit else None,
    )
