"""What happens to a bucket after it was added; ``objects`` lists and adds them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Response
from pydantic import Field

from trainshed.server.context import Caller, Ctx
from trainshed.server.wire.base import WireModel

router = APIRouter(tags=["storage"])
Name = Annotated[str, Path(max_length=255)]


class BucketKeys(WireModel):
    """New keys of an S3 bucket; they are sealed at rest and never given back."""

    access_key: str = Field(default="", max_length=256)
    secret_key: str = Field(default="", max_length=256)


@router.post("/v2/{project_id}/buckets/{name}/test", summary="Try a bucket", status_code=204)
def test_bucket(context: Ctx, caller: Caller, name: Name) -> Response:
    """204 where it answers and lets the service in; else what is wrong."""
    context.buckets.test(caller.project_id, name)
    return Response(status_code=204)


@router.put("/v2/{project_id}/buckets/{name}/keys", summary="Give a bucket new keys", status_code=204)
def change_bucket_keys(context: Ctx, caller: Caller, name: Name, body: BucketKeys) -> Response:
    """They are tried first; the old ones stay if they do not open the bucket."""
    context.buckets.change_keys(caller.project_id, name, body.access_key, body.secret_key)
    return Response(status_code=204)


@router.delete("/v2/{project_id}/buckets/{name}", summary="Remove a bucket", status_code=204)
def remove_bucket(context: Ctx, caller: Caller, name: Name) -> Response:
    """The service forgets it; what is in it stays where it is."""
    context.buckets.remove(caller.project_id, name)
    return Response(status_code=204)
