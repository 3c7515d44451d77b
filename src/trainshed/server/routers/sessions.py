"""Sign in to the console, see who is signed in, sign out."""

from __future__ import annotations

from typing import Annotated, Any

from anyio import to_thread
from fastapi import APIRouter, Cookie, Header, Request, Response
from pydantic import BaseModel, Field

from trainshed.core.errors import Code, Forbidden, Unauthenticated
from trainshed.server.auth.accounts import Identity
from trainshed.server.auth.gate import client_address
from trainshed.server.auth.sessions import COOKIE, SESSION_S, csrf_of
from trainshed.server.context import Ctx

router = APIRouter(prefix="/v1/sessions", tags=["sessions"])
OPEN: dict[str, Any] = {"security": []}


class SignIn(BaseModel):
    """Either a token, or a user's name and password."""

    token: str = Field(default="", max_length=256)
    name: str = Field(default="", max_length=64)
    password: str = Field(default="", max_length=256)


class SessionProject(BaseModel):
    """A project that the person may use, and as what."""

    id: str
    name: str
    role: str


class Session(BaseModel):
    """Who is signed in.

    Attributes:
        csrf: goes into the header ``X-CSRF-Token`` of every request that changes something.
    """

    user_id: str
    user_name: str
    admin: bool
    projects: list[SessionProject]
    csrf: str


@router.post("", summary="Sign in", openapi_extra=OPEN)
async def open_session(body: SignIn, request: Request, response: Response, context: Ctx) -> Session:
    """Sets the session's cookie."""
    caller = client_address(request.scope)
    request.state.record = {"user": body.name}

    def sign_in() -> tuple[str, Session]:
        token, identity = context.sessions.open(
            caller, token=body.token, name=body.name, password=body.password
        )
        return token, _session(context, identity, token)

    token, session = await to_thread.run_sync(sign_in)
    request.state.record["user"] = session.user_name
    response.set_cookie(
        COOKIE,
        token,
        max_age=SESSION_S,
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https",
    )
    return session


@router.get("/current", summary="Who is signed in", openapi_extra=OPEN)
def show_session(context: Ctx, cookie: Annotated[str, Cookie(alias=COOKIE)] = "") -> Session:
    """The session of the cookie; where authentication is off, the admin's."""
    if not context.settings.authentication:
        return _session(context, context.accounts.admin(), "")
    return _session(context, _identity(context, cookie), cookie)


@router.delete("/current", status_code=204, summary="Sign out", openapi_extra=OPEN)
def close_session(
    context: Ctx,
    response: Response,
    cookie: Annotated[str, Cookie(alias=COOKIE)] = "",
    csrf: Annotated[str, Header(alias="X-CSRF-Token")] = "",
) -> None:
    """Ends the session and takes the cookie back."""
    if cookie and csrf != csrf_of(cookie):
        raise Forbidden("the request does not come from the console's own page; reload it")
    context.sessions.close(cookie)
    response.delete_cookie(COOKIE)


def _identity(context: Ctx, cookie: str) -> Identity:
    identity = (
        (context.accounts.remembered("token", cookie) or context.accounts.by_token(cookie))
        if cookie
        else None
    )
    if identity is None:
        raise Unauthenticated("nobody is signed in", code=Code.CREDENTIALS_MISSING)
    return identity


def _session(context: Ctx, identity: Identity, token: str) -> Session:
    projects = [
        SessionProject(id=key, name=name, role=identity.projects[key].value)
        for key, name in context.accounts.named_projects(identity)
    ]
    return Session(
        user_id=identity.user_id,
        user_name=identity.user_name,
        admin=identity.admin,
        projects=projects,
        csrf=csrf_of(token),
    )
