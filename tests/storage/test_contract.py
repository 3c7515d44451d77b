"""Both kinds of store pass the same contract."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers.seaweedfs import SeaweedFS
from tests.storage.conftest import BUCKET
from trainshed.storage import Store, open_store
from trainshed.testing.stores import StoreContract


class TestFolder(StoreContract):
    @pytest.fixture
    def store(self, tmp_path: Path) -> Store:
        (tmp_path / "bucket").mkdir()
        return open_store(BUCKET, {"kind": "folder", "path": str(tmp_path / "bucket")})


@pytest.fixture(scope="module")
def s3_store(seaweedfs: SeaweedFS) -> Iterator[Store]:
    store = open_store(BUCKET, seaweedfs.bucket_settings())
    yield store
    store.close()


class TestS3(StoreContract):
    @pytest.fixture
    def store(self, s3_store: Store) -> Store:
        return s3_store
