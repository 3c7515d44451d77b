"""Full disks, used-up inodes, permissions: named as what they are."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.storage.conftest import Place
from trainshed.core.errors import Code, Conflict, Unavailable
from trainshed.storage import Buckets, CopyOptions
from trainshed.storage.base import run_alone
from trainshed.storage.faults import check_space

Small = Callable[[str], Path]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Small]:
    """Mounts small file systems; only where we may."""
    mounted: list[Path] = []

    def make(options: str) -> Path:
        where = tmp_path / f"disk{len(mounted)}"
        where.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", options, "none", str(where)]
        if os.geteuid() != 0 or subprocess.run(command, capture_output=True, check=False).returncode:
            pytest.skip("a small file system needs the right to mount")
        mounted.append(where)
        return where

    yield make
    for where in mounted:
        subprocess.run(["umount", "-l", str(where)], check=True)


def test_a_download_that_does_not_fit_is_not_begun(place: Place, small_disk: Small) -> None:
    disk = small_disk("size=1m")
    place.buckets.write(place.uri + "a", bytes(600_000))
    place.buckets.write(place.uri + "b", bytes(600_000))
    with pytest.raises(Unavailable, match="do not fit") as caught:
        place.buckets.download(place.uri, disk)
    assert caught.value.code == Code.DISK_FULL
    assert list(disk.iterdir()) == []


def test_more_than_the_flavor_gives_is_not_begun(place: Place, tmp_path: Path) -> None:
    for name in "ab":
        place.buckets.write(place.uri + name, bytes(600_000))
    with pytest.raises(Unavailable, match="flavor with a larger disk") as caught:
        place.buckets.download(place.uri, tmp_path / "in", options=CopyOptions(room=1_000_000))
    assert caught.value.code == Code.DISK_FULL
    assert not any((tmp_path / "in").glob("*"))
    report = place.buckets.download(place.uri, tmp_path / "in", options=CopyOptions(room=1_200_000))
    assert report.files == 2


def test_too_many_files_for_the_inodes(place: Place, small_disk: Small) -> None:
    disk = small_disk("size=10m,nr_inodes=8")
    for i in range(20):
        place.buckets.write(f"{place.uri}{i}", b"1")
    with pytest.raises(Unavailable, match="inodes") as caught:
        place.buckets.download(place.uri, disk)
    assert caught.value.code == Code.INODES_EXHAUSTED
    assert list(disk.iterdir()) == []


def test_a_disk_that_fills_on_the_way(place: Place, small_disk: Small, tmp_path: Path) -> None:
    disk = small_disk("size=3m")
    place.buckets.write(place.uri + "a", bytes(2 << 20))
    store, key = place.buckets.resolve(place.uri + "a")
    (disk / "other").write_bytes(bytes(2 << 20))
    info = store.stat(key)
    with pytest.raises(Unavailable) as caught:
        run_alone(store.downloading(info, str(disk / "a")))
    assert caught.value.code == Code.DISK_FULL
    assert sorted(p.name for p in disk.iterdir()) == ["other"]


def test_a_bucket_on_a_full_disk(small_disk: Small, tmp_path: Path) -> None:
    disk = small_disk("size=1m")
    buckets = Buckets({"full": {"kind": "folder", "path": str(disk)}})
    (tmp_path / "src").mkdir()
    (tmp_path / "src/x").write_bytes(bytes(2 << 20))
    for attempt in (
        lambda: buckets.write("obs://full/x", bytes(2 << 20)),
        lambda: buckets.upload(tmp_path / "src", "obs://full/y"),
    ):
        with pytest.raises(Unavailable) as caught:
            attempt()
        assert caught.value.code == Code.DISK_FULL
    assert [p for p in disk.rglob("*") if p.is_file()] == []


def test_the_look_at_the_disk(tmp_path: Path) -> None:
    check_space(tmp_path / "not/there/yet", 1, 1)
    with pytest.raises(Unavailable, match="GiB do not fit"):
        check_space(tmp_path, 1 << 60, 1)


def test_a_file_in_the_way(tmp_path: Path) -> None:
    buckets = Buckets({"b1": {"kind": "folder", "path": str(tmp_path / "bucket")}})
    buckets.write("obs://b1/a/b", b"1")
    (tmp_path / "out").mkdir()
    (tmp_path / "out/a").write_bytes(b"a file where a directory should be")
    with pytest.raises(Conflict, match="both a file and a directory") as caught:
        buckets.download("obs://b1/", tmp_path / "out")
    assert caught.value.code == Code.FILE_AND_DIRECTORY
