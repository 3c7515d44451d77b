"""Local folders, folder buckets and a real S3 server, the buckets through a real gateway."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import moxing.framework.file._client as client
from tests.servers.seaweedfs import SeaweedFS
from trainshed.agent import moxing_gateway
from trainshed.agent.moxing_gateway import Gateway
from trainshed.core.engine import LauncherName
from trainshed.core.task import Peer, Reporting, TaskSpec
from trainshed.storage import Buckets, open_store
from trainshed.storage.files import is_temporary
from trainshed.storage.s3 import S3Store

SOCKET = moxing_gateway.SOCKET_VARIABLE
BUCKETS = {"folder": "files", "s3": "objects"}


@pytest.fixture(scope="session")
def seaweedfs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SeaweedFS]:
    """A server for this test process, with one bucket."""
    with SeaweedFS.start(tmp_path_factory.mktemp("seaweedfs")) as server:
        store = open_store(BUCKETS["s3"], server.bucket_settings())
        assert isinstance(store, S3Store)
        store.make_bucket()
        store.close()
        yield server


def task_for(buckets: dict[str, dict[str, Any]]) -> TaskSpec:
    """A task that has these buckets."""
    return TaskSpec(
        job_id=str(uuid.uuid4()), job_name="moxing", attempt=0, index=0, root="/", code_dir="", boot_file="",
        engine_id="", family="", launcher=LauncherName.PLAIN, reporting=Reporting("", ""),
        peers=(Peer("127.0.0.1"),), ports=(), buckets=buckets,
    )  # fmt: skip


@dataclass
class Served:
    """A gateway for one bucket, and the bucket seen past it."""

    kind: str
    gateway: Gateway
    buckets: Buckets
    settings: dict[str, dict[str, Any]]

    @property
    def bucket(self) -> str:
        return BUCKETS[self.kind]


def serve(kind: str, settings: dict[str, Any], folder: Path) -> Iterator[Served]:
    config = {BUCKETS[kind]: settings}
    gateway = moxing_gateway.start(task_for(config), folder / "moxing.sock")
    buckets = Buckets(config)
    yield Served(kind, gateway, buckets, config)
    buckets.close()
    gateway.close()


@pytest.fixture(scope="session")
def folder_gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    base = tmp_path_factory.mktemp("folder")
    (base / "bucket").mkdir()
    yield from serve("folder", {"kind": "folder", "path": str(base / "bucket")}, base)


@pytest.fixture(scope="session")
def s3_gateway(seaweedfs: SeaweedFS, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    yield from serve("s3", seaweedfs.bucket_settings(), tmp_path_factory.mktemp("s3"))


@dataclass
class Where:
    """A directory that is one test's own.

    Attributes:
        kind: local, folder or s3.
        base: path or URL without a ``/`` at the end; nothing is there yet, but for local.
        served: the gateway; None for local.
    """

    kind: str
    base: str
    served: Served | None

    def __truediv__(self, name: str) -> str:
        return f"{self.base}/{name}"

    def put(self, name: str, data: bytes = b"") -> str:
        """Have a file there, not by way of moxing."""
        if self.served is not None:
            self.served.buckets.write(self / name, data)
        else:
            path = Path(self / name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        return self / name

    def content(self, name: str) -> bytes:
        """What the file holds, not by way of moxing."""
        if self.served is not None:
            return self.served.buckets.read(self / name)
        return Path(self / name).read_bytes()

    def names(self) -> list[str]:
        """All files, not by way of moxing."""
        if self.served is not None:
            return [i.key for i in self.served.buckets.list(self.base)]
        base = Path(self.base)
        return sorted(str(p.relative_to(base)) for p in base.rglob("*") if p.is_file())


def use(served: Served | None, monkeypatch: pytest.MonkeyPatch) -> None:
    client.drop()
    if served is None:
        monkeypatch.delenv(SOCKET, raising=False)
    else:
        monkeypatch.setenv(SOCKET, str(served.gateway.path))


def _where(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> Where:
    if kind == "local":
        (tmp_path / "local").mkdir()
        return Where(kind, str(tmp_path / "local"), None)
    served: Served = request.getfixturevalue(f"{kind}_gateway")
    scheme = "s3" if kind == "s3" else "obs"
    return Where(kind, f"{scheme}://{served.bucket}/t{uuid.uuid4().hex}", served)


@pytest.fixture(params=["local", "folder", "s3"])
def where(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Where]:
    """Each kind of place in turn."""
    place = _where(request.param, request, tmp_path)
    use(place.served, monkeypatch)
    yield place
    client.drop()


@pytest.fixture(params=["folder", "s3"])
def bucket(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Where]:
    """Each kind of bucket in turn."""
    place = _where(request.param, request, tmp_path)
    use(place.served, monkeypatch)
    yield place
    client.drop()


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A local tree with the names that make trouble."""
    root = tmp_path / "tree"
    for name in ("a.txt", "b/c.bin", "b/d/e", "with space/ü ñ 数据.txt", "b/.hidden", "%41+&?#.x"):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(os.urandom(1000))
    (root / "empty").mkdir()
    return root


def files_of(root: Path, *, hidden: bool = True) -> dict[str, bytes]:
    """Relative name → content of every file under ``root``; without ``hidden`` none that is not whole yet."""
    found = (p for p in root.rglob("*") if p.is_file() and (hidden or not is_temporary(p.name)))
    return {str(p.relative_to(root)): p.read_bytes() for p in found}
