"""A storage that misbehaves: success after a while, or one clear error, and nothing half there."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import moxing as mox
from moxing.framework.file import _client
from tests.moxing.conftest import SOCKET, Where, files_of
from tests.servers.proxy import Fault, Proxy
from tests.servers.seaweedfs import SeaweedFS
from trainshed.agent.moxing_gateway import Gateway
from trainshed.storage import Buckets


@dataclass
class Behind:
    """A bucket behind a proxy that misbehaves.

    Attributes:
        base: a directory that is the test's own.
        direct: the bucket past proxy and gateway.
    """

    proxy: Proxy
    base: str
    direct: Buckets

    def __truediv__(self, name: str) -> str:
        return f"{self.base}/{name}"

    def names(self) -> list[str]:
        return [i.key for i in self.direct.list(self.base)]


@pytest.fixture
def behind(seaweedfs: SeaweedFS, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Behind]:
    direct = Buckets({"objects": seaweedfs.bucket_settings()})
    with Proxy(seaweedfs.port) as proxy:
        settings: dict[str, Any] = seaweedfs.bucket_settings(endpoint=proxy.endpoint)
        gateway = Gateway(tmp_path / "s", {"objects": settings | {"patience_s": 20.0, "timeout_s": 10.0}})
        gateway.watch()
        monkeypatch.setenv(SOCKET, str(tmp_path / "s"))
        _client.drop()
        yield Behind(proxy, f"s3://objects/f{uuid.uuid4().hex}", direct)
        _client.drop()
        gateway.close()
    direct.close()


FAULTS = {
    "500": Fault(500),
    "503 slow down": Fault(503, "SlowDown"),
    "reset": Fault(cut_request=True),
    "cut answer": Fault(cut_answer_after=700),
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=list(FAULTS))
def test_every_fifth_request_fails(fault: Fault, behind: Behind, tree: Path, tmp_path: Path) -> None:
    behind.proxy.decide = lambda number, _: fault if number % 5 == 3 else None
    (tree / "large").write_bytes(os.urandom(3 << 20))
    assert mox.file.copy_parallel(str(tree), behind / "t").files == 7
    assert mox.file.copy_parallel(behind / "t", str(tmp_path / "back")).files == 7
    assert files_of(tmp_path / "back") == files_of(tree)
    assert mox.file.read(behind / "t/large", binary=True) == (tree / "large").read_bytes()
    with mox.file.File(behind / "t/large", "rb") as f:
        f.seek(-1000, 2)
        assert f.read() == (tree / "large").read_bytes()[-1000:]
    mox.file.write(behind / "t/x", "1")
    assert mox.file.stat(behind / "t/x").length == 1
    mox.file.remove(behind / "t", recursive=True)
    assert not mox.file.exists(behind / "t")


def test_the_server_goes_away_in_the_middle(behind: Behind, tmp_path: Path) -> None:
    for i in range(60):
        behind.direct.write(behind / f"t/{i}", os.urandom(10_000))
    gone = threading.Event()

    def decide(number: int, _head: bytes) -> None:
        if number == 30 and not gone.is_set():
            gone.set()
            threading.Thread(target=_outage, args=(behind.proxy,)).start()

    behind.proxy.decide = decide
    assert mox.file.copy_parallel(behind / "t", str(tmp_path / "back")).files == 60
    assert gone.is_set()
    assert len(files_of(tmp_path / "back")) == 60


def _outage(proxy: Proxy) -> None:
    proxy.outage()
    threading.Event().wait(2.0)  # this long the server is gone
    proxy.restore()


def test_a_key_that_expires_in_the_middle(behind: Behind, tmp_path: Path) -> None:
    for i in range(60):
        behind.direct.write(behind / f"t/{i:02}", os.urandom(10_000))
    behind.proxy.decide = lambda number, _: Fault(403, "ExpiredToken") if number > 25 else None
    with pytest.raises(mox.file.MoxFileRespException) as caught:
        mox.file.copy_parallel(behind / "t", str(tmp_path / "back"))
    assert isinstance(caught.value, PermissionError)
    assert caught.value.resp.status == 403
    assert all(len(content) == 10_000 for content in files_of(tmp_path / "back").values())
    assert not list((tmp_path / "back").rglob(".*"))
    with pytest.raises(PermissionError):
        mox.file.write(behind / "new", "1")
    behind.proxy.decide = lambda *_: None
    assert mox.file.copy_parallel(behind / "t", str(tmp_path / "back")).files == 60


def test_a_server_that_stays_away_is_one_clear_error(
    seaweedfs: SeaweedFS, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = seaweedfs.bucket_settings(endpoint="http://127.0.0.1:9") | {"patience_s": 0.5}
    gateway = Gateway(tmp_path / "s", {"objects": settings})
    gateway.watch()
    monkeypatch.setenv(SOCKET, str(tmp_path / "s"))
    _client.drop()
    with pytest.raises(mox.file.MoxFileRespException) as caught:
        mox.file.read("s3://objects/x")
    assert caught.value.resp.status == 503
    assert "SECRET" not in str(caught.value).upper()
    _client.drop()
    gateway.close()


def test_a_file_that_grows_while_it_is_uploaded(bucket: Where, tmp_path: Path) -> None:
    root = tmp_path / "tree"
    root.mkdir()
    (root / "log").write_bytes(b"x" * 5_000_000)
    over = threading.Event()

    def write() -> None:
        with (root / "log").open("ab") as f:
            while not over.is_set():
                f.write(b"x" * 1000)
                f.flush()
                over.wait(0.001)

    writer = threading.Thread(target=write)
    writer.start()
    error = _raised(lambda: mox.file.copy_parallel(str(root), bucket / "t"))
    over.set()
    writer.join()
    if error is None:  # it fell between two writes
        assert len(bucket.content("t/log")) >= 5_000_000
    else:
        assert "changed" in str(error)
        assert not [n for n in bucket.names() if n.endswith("log")]


def _raised(call: Callable[[], object]) -> OSError | None:
    try:
        call()
    except OSError as error:
        return error
    return None


SPOOL = """
import moxing as mox, resource, sys, os
url, folder = sys.argv[1:]
mox.file.write(url, "old")
mox.file.exists(url)
resource.setrlimit(resource.RLIMIT_FSIZE, (6 << 20, 6 << 20))
f = mox.file.File(url, "wb")
try:
    for _ in range(20):
        f.write(b"x" * (1 << 20))
