"""Objects, buckets and code directories on the wire; all of it is ours."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from trainshed.server.wire.base import Bytes, Int, Millis, WireModel

if TYPE_CHECKING:
    from trainshed.server.services.buckets import Bucket
    from trainshed.server.services.code import StoredCode
    from trainshed.storage import ObjectInfo


class ObjectModel(WireModel):
    """One object; in a listing that is not recursive, or one directory."""

    key: str = Field(description="Relative to the listed URI; a directory's ends in /.")
    size: Bytes
    mtime: Millis = Field(description="Milliseconds since the epoch.")
    etag: str = ""
    is_directory: bool = False


class ObjectList(WireModel):
    """One page of a listing."""

    uri: str
    objects: list[ObjectModel]
    next_marker: str | None = Field(None, description="Give it back as marker to go on; none at the end.")


class Deleted(WireModel):
    """How many objects were deleted."""

    deleted: Int


class BucketModel(WireModel):
    """A bucket, without its keys."""

    name: str
    kind: str = Field(description="folder or s3")
    endpoint: str = ""
    region: str = ""
    is_default: bool = False
    path_style: bool | None = Field(default=None, description="None: told by the address.")
    verify_tls: bool = True
    create_time: Millis


class BucketList(WireModel):
    """The buckets of a project."""

    total: Int
    items: list[BucketModel]


class BucketRequest(WireModel):
    """A bucket to be: a folder of the service, or one that is on S3 already."""

    name: str = Field(default="", max_length=255, examples=["datasets"])
    kind: str = Field(default="folder", max_length=16, description="folder or s3")
    endpoint: str = Field(default="", max_length=1024, examples=["https://obs.example.com"])
    access_key: str = Field(default="", max_length=256)
    secret_key: str = Field(default="", max_length=256)
    region: str = Field(default="", max_length=64)
    bucket: str = Field(default="", max_length=255, description="Its name there, where it differs from name.")
    path_style: bool | None = Field(
        default=None,
        description="Whether its name goes into the path, and not before the host's; told by the address.",
    )
    ca: str = Field(
        default="",
        max_length=65_536,
        description="Certificates (PEM) by which the endpoint's own is checked; those of the system.",
    )
    verify_tls: bool = Field(default=True, description="False to take any certificate.")


class CodeModel(WireModel):
    """A code directory that was sent."""

    code_dir: str = Field(examples=["obs://trainshed/code/0f3a…/"])
    files: Int
    bytes: Bytes
    cached: bool = Field(description="Whether it was there already.")


def object_model(info: ObjectInfo) -> ObjectModel:
    """An object as a listing shows it."""
    return ObjectModel(
        key=info.key,
        size=info.size,
        mtime=max(0, int(info.mtime * 1000)),
        etag=info.etag,
        is_directory=info.is_directory,
    )


def bucket_model(bucket: Bucket) -> BucketModel:
    """A bucket as the list shows it."""
    return BucketModel(
        name=bucket.name,
        kind=bucket.kind,
        endpoint=bucket.endpoint,
        region=bucket.region,
        is_default=bucket.is_default,
        path_style=bucket.path_style,
        verify_tls=bucket.verify_tls,
        create_time=int(bucket.created_at * 1000),
    )


def code_model(code: StoredCode) -> CodeModel:
    """A code directory as its upload is answered."""
    return CodeModel(code_dir=code.code_dir, files=code.files, bytes=code.size, cached=code.cached)
