"""Ten jobs on one data set download it once."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers.proxy import Proxy
from tests.servers.seaweedfs import SeaweedFS
from tests.storage.conftest import BUCKET
from trainshed.storage import Buckets, CopyOptions, ObjectCache


@pytest.fixture
def proxy(seaweedfs: SeaweedFS) -> Iterator[Proxy]:
    with Proxy(seaweedfs.port) as proxy:
        yield proxy


@pytest.fixture
def buckets(proxy: Proxy, seaweedfs: SeaweedFS) -> Iterator[Buckets]:
    buckets = Buckets({BUCKET: seaweedfs.bucket_settings(endpoint=proxy.endpoint)})
    yield buckets
    buckets.close()


@pytest.fixture
def uri(buckets: Buckets, tmp_path: Path) -> str:
    uri = f"s3://{BUCKET}/cache{os.urandom(6).hex()}/"
    for i in range(10):
        buckets.write(f"{uri}d{i % 2}/{i}", os.urandom(10_000))
    (tmp_path / "large").write_bytes(os.urandom(33 << 20))
    buckets.upload(tmp_path / "large", uri + "large")
    return uri


def _objects_read(proxy: Proxy) -> int:
    return sum(h.startswith(b"GET") and b"?" not in h.split(b"\r\n")[0] for h in proxy.heads)


def test_ten_jobs_at_once_download_once(proxy: Proxy, buckets: Buckets, uri: str, tmp_path: Path) -> None:
    proxy.heads.clear()
    wrong: list[BaseException] = []

    def job(index: int) -> None:
        try:
            options = CopyOptions(cache=ObjectCache(tmp_path / "cache"))
            assert buckets.download(uri, tmp_path / f"job{index}", options=options).files == 11
        except BaseException as error:
            wrong.append(error)

    jobs = [threading.Thread(target=job, args=(i,)) for i in range(10)]
    for each in jobs:
        each.start()
    for each in jobs:
        each.join()
    assert wrong == []
    assert _objects_read(proxy) == 13  # ten small ones, and three parts of the large one
    want = {
        str(p.relative_to(tmp_path / "job0")): p.read_bytes()
        for p in (tmp_path / "job0").rglob("?*")
        if p.is_file()
    }
    assert len(want) == 11
    for i in range(1, 10):
        for name, content in want.items():
            assert (tmp_path / f"job{i}" / name).read_bytes() == content


def test_a_script_may_write_to_its_inputs(buckets: Buckets, uri: str, tmp_path: Path) -> None:
    cache = ObjectCache(tmp_path / "cache")
    buckets.download(uri, tmp_path / "one", options=CopyOptions(cache=cache))
    (tmp_path / "one/d0/0").write_bytes(b"spoiled")
    buckets.download(uri, tmp_path / "two", options=CopyOptions(cache=cache))
    assert cache.hits == 11
    assert (tmp_path / "two/d0/0").read_bytes() == buckets.read(uri + "d0/0")


def test_a_changed_object_is_downloaded(buckets: Buckets, uri: str, tmp_path: Path) -> None:
    options = CopyOptions(cache=ObjectCache(tmp_path / "cache"))
    buckets.download(uri, tmp_path / "one", options=options)
    buckets.write(uri + "d0/0", b"now something else")
    buckets.download(uri, tmp_path / "two", options=options)
    assert (tmp_path / "two/d0/0").read_bytes() == b"now something else"


def test_the_same_content_elsewhere_is_one_entry(buckets: Buckets, uri: str, tmp_path: Path) -> None:
    cache = ObjectCache(tmp_path / "cache")
    buckets.write(uri + "twin/a", b"content")
    buckets.download(uri + "twin/", tmp_path / "one", options=CopyOptions(cache=cache))
    buckets.write(uri + "other/b", b"content")
    buckets.download(uri + "other/", tmp_path / "two", options=CopyOptions(cache=cache))
    assert cache.hits == 1
    assert (tmp_path / "two/b").read_bytes() == b"content"


def test_an_entry_that_is_damaged_is_not_used(buckets: Buckets, uri: str, tmp_path: Path) -> None:
    options = CopyOptions(cache=ObjectCache(tmp_path / "cache"))
    buckets.download(uri, tmp_path / "one", options=options)
    for entry in (tmp_path / "cache/objects").rglob("*"):
        if entry.is_file():
            os.truncate(entry, 5)
    buckets.download(uri, tmp_path / "two", options=options)
    assert (tmp_path / "two/large").read_bytes() == (tmp_path / "large").read_bytes()


def test_it_stays_within_its_bounds(buckets: Buckets, uri: str, tmp_path: Path) -> None:
    cache = ObjectCache(tmp_path / "cache", max_bytes=60_000)
    buckets.download(uri, tmp_path / "one", options=CopyOptions(cache=cache))
    kept = [p for p in (tmp_path / "cache/objects").rglob("*") if p.is_file()]
    assert 0 < sum(p.stat().st_blocks * 512 for p in kept) <= 60_000
    assert all(p.stat().st_size == 10_000 for p in kept)
