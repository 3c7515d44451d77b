"""Users, and the caller's own account."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Request, Response

from trainshed.server.auth.gate import client_address
from trainshed.server.context import Ctx, Somebody
from trainshed.server.services import users
from trainshed.server.services.users import UserChange
from trainshed.server.wire.accounts import (
    AccountModel,
    PasswordChange,
    ProjectRole,
    UserList,
    UserModel,
    UserRequest,
    UserUpdate,
    user_model,
)

router = APIRouter(tags=["users"])
User = Annotated[str, Path(max_length=64, description="Id or name.", examples=["ann"])]


@router.get("/v1/account", summary="Who I am")
def show_account(context: Ctx, who: Somebody) -> AccountModel:
    """The caller, by what they showed, with their projects and their role in each."""
    identity, row = who.identity, users.find(context, who.identity.user_id)
    named = context.accounts.named_projects(identity)
    return AccountModel(
        user_id=identity.user_id,
        user_name=identity.user_name,
        operator=identity.admin,
        credential=identity.credential,
        scoped=identity.scoped,
        email=row["email"],
        has_password=bool(row["password_hash"]),
        projects=[ProjectRole(id=key, name=name, role=identity.projects[key].value) for key, name in named],
    )


@router.put("/v1/account/password", summary="Change my password", status_code=204)
def change_password(context: Ctx, who: Somebody, body: PasswordChange, request: Request) -> Response:
    """Ends all sessions of the caller; tokens and keys stay."""
    users.change_password(context, who.identity.user_id, client_address(request.scope), body.old, body.new)
    return Response(status_code=204)


@router.get("/v1/users", summary="Users")
def list_users(context: Ctx) -> UserList:
    """By name. Administrators of the service only."""
    found = [user_model(row) for row in users.listed(context)]
    return UserList(total=len(found), items=found)


@router.post("/v1/users", summary="Add a user", status_code=201)
def create_user(context: Ctx, who: Somebody, body: UserRequest) -> UserModel:
    """They are in no project yet."""
    who.principal.record.update(name=body.name, role=body.role)
    row = users.create(context, body.name, role=body.role, email=body.email, password=body.password)
    return user_model(row, [])


@router.get("/v1/users/{user}", summary="One user")
def show_user(context: Ctx, user: User) -> UserModel:
    """With their projects."""
    row = users.find(context, user)
    return user_model(row, users.memberships_of(context, row["id"]))


@router.put("/v1/users/{user}", summary="Change a user")
def change_user(context: Ctx, who: Somebody, user: User, body: UserUpdate) -> UserModel:
    """A new password, or to be disabled, ends their sessions."""
    who.principal.record.update(body.model_dump(exclude={"password"}, exclude_none=True))
    if body.password is not None:
        who.principal.record["password"] = "changed"  # noqa: S105
    wanted = UserChange(body.role, body.email, body.disabled, body.password)
    return user_model(users.change(context, user, wanted))


@router.delete("/v1/users/{user}", summary="Remove a user", status_code=204)
def remove_user(context: Ctx, user: User) -> Response:
    """Their tokens, keys and notifications go with them; their jobs stay."""
    users.remove(context, user)
    return Response(status_code=204)
