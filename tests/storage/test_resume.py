"""Large transfers that were killed, or lost their server, go on where they were."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.servers.proxy import Fault, Proxy
from tests.servers.seaweedfs import SeaweedFS
from tests.storage.conftest import BUCKET
from trainshed.core.errors import Forbidden, Unavailable
from trainshed.storage import Buckets, CopyOptions
from trainshed.storage.files import is_temporary
from trainshed.storage.journal import Journal, journal

SIZE = 112 << 20  # seven parts
COPY = """
import json, sys
from trainshed.storage import Buckets, CopyOptions
buckets = Buckets({sys.argv[1]: json.loads(sys.argv[2])})
buckets.copy(sys.argv[3], sys.argv[4], options=CopyOptions(threads=1))
"""


@pytest.fixture
def proxy(seaweedfs: SeaweedFS) -> Iterator[Proxy]:
    with Proxy(seaweedfs.port) as proxy:
        yield proxy


@pytest.fixture(autouse=True)
def journals(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Journals of this test alone."""
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    monkeypatch.setattr("tempfile.tempdir", None)
    return tmp_path / "tmp" / f"trainshed-{os.geteuid()}-transfers"


@pytest.fixture
def buckets(proxy: Proxy, seaweedfs: SeaweedFS) -> Iterator[Buckets]:
    settings = seaweedfs.bucket_settings(endpoint=proxy.endpoint)
    buckets = Buckets({BUCKET: settings | {"patience_s": 0.5, "hash_large": True}})
    yield buckets
    buckets.close()


@pytest.fixture
def large(tmp_path: Path) -> Path:
    path = tmp_path / "large"
    path.write_bytes(os.urandom(1 << 20) * (SIZE >> 20))
    return path


@pytest.fixture
def uri() -> str:
    return f"s3://{BUCKET}/resume{os.urandom(6).hex()}/large"


Killed = Callable[[int, bytes, str, str], None]


@pytest.fixture
def killed(proxy: Proxy, seaweedfs: SeaweedFS) -> Killed:
    """Copies in a process that is killed when its n-th request with some bytes in it arrives."""
    settings = json.dumps(seaweedfs.bucket_settings(endpoint=proxy.endpoint))

    def copy(number: int, of: bytes, source: str, target: str) -> None:
        process = subprocess.Popen([sys.executable, "-c", COPY, BUCKET, settings, source, target])
        since = proxy.requests

        def decide(_: int, _head: bytes) -> Fault | None:
            if _requests(proxy, since, of) < number:
                return None
            os.kill(process.pid, signal.SIGKILL)
            return Fault(stall=True)

        proxy.decide = decide
        assert process.wait(120) == -signal.SIGKILL
        proxy.decide = lambda _number, _head: None

    return copy


def _requests(proxy: Proxy, since: int, of: bytes) -> int:
    return sum(of in head for head in proxy.heads[since:])


def test_a_killed_download_goes_on(
    proxy: Proxy, buckets: Buckets, killed: Killed, large: Path, uri: str, tmp_path: Path
) -> None:
    buckets.upload(large, uri)
    out = tmp_path / "out/large"
    killed(5, b"range: bytes", uri, str(out))
    assert [is_temporary(p.name) for p in out.parent.iterdir()] == [True]
    since = proxy.requests
    report = buckets.copy(uri, str(out))
    assert out.read_bytes() == large.read_bytes()
    assert (report.bytes, report.checksums) == (SIZE, 1)
    assert _requests(proxy, since, b"range: bytes") == 3
    assert [p.name for p in out.parent.iterdir()] == ["large"]


def test_a_killed_upload_goes_on(
    proxy: Proxy, buckets: Buckets, killed: Killed, large: Path, uri: str, journals: Path
) -> None:
    killed(5, b"partNumber=", str(large), uri)
    assert not buckets.exists(uri)
    since = proxy.requests
    report = buckets.upload(large, uri)
    assert buckets.read(uri) == large.read_bytes()
    assert (report.bytes, report.checksums) == (SIZE, 1)
    assert _requests(proxy, since, b"PUT ") == 3
    assert list(journals.iterdir()) == []


