"""The small functions of ``mox.file``, and names and paths that make trouble."""

from __future__ import annotations

import os
import time
from pathlib import Path
from threading import Thread

import pytest

import moxing as mox
from tests.moxing.conftest import Where


def test_read_and_write(where: Where) -> None:
    mox.file.write(where / "t", "ünï")
    assert mox.file.read(where / "t") == "ünï"
    assert mox.file.read(where / "t", binary=True) == "ünï".encode()
    mox.file.write(where / "b", b"\x00\xff", binary=True)
    assert mox.file.read(where / "b", binary=True, client_id="1", exist_check=True) == b"\x00\xff"
    mox.file.write(where / "b", "over")
    assert where.content("b") == b"over"


def test_large_reads_and_writes(where: Where) -> None:
    data = os.urandom(20 << 20)
    mox.file.write(where / "big", data, binary=True)
    assert where.content("big") == data
    assert mox.file.read(where / "big", binary=True) == data


def test_append(where: Where) -> None:
    for word in ("a", "b", "c"):
        mox.file.append(where / "t", word)
    mox.file.append(where / "t", b"\xff", binary=True)
    assert where.content("t") == b"abc\xff"


def test_append_to_something_large(bucket: Where) -> None:
    data = os.urandom(9 << 20)
    url = bucket.put("x", data)
    mox.file.append(url, b"end", binary=True)
    assert bucket.content("x") == data + b"end"


def test_what_many_append_is_all_there(bucket: Where) -> None:
    lines = [f"line {i}\n" for i in range(12)]
    threads = [Thread(target=mox.file.append, args=(bucket / "log", line)) for line in lines]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(mox.file.read(bucket / "log").splitlines(keepends=True)) == sorted(lines)


def test_append_remote(where: Where) -> None:
    where.put("a", b"first")
    where.put("b", b"second")
    mox.file.append_remote(where / "a", where / "b")
    mox.file.append_remote(where / "a", where / "c")
    assert where.content("b") == b"secondfirst"
    assert where.content("c") == b"first"
    with pytest.raises(FileNotFoundError):
        mox.file.append_remote(where / "nothing", where / "b")


def test_exists_and_is_directory(where: Where) -> None:
    where.put("d/x", b"1")
    for name, there, directory in [("d", 1, 1), ("d/", 1, 1), ("d/x", 1, 0), ("d/y", 0, 0), ("e", 0, 0)]:
        assert mox.file.exists(where / name) is bool(there), name
        assert mox.file.is_directory(where / name) is bool(directory), name
    assert mox.file.exists(where.base)


def test_a_name_that_begins_another_is_no_directory(where: Where) -> None:
    where.put("data-2/x", b"")
    assert not mox.file.exists(where / "data")
    assert not mox.file.is_directory(where / "data")


def test_get_size(where: Where) -> None:
    where.put("d/a", b"12345")
    where.put("d/e/b", b"123")
    assert mox.file.get_size(where / "d/a") == 5
    assert mox.file.get_size(where / "d", recursive=True) == 8
    assert mox.file.get_size(where / "d") == (8 if where.kind == "local" else 0)
    with pytest.raises(mox.file.MoxFileNotExistsException):
        mox.file.get_size(where / "not")


def test_stat(where: Where) -> None:
    before = time.time()
    where.put("d/a", b"12345")
    found = mox.file.stat(where / "d/a")
    assert (found.length, found.is_directory) == (5, False)
    assert abs(found.mtime_nsec / 1e9 - before) < 60
    assert (found.st_size, found[6]) == (5, 5)
    assert mox.file.stat(where / "d").is_directory
    with pytest.raises(mox.file.MoxFileNotExistsException) as caught:
        mox.file.stat(where / "not")
    assert caught.value.filename == where / "not"


def test_make_dirs(where: Where) -> None:
    mox.file.make_dirs(where / "a/b/c")
    mox.file.make_dirs(where / "a/b/c")
    assert mox.file.is_directory(where / "a/b/c")
    assert mox.file.is_directory(where / "a/b")
    assert mox.file.list_directory(where / "a/b/c") == []
    mox.file.write(where / "a/b/c/x", "1")
    assert mox.file.list_directory(where / "a/b/c") == ["x"]


def test_mk_dir_wants_a_parent(where: Where) -> None:
    with pytest.raises(OSError, match="No such file"):
        mox.file.mk_dir(where / "a/b")
    mox.file.make_dirs(where / "a")
    mox.file.mk_dir(where / "a/b")
    assert mox.file.is_directory(where / "a/b")


def test_a_directory_over_a_file(where: Where) -> None:
    where.put("x", b"1")
    if where.kind == "s3":
        return
    with pytest.raises(FileExistsError):
        mox.file.make_dirs(where / "x")


def test_remove_a_file(where: Where) -> None:
    where.put("d/x", b"1")
    where.put("d/y", b"1")
    mox.file.remove(where / "d/x")
    mox.file.remove(where / "d/y", recursive=True)
    assert where.names() == []


def test_remove_a_directory(where: Where) -> None:
    where.put("d/x", b"1")
    where.put("d/e/y", b"1")
    where.put("d2/z", b"1")
    mox.file.remove(where / "d", recursive=True)
    assert not mox.file.exists(where / "d")
    assert where.names() == ["d2/z"]


