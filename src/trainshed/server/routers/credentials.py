"""Personal tokens and access keys."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from trainshed.server.context import Ctx, Somebody
from trainshed.server.services import credentials
from trainshed.server.wire.accounts import (
    KeyList,
    KeyModel,
    KeyRequest,
    KeyRotation,
    KeyUpdate,
    NewKey,
    NewToken,
    TokenList,
    TokenModel,
    TokenRequest,
    key_fields,
    token_fields,
)

router = APIRouter(tags=["credentials"])
Whose = Annotated[str, Query(max_length=64, description="Of another user; administrators only.")]
AccessKey = Annotated[str, Path(max_length=64)]


@router.get("/v1/tokens", summary="Personal tokens")
def list_tokens(context: Ctx, who: Somebody, user: Whose = "") -> TokenList:
    """Newest first, without their text."""
    found = [TokenModel(**token_fields(row)) for row in credentials.list_tokens(context, who.identity, user)]
    return TokenList(total=len(found), items=found)


@router.post("/v1/tokens", summary="Make a token", status_code=201)
def create_token(context: Ctx, who: Somebody, body: TokenRequest) -> NewToken:
    """Its text is in this answer and nowhere else: the service keeps a hash."""
    who.principal.record.update(name=body.name, days=body.days)
    row, text = credentials.make_token(
        context,
        who.identity,
        user=body.user,
        name=body.name,
        days=body.days,
        project_id=body.project,
        role=body.role or "",
    )
    who.principal.record.update(id=row["id"], owner=row["user_name"])
    return NewToken(**token_fields(row), token=text)


@router.delete("/v1/tokens/{token_id}", summary="Revoke a token", status_code=204)
def revoke_token(context: Ctx, who: Somebody, token_id: Annotated[str, Path(max_length=64)]) -> Response:
    """At once."""
    credentials.revoke_token(context, who.identity, token_id)
    return Response(status_code=204)


@router.get("/v1/keys", summary="Access keys")
def list_keys(context: Ctx, who: Somebody, user: Whose = "") -> KeyList:
    """Newest first, without their secrets."""
    found = [KeyModel(**key_fields(row)) for row in credentials.list_keys(context, who.identity, user)]
    return KeyList(total=len(found), items=found)


@router.post("/v1/keys", summary="Make an access key", status_code=201)
def create_key(context: Ctx, who: Somebody, body: KeyRequest) -> NewKey:
    """For the official SDK and signed requests. Its secret is in this answer and in no later one."""
    row, secret = credentials.make_key(
        context, who.identity, user=body.user, project_id=body.project, description=body.description
    )
    who.principal.record.update(name=row["access_key"], owner=row["user_name"])
    return NewKey(**key_fields(row), secret_key=secret)


@router.put("/v1/keys/{access_key}", summary="Disable, enable or describe an access key")
def change_key(context: Ctx, who: Somebody, access_key: AccessKey, body: KeyUpdate) -> KeyModel:
    """A disabled key opens nothing until it is enabled again."""
    who.principal.record.update(body.model_dump(exclude_none=True))
    row = credentials.change_key(
        context, who.identity, access_key, disabled=body.disabled, description=body.description
    )
    return KeyModel(**key_fields(row))


@router.post("/v1/keys/{access_key}/rotate", summary="Rotate an access key", status_code=201)
def rotate_key(context: Ctx, who: Somebody, access_key: AccessKey, body: KeyRotation) -> NewKey:
    """A new key; the old one goes on working for a while, so that programs can change over."""
    row, secret = credentials.rotate_key(context, who.identity, access_key, body.overlap_hours)
    who.principal.record.update(name=row["access_key"], overlap_hours=body.overlap_hours)
    return NewKey(**key_fields(row), secret_key=secret)


@router.delete("/v1/keys/{access_key}", summary="Remove an access key", status_code=204)
def remove_key(context: Ctx, who: Somebody, access_key: AccessKey) -> Response:
    """For good."""
    credentials.remove_key(context, who.identity, access_key)
    return Response(status_code=204)
