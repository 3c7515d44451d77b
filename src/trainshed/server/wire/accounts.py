"""Users, projects, members, quotas, tokens, keys and the audit log on the wire; all of it is ours.

Times are milliseconds since the epoch.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

from trainshed.server.auth.accounts import token_id
from trainshed.server.auth.passwords import LONGEST
from trainshed.server.wire.base import Bytes, Int, Millis, WireModel

Row = Mapping[str, Any]
RoleName = Literal["viewer", "member", "admin"]
ServiceRole = Literal["user", "admin"]
Password = Annotated[str, Field(max_length=LONGEST, json_schema_extra={"format": "password"})]
Email = Annotated[str, Field(max_length=254, examples=["ann@example.com"])]


class ProjectRole(WireModel):
    """A project, and what somebody is in it."""

    id: str
    name: str
    role: RoleName


class AccountModel(WireModel):
    """Who the caller is."""

    user_id: str
    user_name: str
    operator: bool = Field(description="Whether they administer the whole service.")
    credential: str = Field(description="What they showed: session, token:…, key:…, or open.")
    scoped: bool = Field(description="Whether that is cut down to a project or a role.")
    email: str = ""
    has_password: bool = False
    projects: list[ProjectRole]


class PasswordChange(WireModel):
    """A new password; the old one is needed where there is one."""

    old: Password = ""
    new: Password


class UserModel(WireModel):
    """A user."""

    id: str
    name: str
    role: ServiceRole = Field(description="admin administers the whole service.")
    email: str = ""
    disabled: bool = False
    has_password: bool = False
    create_time: Millis
    projects: list[ProjectRole] | None = Field(None, description="Only where one user is asked for.")


class UserList(WireModel):
    """All users, by name."""

    total: Int
    items: list[UserModel]


class UserRequest(WireModel):
    """A user to be. Without a password they have tokens and keys only."""

    name: str = Field(max_length=64, examples=["ann"])
    role: ServiceRole = "user"
    email: Email = ""
    password: Password = ""


class UserUpdate(WireModel):
    """What to change; what is left out stays. A disabled user cannot get in in any way."""

    role: ServiceRole | None = None
    email: Email | None = None
    disabled: bool | None = None
    password: Password | None = None


class QuotaModel(WireModel):
    """How much a project may have at once; what is left out has no limit."""

    jobs: int | None = Field(None, ge=0, le=1_000_000, description="Jobs that run.")
    cards: int | None = Field(None, ge=0, le=1_000_000, description="Accelerators that its jobs hold.")
    storage_bytes: int | None = Field(None, ge=0, le=2**53, description="Bytes in its folder buckets.")
    job_hours: int | None = Field(
        None, ge=1, le=10_000, description="Longest time that a job may run; also of one that asks for none."
    )


class QuotaUse(WireModel):
    """What a project has now."""

    jobs: Int = 0
    cards: Int = 0
    queued: Int = Field(0, description="Jobs that wait.")
    storage_bytes: Bytes | None = Field(None, description="As last measured; absent where it never was.")
    measured_time: Millis | None = None


class QuotaAnswer(WireModel):
    """Limits, and what is used of them."""

    quota: QuotaModel
    used: QuotaUse


class ProjectModel(WireModel):
    """A project."""

    id: str
    name: str
    description: str = ""
    role: RoleName | None = Field(None, description="The caller's.")
    create_time: Millis


class ProjectPage(WireModel):
    """The projects of the caller; all, for an administrator of the service."""

    total: Int
    items: list[ProjectModel]


class ProjectRequest(WireModel):
    """A project to be."""

    name: str = Field(max_length=64, examples=["vision"])
    description: str = Field("", max_length=256)


class ProjectUpdate(WireModel):
    """What to change; what is left out stays."""

    name: str | None = Field(None, max_length=64)
    description: str | None = Field(None, max_length=256)


class MemberModel(WireModel):
    """A member of a project."""

    id: str
    name: str
    email: str = ""
    disabled: bool = False
    role: RoleName


class MemberList(WireModel):
    """The members of a project, by name. Administrators of the service are in every project unlisted."""

    total: Int
    items: list[MemberModel]


class MemberRequest(WireModel):
    """What a member may do: look (viewer), run jobs (member), manage members and buckets (admin)."""

    role: RoleName = "member"


class TokenModel(WireModel):
    """A personal token, without its text."""

    id: str = Field(description="The start of its hash; says nothing of the token.")
    name: str
    user_name: str
    project_id: str | None = Field(None, description="The only project that it opens.")
    role: RoleName | None = Field(None, description="The most that it may be in any project.")
    create_time: Millis
    expire_time: Millis | None = None
    last_used_time: Millis | None = Field(None, description="To the minute.")


class TokenList(WireModel):
    """Personal tokens, newest first."""

    total: Int
    items: list[TokenModel]


class TokenRequest(WireModel):
    """A token to be."""

    name: str = Field("", max_length=64, examples=["laptop"])
    days: int = Field(90, ge=1, le=3650, description="Until it expires.")
    project: str = Field("", max_length=64, description="Id or name: opens this project only.")
    role: RoleName | None = Field(None, description="Cuts it down to this role.")
    user: str = Field("", max_length=64, description="For another user; administrators only.")


class NewToken(TokenModel):
    """A new token, with its text, which is shown this once."""

    token: str


class KeyModel(WireModel):
    """An access key, without its secret."""

    access_key: str
    user_name: str
    project_id: str
    description: str = ""
    disabled: bool = False
    create_time: Millis
    expire_time: Millis | None = Field(None, description="Set when it was rotated.")
    last_used_time: Millis | None = Field(None, description="To the minute.")


class KeyList(WireModel):
    """Access keys, newest first."""

    total: Int
    items: list[KeyModel]


class KeyRequest(WireModel):
    """An access key to be."""

    project: str = Field(max_length=64, description="Id or name of the project that it opens.")
    description: str = Field("", max_length=256)
    user: str = Field("", max_length=64, description="For another user; administrators only.")


class KeyUpdate(WireModel):
    """What to change; what is left out stays."""

    disabled: bool | None = None
    description: str | None = Field(None, max_length=256)


class KeyRotation(WireModel):
    """How the old key goes."""

    overlap_hours: int = Field(24, ge=0, le=720, description="The old key goes on working so long.")


class NewKey(KeyModel):
    """A new access key, with its secret, which is shown this once."""

    secret_key: str


class AuditModel(WireModel):
    """One change, or the try of one."""

    id: int
    time: Millis
    user_id: str
    user_name: str
    credential: str = Field(description="session, token:…, key:…, open, or empty for nobody.")
    address: str
    action: str = Field(examples=["create_training_job"])
    project_id: str
    target: str
    status: Int = Field(description="HTTP status of the answer.")
    error_code: str = ""
    detail: dict[str, Any] = Field(default_factory=dict[str, Any])
    request_id: str


class AuditPage(WireModel):
    """Records, newest first; give ``next_before`` back as ``before`` to go on."""

    items: list[AuditModel]
    next_before: int | None = None


def millis(seconds: float | None) -> int | None:
    """Seconds as the wire has them."""
    return None if seconds is None else int(seconds * 1000)


def user_model(row: Row, projects: list[Row] | None = None) -> UserModel:
    """A user, without the password's hash."""
    return UserModel(
        id=row["id"],
        name=row["name"],
        role="admin" if row["role"] == "admin" else "user",
        email=row["email"],
        disabled=row["disabled"],
        has_password=bool(row["password_hash"]),
        create_time=int(row["created_at"] * 1000),
        projects=None if projects is None else [ProjectRole.model_validate(dict(p)) for p in projects],
    )