def test_remove_does_nothing_where_moxing_does_nothing(
    bucket: Where, capsys: pytest.CaptureFixture[str]
) -> None:
    bucket.put("d/x", b"1")
    bucket.put("f", b"1")
    for name, recursive in [("d", False), ("d/", False), ("f/", False), ("f/", True), ("not", True)]:
        mox.file.remove(bucket / name, recursive=recursive)
        assert "nothing was removed" in capsys.readouterr().err
    assert bucket.names() == ["d/x", "f"]


def test_remove_of_a_missing_local_file_raises(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        mox.file.remove(str(tmp_path / "not"))
    with pytest.raises(FileNotFoundError):
        mox.file.remove(str(tmp_path / "not"), recursive=True)


def test_a_whole_bucket_is_not_removed(bucket: Where) -> None:
    bucket.put("x", b"1")
    assert bucket.served is not None
    with pytest.raises(ValueError, match="whole bucket"):
        mox.file.remove(f"obs://{bucket.served.bucket}/", recursive=True)
    assert bucket.content("x") == b"1"


NAMES = [
    "with space",
    "ünïcode 数据 🎉",
    "a+b&c=d?e#f%20",
    "-dash",
    ".hidden",
    "q'uote\"s",
    "back\\slash",
    "~",
    "*",
]


@pytest.mark.parametrize("name", NAMES)
def test_odd_names(where: Where, name: str) -> None:
    if where.kind == "s3" and "\\" in name:
        pytest.skip("SeaweedFS takes a backslash for a slash")
    mox.file.make_dirs(where / name)
    mox.file.write(where / f"{name}/{name}", name)
    assert mox.file.read(where / f"{name}/{name}") == name
    assert mox.file.list_directory(where.base, recursive=True) == [name, f"{name}/{name}"]
    assert mox.file.exists(where / name)
    mox.file.remove(where / name, recursive=True)
    assert not mox.file.exists(where / name)


def test_a_key_of_1024_bytes(bucket: Where) -> None:
    room = 1024 - len(bucket.base.partition("://")[2].partition("/")[2]) - 1
    name = "/".join(["d" * 200] * 4)
    name += "/" + "x" * (room - len(name) - 1)
    mox.file.write(bucket / name, "1")
    assert mox.file.read(bucket / name) == "1"
    with pytest.raises(ValueError, match="1024 at most"):
        mox.file.write(bucket / (name + "x"), "1")


@pytest.mark.parametrize("name", ["../x", "a/../../x", "a/.."])
def test_dots_lead_nowhere(bucket: Where, name: str) -> None:
    with pytest.raises(ValueError, match="not allowed"):
        mox.file.write(bucket / name, "x")


def test_slashes_that_scripts_double_are_one(bucket: Where) -> None:
    mox.file.write(bucket / "/a//b/./c", "1")
    assert bucket.names() == ["a/b/c"]
    assert mox.file.list_directory(bucket / "a/.") == ["b"]


def test_schemes_and_kinds_of_paths(bucket: Where) -> None:
    bucket.put("a/b", b"1")
    rest = bucket.base.partition("://")[2]
    for url in (f"obs://{rest}/a/b", f"s3://{rest}/a/b", f"S3://{rest}/a/b", f"OBS://{rest}/a/b"):
        assert mox.file.read(url) == "1"
    assert mox.file.read(Path(f"obs://{rest}/a/b")) == "1"
    assert mox.file.read(f"obs://{rest}/a/b".encode()) == "1"


def test_other_kinds_of_local_paths(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("1")
    for path in (tmp_path / "x", str(tmp_path / "x"), os.fsencode(tmp_path / "x"), f"file://{tmp_path}/x"):
        assert mox.file.read(path) == "1"


def test_a_bucket_that_is_not_there(bucket: Where) -> None:
    for call in (mox.file.exists, mox.file.read, mox.file.list_directory):
        with pytest.raises(mox.file.MoxFileNotExistsException, match="no bucket"):
            call("obs://not-there/x")


def test_keys_that_may_only_read(bucket: Where, request: pytest.FixtureRequest) -> None:
    if bucket.kind != "s3":
        return
    from tests.servers.seaweedfs import READ_ONLY_ACCESS_KEY, READ_ONLY_SECRET_KEY

    endpoint = request.getfixturevalue("seaweedfs").endpoint
    bucket.put("x", b"1")
    from moxing.framework.file import _auth

    try:
        mox.file.set_auth(ak=READ_ONLY_ACCESS_KEY, sk=READ_ONLY_SECRET_KEY, server=endpoint)
        assert mox.file.read(bucket / "x") == "1"
        with pytest.raises(mox.file.MoxFileRespException) as caught:
            mox.file.write(bucket / "y", "1")
        assert caught.value.resp.status == 403
        assert isinstance(caught.value, PermissionError)
        mox.file.set_auth(sk="wrong")
        with pytest.raises(PermissionError):
            mox.file.read(bucket / "x")
    finally:
        _auth._given.clear()
    assert mox.file.read(bucket / "x") == "1"
