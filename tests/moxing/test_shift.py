"""``shift('os', 'mox')``: Python's own functions take bucket paths, and are themselves again afterwards."""

from __future__ import annotations

import builtins
import glob
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

import moxing as mox
from tests.moxing.conftest import Where

REPLACED = [
    (builtins, ["open"]),
    (os, ["listdir", "makedirs", "mkdir", "remove", "rename", "scandir", "stat", "walk"]),
    (os.path, ["exists", "getsize", "isdir"]),
    (glob, ["glob"]),
    (shutil, ["copyfile", "copytree", "rmtree"]),
]


@pytest.fixture
def shifted() -> Iterator[None]:
    mox.file.shift("os", "mox")
    yield
    mox.file.shift("mox", "os")


def _functions() -> dict[str, object]:
    return {f"{m.__name__}.{n}": getattr(m, n) for m, names in REPLACED for n in names}


def test_everything_is_replaced_and_put_back() -> None:
    before = _functions()
    supported = set(os.supports_fd), set(os.supports_dir_fd), set(os.supports_follow_symlinks)
    mox.file.shift("os", "mox")
    mox.file.shift("os", "mox")
    during = _functions()
    mox.file.shift("mox", "os")
    mox.file.shift("mox", "os")
    assert all(before[name] is not during[name] for name in before)
    assert _functions() == before
    assert supported == (os.supports_fd, os.supports_dir_fd, os.supports_follow_symlinks)


def test_other_words_are_refused() -> None:
    for words in (("os", "os"), ("mox", "tf"), ("", "")):
        with pytest.raises(ValueError, match="shift knows"):
            mox.file.shift(*words)


def test_a_replacement_that_was_kept_is_harmless_afterwards(tmp_path: Path) -> None:
    mox.file.shift("os", "mox")
    kept = os.listdir
    mox.file.shift("mox", "os")
    (tmp_path / "x").touch()
    assert kept(tmp_path) == ["x"]
    with pytest.raises(FileNotFoundError):
        kept("obs://files/x")


def test_what_others_replaced_meanwhile_is_left_alone(capsys: pytest.CaptureFixture[str]) -> None:
    before = os.listdir
    mox.file.shift("os", "mox")
    ours = os.listdir
    os.listdir = lambda path=".": ours(path)
    try:
        mox.file.shift("mox", "os")
        assert "left alone" in capsys.readouterr().err
        assert os.listdir(".")
    finally:
        os.listdir = before


def test_the_functions_of_python_on_a_bucket(shifted: None, bucket: Where, tmp_path: Path) -> None:
    os.makedirs(bucket / "d/e")
    os.makedirs(bucket / "d/e", exist_ok=True)
    os.mkdir(bucket / "d/f")
    with open(bucket / "d/x.txt", "w", encoding="utf-8") as f:
        f.write("1\n2\n")
    with open(bucket / "d/x.txt") as f:
        assert [int(line) for line in f] == [1, 2]
    with open(bucket / "d/b", mode="wb") as f:
        f.write(b"\x00")
    assert sorted(os.listdir(bucket / "d")) == ["b", "e", "f", "x.txt"]
    assert os.path.exists(bucket / "d/b")
    assert os.path.isdir(bucket / "d")
    assert os.path.isfile(bucket / "d/b")
    assert not os.path.isfile(bucket / "d")
    assert os.path.getsize(bucket / "d/x.txt") == 4
    assert os.stat(bucket / "d/x.txt").st_size == 4
    assert sorted(e.name for e in os.scandir(bucket / "d") if e.is_file()) == ["b", "x.txt"]
    assert sorted(next(os.walk(bucket / "d"))[2]) == ["b", "x.txt"]
    assert glob.glob(bucket / "d/*.txt") == [bucket / "d/x.txt"]
    os.rename(bucket / "d/b", bucket / "d/c")
    os.remove(bucket / "d/c")
    assert shutil.copyfile(bucket / "d/x.txt", tmp_path / "x") == tmp_path / "x"
    assert (tmp_path / "x").read_text() == "1\n2\n"
    shutil.copy(tmp_path / "x", tmp_path / "y")
    shutil.copyfile(str(tmp_path / "y"), bucket / "y")
    shutil.copytree(bucket / "d", str(tmp_path / "tree"))
    assert (tmp_path / "tree/x.txt").exists()
    shutil.copytree(str(tmp_path / "tree"), bucket / "copy")
    shutil.rmtree(bucket / "d")
    assert not os.path.exists(bucket / "d")
    with pytest.raises(FileNotFoundError):
        open(bucket / "not")
    with pytest.raises(ValueError, match="ignore"):
        shutil.copytree(bucket / "copy", bucket / "copy2", ignore=shutil.ignore_patterns("*"))
    shutil.rmtree(bucket / "not there", ignore_errors=True)


def test_local_files_are_as_before(shifted: None, tmp_path: Path) -> None:
    os.makedirs(tmp_path / "a/b", exist_ok=True)
    with pytest.raises(FileExistsError):
        os.makedirs(tmp_path / "a/b")
    fd = os.open(tmp_path / "f", os.O_CREAT | os.O_RDWR)
    with open(fd, "w") as f:
        f.write("x")
    directory = os.open(tmp_path, os.O_RDONLY)
    assert os.stat("f", dir_fd=directory).st_size == 1
    assert sorted(os.listdir(directory)) == ["a", "f"]
    os.close(directory)
    assert os.listdir(os.fsencode(tmp_path / "a")) == [b"b"]
    assert os.listdir() == os.listdir(".")
    assert os.path.exists(0)
    assert isinstance(os.stat(tmp_path), os.stat_result)
    shutil.copy2(tmp_path / "f", tmp_path / "g")
    (tmp_path / "link").symlink_to("f")
    shutil.copystat(tmp_path / "link", tmp_path / "g", follow_symlinks=False)
    shutil.copytree(tmp_path / "a", tmp_path / "c", symlinks=True, dirs_exist_ok=True)
    with tempfile.TemporaryDirectory(dir=tmp_path) as name:
        Path(name, "x").write_text("x")
    shutil.rmtree(tmp_path / "a")
    with os.scandir(tmp_path) as entries:
        assert sorted(e.name for e in entries) == ["c", "f", "g", "link"]
    assert (
        subprocess.run([sys.executable, "-c", "print(1)"], capture_output=True, check=True).stdout == b"1\n"
    )


def test_shifting_while_threads_work(bucket: Where, tmp_path: Path) -> None:
    bucket.put("x", b"remote")
    (tmp_path / "x").write_text("local")
    over = threading.Event()
    wrong: list[BaseException] = []

    def local() -> None:
        try:
            while not over.is_set():
                with open(tmp_path / "x") as f:
                    assert f.read() == "local"
                assert os.listdir(tmp_path) == ["x"]
                assert os.path.getsize(tmp_path / "x") == 5
        except BaseException as error:
            wrong.append(error)

    def remote() -> None:
        try:
            while not over.is_set():
                assert mox.file.read(bucket / "x") == "remote"
        except BaseException as error:
            wrong.append(error)

    threads = [threading.Thread(target=each) for each in (local, local, remote)]
    for thread in threads:
        thread.start()
    for _ in range(200):
        mox.file.shift("os", "mox")
        assert os.path.exists(bucket.base + "/x") or wrong
        mox.file.shift("mox", "os")
        assert not os.path.exists(bucket.base + "/x")
    over.set()
    for thread in threads:
        thread.join()
    assert not wrong
