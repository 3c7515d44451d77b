"""Buckets and the objects in them."""

from __future__ import annotations

from itertools import islice
from typing import Annotated, Any
from urllib.parse import quote

from anyio import to_thread
from fastapi import APIRouter, Query, Request
from fastapi.responses import StreamingResponse

from trainshed.core.errors import Code, Forbidden, InvalidInput
from trainshed.server.context import Caller, Context, Ctx, Principal
from trainshed.server.services.buckets import S3Settings
from trainshed.server.streams import drain, pour
from trainshed.server.wire.storage import (
    BucketList,
    BucketModel,
    BucketRequest,
    Deleted,
    ObjectList,
    ObjectModel,
    bucket_model,
    object_model,
)
from trainshed.storage import Buckets, Location

router = APIRouter(tags=["storage"])

Uri = Annotated[str, Query(max_length=2048, examples=["obs://trainshed/data/train.csv"])]
_BYTES: dict[str, Any] = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}


@router.get("/v2/{project_id}/buckets", summary="Buckets")
def list_buckets(context: Ctx, caller: Caller) -> BucketList:
    found = [bucket_model(bucket) for bucket in context.buckets.listed(caller.project_id)]
    return BucketList(total=len(found), items=found)


@router.post("/v2/{project_id}/buckets", summary="Add a bucket", status_code=201)
def create_bucket(context: Ctx, caller: Caller, body: BucketRequest) -> BucketModel:
    """A new folder of the service, or a bucket that is on S3 (or OBS) already."""
    if body.kind not in ("folder", "s3", "obs"):
        message = f"kind {body.kind!r} is no kind of bucket: use folder or s3"
        raise InvalidInput(message, code=Code.FIELD_INVALID)
    caller.record.update(name=body.name, kind=body.kind)
    s3 = None
    if body.kind != "folder":
        _admin(caller, "add a bucket on S3")
        s3 = S3Settings(
            endpoint=body.endpoint,
            access_key=body.access_key,
            secret_key=body.secret_key,
            region=body.region,
            bucket=body.bucket,
            path_style=body.path_style,
            ca=body.ca,
            verify_tls=body.verify_tls,
        )
    return bucket_model(context.buckets.create(caller.project_id, body.name, s3))


@router.get("/v2/{project_id}/objects/list", summary="List objects", response_model_exclude_none=True)
def list_objects(
    context: Ctx,
    caller: Caller,
    uri: Uri,
    *,
    recursive: bool = True,
    limit: Annotated[int, Query(ge=1, le=10_000)] = 1000,
    marker: Annotated[str, Query(max_length=1024, description="Keys after this one.")] = "",
) -> ObjectList:
    """What lies under the URI taken as a directory, in the order of the keys' bytes."""
    stores, location = _place(context, caller, uri)
    listed = stores.list(location, recursive=recursive, start_after=marker)
    found = list(islice(listed, limit + 1))
    more = found[limit - 1].key if len(found) > limit else None
    return ObjectList(
        uri=str(location), objects=[object_model(info) for info in found[:limit]], next_marker=more
    )


@router.get(
    "/v2/{project_id}/objects",
    summary="Download an object",
    response_class=StreamingResponse,
    responses={200: {"content": _BYTES}},
)
def download_object(context: Ctx, caller: Caller, uri: Uri) -> StreamingResponse:
    stores, location = _place(context, caller, uri)
    info = stores.stat(location)
    if info.is_directory:
        raise InvalidInput(f"{uri[:200]!r} is a directory: list it instead", code=Code.URI_INVALID)
    headers = {
        "Content-Length": str(info.size),
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(location.name)}",
        "X-Object-Mtime": str(max(0, int(info.mtime * 1000))),
    }
    stream = stores.open_read(location, 0, info.size)
    return StreamingResponse(drain(stream), media_type="application/octet-stream", headers=headers)


@router.put(
    "/v2/{project_id}/objects",
    summary="Upload an object",
    openapi_extra={"requestBody": {"content": _BYTES, "required": True}},
)
async def upload_object(request: Request, context: Ctx, caller: Caller, uri: Uri) -> ObjectModel:
    """The body is the object; it appears whole or not at all."""
    stores, location = await to_thread.run_sync(_writable, context, caller, uri)
    context.disk.check()
    context.quotas.check_storage(caller.project_id)
    caller.record["name"] = uri
    limit = context.settings.max_object_bytes
    info = await pour(request, limit, lambda stream: stores.write(location, stream))
    context.quotas.grew(caller.project_id, info.size)
    return object_model(info)


@router.delete("/v2/{project_id}/objects", summary="Delete an object, or all below a URI")
def delete_object(context: Ctx, caller: Caller, uri: Uri, recursive: bool = False) -> Deleted:
    stores, location = _writable(context, caller, uri)
    caller.record["name"] = uri
    if not location.key:
        raise InvalidInput(
            f"{uri[:200]!r} is a whole bucket: name what to delete in it", code=Code.URI_INVALID
        )
    return Deleted(deleted=stores.delete(location, recursive=recursive))


def _place(context: Context, caller: Principal, uri: str) -> tuple[Buckets, Location]:
    location = context.buckets.locate(caller, uri)
    return context.buckets.stores(caller.project_id), location


def _writable(context: Context, caller: Principal, uri: str) -> tuple[Buckets, Location]:
    location = context.buckets.locate(caller, uri)
    if location.is_local:
        message = (
            f"{uri[:200]!r} is a path of the service's machine: only objects in buckets are changed here"
        )
        raise Forbidden(message, code=Code.LOCAL_PATH_FORBIDDEN)
    return context.buckets.stores(caller.project_id), location


def _admin(caller: Principal, what: str) -> None:
    if caller.role != "admin":
        raise Forbidden(f"only an admin may {what}", code=Code.ROLE_FORBIDDEN)