def project_model(row: Row) -> ProjectModel:
    """A project, as its members see it."""
    return ProjectModel(
        id=row["id"],
        name=row["name"],
        description=row["description"],
        role=row.get("role"),
        create_time=int(row["created_at"] * 1000),
    )


def token_fields(row: Row) -> dict[str, Any]:
    """What may be shown of a token."""
    return {
        "id": token_id(row["hash"]),
        "name": row["name"],
        "user_name": row["user_name"],
        "project_id": row["project_id"],
        "role": row["role"],
        "create_time": millis(row["created_at"]),
        "expire_time": millis(row["expires_at"]),
        "last_used_time": millis(row["last_used_at"]),
    }


def key_fields(row: Row) -> dict[str, Any]:
    """What may be shown of an access key."""
    return {
        "access_key": row["access_key"],
        "user_name": row["user_name"],
        "project_id": row["project_id"],
        "description": row["description"],
        "disabled": row["disabled"],
        "create_time": millis(row["created_at"]),
        "expire_time": millis(row["expires_at"]),
        "last_used_time": millis(row["last_used_at"]),
    }


def audit_model(row: Row) -> AuditModel:
    """A record of the audit log."""
    return AuditModel.model_validate({**row, "time": int(row["time"] * 1000), "detail": row["detail"] or {}})