except OSError as error:
    print("write:", error)
try:
    f.close()
except OSError as error:
    print("close:", error)
print(mox.file.read(url))
"""


def test_a_write_that_failed_does_not_replace_what_was_there(bucket: Where, tmp_path: Path) -> None:
    assert bucket.served is not None
    environment = os.environ | {SOCKET: str(bucket.served.gateway.path), "PYTHONPATH": "src"}
    done = subprocess.run(
        [sys.executable, "-c", SPOOL, bucket / "x", str(tmp_path)],
        env=environment, capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    lines = done.stdout.splitlines()
    assert lines[0].startswith("write:")
    assert "earlier write to it failed" in lines[1]
    assert lines[2] == "old"
    assert not [p for p in Path("/tmp").glob(".moxing-*") if p.stat().st_size == 6 << 20]


SMALL_DISK = """
import os, sys
sys.path.insert(0, "src")
import moxing as mox
folder, url = sys.argv[1:]
os.makedirs(folder + "/d", exist_ok=True)
for i in range(5):
    mox.file.write(url + "/t/%d" % i, os.urandom(1 << 20), binary=True)
try:
    mox.file.copy_parallel(url + "/t", folder + "/d")
except OSError as error:
    print(error.errno, error)
print(os.listdir(folder + "/d"))
"""


def test_a_disk_that_is_full(tmp_path: Path) -> None:
    (tmp_path / "small").mkdir()
    (tmp_path / "home/buckets/b").mkdir(parents=True)
    mount = 'mount -t tmpfs -o size=3m none "$1" && exec "$2" -c "$3" "$1" obs://b'
    done = subprocess.run(
        ["unshare", "-rm", "sh", "-c", mount, "sh", str(tmp_path / "small"), sys.executable, SMALL_DISK],
        env={k: v for k, v in os.environ.items() if k != SOCKET} | {"TRAINSHED_HOME": str(tmp_path / "home")},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    if done.returncode and "mox" not in done.stderr:
        pytest.skip("no mount namespaces here")
    assert done.returncode == 0, done.stderr
    assert "28" in done.stdout
    assert "fit on the disk" in done.stdout
    assert done.stdout.splitlines()[-1] == "[]"
