"""A real server behind a proxy that misbehaves: success after retries, or one clear error."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.servers.proxy import Fault, Proxy
from tests.servers.seaweedfs import SeaweedFS
from tests.storage.conftest import BUCKET
from trainshed.core.errors import Code, Conflict, Forbidden, InvalidInput, NotFound, Unavailable
from trainshed.storage import Buckets, Cancelled, CopyOptions, CopyReport

Make = Callable[..., Buckets]
OUTAGE_S = 30.0


@pytest.fixture
def proxy(seaweedfs: SeaweedFS) -> Iterator[Proxy]:
    with Proxy(seaweedfs.port) as proxy:
        yield proxy


@pytest.fixture
def through(proxy: Proxy, seaweedfs: SeaweedFS) -> Iterator[Make]:
    """Buckets whose every byte goes through the proxy."""
    made: list[Buckets] = []

    def make(**settings: Any) -> Buckets:
        given = {"patience_s": 20.0, "timeout_s": 10.0} | settings
        made.append(Buckets({BUCKET: seaweedfs.bucket_settings(endpoint=proxy.endpoint) | given}))
        return made[-1]

    yield make
    for buckets in made:
        buckets.close()


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """40 small files and one that moves in parts."""
    root = tmp_path / "tree"
    for i in range(40):
        path = root / f"{i % 4}" / f"{i}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(os.urandom(20_000))
    (root / "large").write_bytes(os.urandom(40 << 20))
    return root


def _uri(tmp_path: Path) -> str:
    return f"s3://{BUCKET}/faults{tmp_path.name}{os.getpid()}/"


def _content(root: Path) -> dict[str, bytes]:
    return {str(p.relative_to(root)): p.read_bytes() for p in root.rglob("*") if p.is_file()}


FAULTS = {
    "500": Fault(500),
    "503 slow down": Fault(503, "SlowDown"),
    "request reset": Fault(cut_request=True),
    "answer cut in its head": Fault(cut_answer_after=10),
    "answer cut in its body": Fault(cut_answer_after=9_000),
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=list(FAULTS))
def test_every_seventh_request_fails(
    fault: Fault, proxy: Proxy, through: Make, tree: Path, tmp_path: Path
) -> None:
    proxy.decide = lambda number, _: fault if number % 7 == 3 else None
    buckets = through()
    up = buckets.upload(tree, _uri(tmp_path))
    down = buckets.download(_uri(tmp_path), tmp_path / "back")
    assert (up.files, down.files) == (41, 41)
    assert up.bytes == down.bytes == sum(map(len, _content(tree).values()))
    assert up.verified
    assert down.verified
    assert _content(tmp_path / "back") == _content(tree)


def test_a_server_that_stalls_is_asked_again(proxy: Proxy, through: Make, tree: Path, tmp_path: Path) -> None:
    proxy.decide = lambda number, _: Fault(stall=True) if number in (5, 30) else None
    buckets = through(timeout_s=1.0)
    buckets.upload(tree, _uri(tmp_path))
    buckets.download(_uri(tmp_path), tmp_path / "back")
    assert _content(tmp_path / "back") == _content(tree)


def test_a_large_download_goes_on_where_it_broke(
    proxy: Proxy, through: Make, tree: Path, tmp_path: Path
) -> None:
    buckets = through()
    buckets.upload(tree / "large", _uri(tmp_path) + "large")
    asked = proxy.requests
    proxy.decide = lambda number, _: Fault(cut_answer_after=3 << 20) if number < asked + 12 else None
    buckets.download(_uri(tmp_path) + "large", tmp_path)
    assert (tmp_path / "large").read_bytes() == (tree / "large").read_bytes()
    resumed = [h for h in proxy.heads[asked:] if b"range: bytes=" in h.lower()]
    assert len(resumed) > 3


def test_an_outage_of_half_a_minute(proxy: Proxy, seaweedfs: SeaweedFS, tree: Path, tmp_path: Path) -> None:
    """Up and down at once, with the settings that everybody has."""
    buckets = Buckets({BUCKET: seaweedfs.bucket_settings(endpoint=proxy.endpoint)})
    buckets.upload(tree, _uri(tmp_path) + "1/")
    middle = proxy.requests + 40
    gone = threading.Event()
    proxy.decide = lambda number, _: gone.set() if number == middle else None

    def copy_up() -> CopyReport:
        return buckets.upload(tree, _uri(tmp_path) + "2/")

    def copy_down() -> CopyReport:
        return buckets.download(_uri(tmp_path) + "1/", tmp_path / "1")

    with ThreadPoolExecutor() as both:
        copies = [both.submit(copy_up), both.submit(copy_down)]
        assert gone.wait(60)
        proxy.outage()
        threading.Event().wait(OUTAGE_S)
        assert not all(copy.done() for copy in copies)
        proxy.restore()
        assert [copy.result().verified for copy in copies] == [True, True]
    buckets.download(_uri(tmp_path) + "2/", tmp_path / "2")
    assert _content(tmp_path / "1") == _content(tmp_path / "2") == _content(tree)
    buckets.close()


def test_patience_ends_with_one_sentence(proxy: Proxy, through: Make, tree: Path, tmp_path: Path) -> None:
    proxy.outage()
    began = time.monotonic()
    with pytest.raises(Unavailable) as caught:
        through(patience_s=1.0).upload(tree, _uri(tmp_path))
    assert caught.value.code == Code.STORAGE_UNREACHABLE
    assert f"127.0.0.1:{proxy.port}" in caught.value.message
    assert time.monotonic() - began < 10
    proxy.restore()


def test_a_server_that_stays_busy(proxy: Proxy, through: Make) -> None:
    proxy.decide = lambda _number, _head: Fault(503, "SlowDown")
    with pytest.raises(Unavailable, match="503 SlowDown"):
        list(through(patience_s=0.5).list(f"s3://{BUCKET}/"))


def test_a_key_that_expires_in_the_middle(proxy: Proxy, through: Make, tree: Path, tmp_path: Path) -> None:
    proxy.decide = lambda number, _: Fault(403, "ExpiredToken") if number > 15 else None
    with pytest.raises(Forbidden, match="has expired") as caught:
        through().upload(tree, _uri(tmp_path))
    assert caught.value.code == Code.STORAGE_DENIED
    proxy.decide = lambda _number, _head: None
    report = through().upload(tree, _uri(tmp_path))
    assert report.skipped > 0
    assert report.total_files == 41


def test_nothing_is_half_there_after_a_failed_upload(
    proxy: Proxy, through: Make, tree: Path, tmp_path: Path
) -> None:
    proxy.decide = lambda _number, head: Fault(403, "AccessDenied") if b"partNumber=2" in head else None
    with pytest.raises(Forbidden):
        through().upload(tree / "large", _uri(tmp_path) + "large")
    assert not through().exists(_uri(tmp_path) + "large")


def test_nothing_is_half_there_after_a_failed_download(
    proxy: Proxy, through: Make, tree: Path, tmp_path: Path
) -> None:
    through().upload(tree / "large", _uri(tmp_path) + "large")
    asked = proxy.requests
    proxy.decide = lambda number, _: Fault(403, "AccessDenied") if number > asked + 3 else None
    with pytest.raises(Forbidden):
        through().download(_uri(tmp_path) + "large", tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize(
    ("settings", "error", "code", "says"),
    [
        ({"access_key": "NOBODY"}, Forbidden, Code.STORAGE_DENIED, "does not accept the access key"),
        ({"secret_key": "wrong"}, Forbidden, Code.STORAGE_DENIED, "does not accept the access key"),
        ({"bucket": "no-such-bucket"}, NotFound, Code.BUCKET_NOT_FOUND, "no-such-bucket"),
        ({"endpoint": "http://127.0.0.1:1"}, Unavailable, Code.STORAGE_UNREACHABLE, "127.0.0.1:1"),
        ({"endpoint": "ftp://x"}, InvalidInput, Code.FIELD_INVALID, "not the address of a server"),
    ],
)
def test_what_is_wrong_is_said(
    settings: dict[str, Any], error: type[Exception], code: str, says: str, seaweedfs: SeaweedFS
) -> None:
    buckets = Buckets({BUCKET: seaweedfs.bucket_settings() | {"patience_s": 0.3} | settings})
    with pytest.raises(error, match=says) as caught:
        list(buckets.list(f"s3://{BUCKET}/"))
    assert getattr(caught.value, "code", "") == code
    buckets.close()


def test_a_reader_may_not_write(seaweedfs: SeaweedFS) -> None:
    buckets = Buckets({BUCKET: seaweedfs.bucket_settings(read_only=True)})
    with pytest.raises(Forbidden, match="no permission to write"):
        buckets.write(f"s3://{BUCKET}/forbidden", b"x")
    buckets.close()


def test_an_object_that_changes_while_it_is_read(seaweedfs: SeaweedFS, tmp_path: Path) -> None:
    buckets = Buckets({BUCKET: seaweedfs.bucket_settings()})
    uri = _uri(tmp_path) + "changing"
    buckets.write(uri, b"first")
    store, key = buckets.resolve(uri)
    old = store.stat(key)
    buckets.write(uri, b"second")
    transfer = store.downloading(old, str(tmp_path / "out"))
    with pytest.raises(Conflict) as caught:
        transfer.parts()[0](lambda _: None)
    transfer.abort()
    assert caught.value.code == Code.FILE_CHANGED
    buckets.close()


def test_cancelling(proxy: Proxy, through: Make, tree: Path, tmp_path: Path) -> None:
    cancel = threading.Event()

    def decide(number: int, _: bytes) -> None:
        if number == 10:
            cancel.set()

    proxy.decide = decide
    with pytest.raises(Cancelled):
        through().upload(tree, _uri(tmp_path), options=CopyOptions(cancel=cancel))


def test_a_reader_goes_on_after_a_break(proxy: Proxy, through: Make, tree: Path, tmp_path: Path) -> None:
    buckets = through()
    buckets.upload(tree / "large", _uri(tmp_path) + "large")
    proxy.decide = lambda number, _: Fault(cut_answer_after=700_000) if number % 3 else None
    want = (tree / "large").read_bytes()[: 8 << 20]
    with buckets.open_read(_uri(tmp_path) + "large") as stream:
        assert stream.read(8 << 20) == want
        stream.seek(1000)
        assert stream.read(10) == want[1000:1010]


def test_a_reader_asks_for_more_and_more(proxy: Proxy, through: Make, tree: Path, tmp_path: Path) -> None:
    buckets = through()
    buckets.upload(tree / "large", _uri(tmp_path) + "large")
    asked = proxy.requests
    with buckets.open_read(_uri(tmp_path) + "large") as stream:
        count = 0
        while block := stream.read(100_000):
            count += len(block)
    assert count == 40 << 20
    assert proxy.requests - asked <= 6