def test_a_file_that_changed_since_is_sent_anew(
    proxy: Proxy, buckets: Buckets, killed: Killed, large: Path, uri: str
) -> None:
    killed(5, b"partNumber=", str(large), uri)
    with large.open("r+b") as opened:
        opened.write(b"other")
    since = proxy.requests
    buckets.upload(large, uri)
    assert buckets.read(uri) == large.read_bytes()
    assert _requests(proxy, since, b"PUT ") == 7
    assert _requests(proxy, since, b"DELETE ") == 1  # the parts that nobody wants


def test_an_object_that_changed_since_is_brought_anew(
    proxy: Proxy, buckets: Buckets, killed: Killed, large: Path, uri: str, tmp_path: Path
) -> None:
    buckets.upload(large, uri)
    out = tmp_path / "out/large"
    killed(5, b"range: bytes", uri, str(out))
    large.write_bytes(os.urandom(1 << 20) * (SIZE >> 20))
    buckets.upload(large, uri, options=CopyOptions(skip_same=False))
    buckets.copy(uri, str(out))
    assert out.read_bytes() == large.read_bytes()


@pytest.mark.parametrize("direction", ["up", "down"])
def test_a_server_that_stays_away_too_long(
    direction: str, proxy: Proxy, buckets: Buckets, large: Path, uri: str, tmp_path: Path
) -> None:
    if direction == "down":
        buckets.upload(large, uri)
    source, target = (str(large), uri) if direction == "up" else (uri, str(tmp_path / "out/large"))
    what = b"partNumber=" if direction == "up" else b"range: bytes"
    one = CopyOptions(threads=1)
    since = proxy.requests

    def decide(_: int, head: bytes) -> Fault | None:
        return Fault(cut_request=True) if _requests(proxy, since, what) > 4 else None

    proxy.decide = decide
    with pytest.raises(Unavailable):
        buckets.copy(source, target, options=one)
    proxy.decide = lambda _number, _head: None
    since = proxy.requests
    buckets.copy(source, target, options=one)
    assert _requests(proxy, since, what) == 3
    assert buckets.read(target) == large.read_bytes()


def test_one_that_was_refused_leaves_nothing(
    proxy: Proxy, buckets: Buckets, large: Path, uri: str, tmp_path: Path, journals: Path
) -> None:
    buckets.upload(large, uri)
    refused = proxy.requests + 5
    proxy.decide = lambda number, _: Fault(403, "AccessDenied") if number > refused else None
    with pytest.raises(Forbidden):
        buckets.copy(uri, str(tmp_path / "out/large"), options=CopyOptions(threads=1))
    assert list((tmp_path / "out").iterdir()) == []
    assert list(journals.iterdir()) == []


def test_a_link_put_in_its_place_is_not_followed(
    proxy: Proxy, buckets: Buckets, killed: Killed, large: Path, uri: str, tmp_path: Path
) -> None:
    buckets.upload(large, uri)
    out = tmp_path / "out/large"
    killed(5, b"range: bytes", uri, str(out))
    (half,) = out.parent.iterdir()
    half.unlink()
    (tmp_path / "precious").write_text("mine")
    half.symlink_to(tmp_path / "precious")
    buckets.copy(uri, str(out))
    assert (tmp_path / "precious").read_text() == "mine"
    assert out.read_bytes() == large.read_bytes()


def test_a_journal_is_held_by_one(tmp_path: Path) -> None:
    first = journal("x")
    assert isinstance(first, Journal)
    first.begin("a", "b")
    assert journal("x") is None
    first.close(keep=True)
    again = journal("x")
    assert again is not None
    assert again.lines == ["a", "b"]
    again.close(keep=False)
    fresh = journal("x")
    assert fresh is not None
    assert fresh.lines == []
    fresh.close(keep=False)


def test_a_folder_that_others_may_write_to_holds_no_journal(journals: Path) -> None:
    journals.mkdir(mode=0o755)
    assert journal("x") is None
