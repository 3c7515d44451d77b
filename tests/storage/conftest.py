"""Stores of both kinds, the S3 one at a real server."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.servers.seaweedfs import SeaweedFS
from trainshed.storage import Buckets, Store, open_store
from trainshed.storage.s3 import S3Store

BUCKET = "trainshed-tests"


@pytest.fixture(scope="session")
def seaweedfs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SeaweedFS]:
    """A server for this test process, with one bucket."""
    with SeaweedFS.start(tmp_path_factory.mktemp("seaweedfs")) as server:
        store = open_store(BUCKET, server.bucket_settings())
        assert isinstance(store, S3Store)
        store.make_bucket()
        store.close()
        yield server


@dataclass
class Place:
    """A spot in a bucket that is one test's own.

    Attributes:
        uri: a directory in ``buckets``, with a trailing ``/``.
        store, prefix: the same, one level down.
    """

    kind: str
    buckets: Buckets
    uri: str
    store: Store
    prefix: str


@pytest.fixture(params=["folder", "s3"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    """A place of each kind in turn."""
    if request.param == "folder":
        (tmp_path / "the bucket").mkdir()
        settings = {"kind": "folder", "path": str(tmp_path / "the bucket")}
    else:
        settings = request.getfixturevalue("seaweedfs").bucket_settings()
    buckets = Buckets({BUCKET: settings})
    prefix = f"p{uuid.uuid4().hex}/"
    yield Place(request.param, buckets, f"obs://{BUCKET}/{prefix}", buckets.store(BUCKET), prefix)
    buckets.close()
