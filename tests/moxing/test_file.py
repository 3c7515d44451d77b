"""``mox.file.File`` as a person uses it, on local paths and in buckets."""

from __future__ import annotations

import csv
import gc
import io
import json
import logging
import os
import pickle
import zipfile

import numpy as np
import pytest

import moxing as mox
from moxing.framework.file._spool import IN_MEMORY
from tests.moxing.conftest import Where

LARGE = IN_MEMORY + 12345


def test_text_is_written_and_read(where: Where) -> None:
    with mox.file.File(where / "a.txt", "w") as f:
        assert f.write("héllo\n") == 6
        f.writelines(["wörld\n", "数据"])
    assert where.content("a.txt") == "héllo\nwörld\n数据".encode()
    with mox.file.File(where / "a.txt", "r") as f:
        assert f.readline() == "héllo\n"
        assert f.read(3) == "wör"
        assert f.readlines() == ["ld\n", "数据"]
        assert f.read() == ""


def test_iteration_gives_lines(where: Where) -> None:
    where.put("lines", b"1\n2\n3")
    with mox.file.File(where / "lines") as f:
        assert list(f) == ["1\n", "2\n", "3"]
    with mox.file.File(where / "lines", "rb") as f:
        assert f.next() == b"1\n"
        assert next(f) == b"2\n"


@pytest.mark.parametrize("mode", ["rb", "br", "rb+", "br+", "r+b"])
def test_modes_may_be_written_in_any_order(where: Where, mode: str) -> None:
    where.put("x", b"abc")
    with mox.file.File(where / "x", mode) as f:
        assert f.mode == mode
        assert f.read() == b"abc"
        assert f.readable()
        assert f.writable() == ("+" in mode)


@pytest.mark.parametrize("mode", ["", "b", "rw", "z", "rbt", "w+r"])
def test_a_wrong_mode_is_refused(where: Where, mode: str) -> None:
    with pytest.raises(ValueError, match="mode"):
        mox.file.File(where / "x", mode)


def test_seek_tell_and_size(where: Where) -> None:
    where.put("x", bytes(range(256)) * 10)
    with mox.file.File(where / "x", "rb") as f:
        assert f.seekable()
        assert f.size() == 2560
        assert f.seek(-6, 2) == 2554
        assert f.read() == bytes(range(250, 256))
        assert f.seek(10) == 10
        assert f.read(2) == b"\x0a\x0b"
        assert f.tell() == 12
        assert f.seek(5, 1) == 17
        assert f.read(1) == b"\x11"
        with pytest.raises((OSError, ValueError)):
            f.seek(-1)
        assert f.seek(99999) == 99999
        assert f.read() == b""


def test_large_content_goes_through_a_file(where: Where) -> None:
    data = os.urandom(LARGE)
    with mox.file.File(where / "big", "wb") as f:
        for i in range(0, LARGE, 1 << 20):
            f.write(data[i : i + (1 << 20)])
        assert f.size() == LARGE
        assert f.tell() == LARGE
    assert where.content("big") == data
    with mox.file.File(where / "big", "rb") as f:
        assert f.read() == data
        f.seek(LARGE - 3)
        assert f.read(10) == data[-3:]
        f.seek(100)
        assert f.read(5_000_000) == data[100:5_000_100]
        f.seek(7)
        buffer = bytearray(1000)
        assert f.readinto(buffer) == 1000
        assert buffer == data[7:1007]


def test_append_adds_and_tells_where(where: Where) -> None:
    where.put("log", b"one\n")
    with mox.file.File(where / "log", "a") as f:
        f.write("two\n")
        assert f.size() == 8
    with mox.file.File(where / "log", "ab") as f:
        f.write(b"three\n")
        assert f.tell() == 14
    assert where.content("log") == b"one\ntwo\nthree\n"


def test_append_makes_the_file(where: Where) -> None:
    with mox.file.File(where / "new", "a"):
        pass
    assert where.content("new") == b""


def test_append_plus_reads_what_was_there(where: Where) -> None:
    where.put("x", b"begin ")
    with mox.file.File(where / "x", "a+") as f:
        assert f.read() == ""
        f.seek(0)
        assert f.read() == "begin "
        f.seek(0)
        f.write("end")
    assert where.content("x") == b"begin end"


def test_read_plus_changes_in_place(where: Where) -> None:
    where.put("x", b"0123456789")
    with mox.file.File(where / "x", "rb+") as f:
        f.seek(3)
        f.write(b"abc")
        f.seek(0)
        assert f.read() == b"012abc6789"
        f.truncate(8)
    assert where.content("x") == b"012abc67"


def test_read_plus_leaves_what_it_did_not_touch(bucket: Where) -> None:
    url = bucket.put("x", b"same")
    before = mox.file.stat(url).mtime_nsec
    with mox.file.File(url, "r+") as f:
        assert f.read() == "same"
    assert mox.file.stat(url).mtime_nsec == before


def test_write_plus_reads_back(where: Where) -> None:
    where.put("x", b"old")
    with mox.file.File(where / "x", "w+") as f:
        assert f.read() == ""
        f.write("new")
        f.seek(0)
        assert f.read() == "new"
    assert where.content("x") == b"new"


def test_exclusive_refuses_what_is_there(where: Where) -> None:
    with mox.file.File(where / "x", "x") as f:
        f.write("1")
    with pytest.raises(FileExistsError):
        mox.file.File(where / "x", "x")


def test_empty_files(where: Where) -> None:
    with mox.file.File(where / "empty", "w"):
        pass
    assert where.content("empty") == b""
    with mox.file.File(where / "empty") as f:
        assert f.read() == ""
        assert f.size() == 0
        assert list(f) == []


@pytest.mark.parametrize("mode", ["r", "rb", "r+"])
def test_a_missing_file_is_said_to_be_missing(where: Where, mode: str) -> None:
    with pytest.raises(FileNotFoundError):
        mox.file.File(where / "not there", mode)


def test_a_directory_is_no_file(where: Where) -> None:
    where.put("d/x", b"")
    for mode in ("r", "a", "r+"):
        with pytest.raises(IsADirectoryError):
            mox.file.File(where / "d", mode)


def test_flush_makes_visible(where: Where) -> None:
    with mox.file.File(where / "log", "w") as f:
        for line in ("a\n", "b\n"):
            f.write(line)
            f.flush()
            assert mox.file.read(where / "log").endswith(line)
    assert where.content("log") == b"a\nb\n"


def test_readers_see_the_old_until_it_is_whole(bucket: Where) -> None:
    url = bucket.put("x", b"old")
    with mox.file.File(url, "w") as f:
        f.write("new")
        assert bucket.content("x") == b"old"
    assert bucket.content("x") == b"new"


def test_closed_is_closed(where: Where) -> None:
    f = mox.file.File(where / "x", "w")
    assert not f.closed
    f.close()
    f.close()
    assert f.closed
    with pytest.raises(ValueError, match="closed"):
        f.write("x")


def test_a_forgotten_file_is_saved(where: Where) -> None:
    f = mox.file.File(where / "x", "w")
    f.write("kept")
    del f
    gc.collect()
    assert where.content("x") == b"kept"


def test_wrong_use_is_refused_as_python_does(where: Where) -> None:
    where.put("x", b"x")
    with mox.file.File(where / "x") as f, pytest.raises(io.UnsupportedOperation):
        f.write("x")
    with mox.file.File(where / "y", "w") as f, pytest.raises((io.UnsupportedOperation, OSError)):
        f.read()
    with mox.file.File(where / "y", "wb") as f, pytest.raises(TypeError):
        f.write("text")
    with pytest.raises(ValueError, match="encoding"):
        mox.file.File(where / "y", "rb", encoding="utf-8")


def test_encoding_is_utf8_unless_said(where: Where) -> None:
    where.put("x", "é".encode("latin-1"))
    with mox.file.File(where / "x", encoding="latin-1") as f:
        assert f.read() == "é"
        assert f.encoding == "latin-1"
    with mox.file.File(where / "x") as f, pytest.raises(UnicodeDecodeError):
        f.read()


def test_libraries_take_it_for_a_file(where: Where) -> None:
    with mox.file.File(where / "j", "w") as f:
        json.dump({"a": [1]}, f)
    with mox.file.File(where / "j") as f:
        assert json.load(f) == {"a": [1]}
    with mox.file.File(where / "c", "w", newline="") as f:
        csv.writer(f).writerow(["x", "y z"])
    with mox.file.File(where / "c", newline="") as f:
        assert list(csv.reader(f)) == [["x", "y z"]]
    with mox.file.File(where / "p", "wb") as f:
        pickle.dump(list(range(1000)), f)
    with mox.file.File(where / "p", "rb") as f:
        assert pickle.load(f) == list(range(1000))
    with mox.file.File(where / "n", "wb") as f:
        np.save(f, np.arange(10_000))
    with mox.file.File(where / "n", "rb") as f:
        assert np.load(f).sum() == sum(range(10_000))
    with mox.file.File(where / "z", "wb") as f, zipfile.ZipFile(f, "w") as archive:
        archive.writestr("inside.txt", "zip")
    with mox.file.File(where / "z", "rb") as f, zipfile.ZipFile(f) as archive:
        assert archive.read("inside.txt") == b"zip"
    with mox.file.File(where / "j", "rb") as f, io.TextIOWrapper(f, "utf-8") as text:
        assert text.read() == '{"a": [1]}'


def test_logging_goes_to_a_bucket(where: Where) -> None:
    stream = mox.file.File(where / "train.log", "w")
    handler = logging.StreamHandler(stream)
    logger = logging.Logger("to-bucket")
    logger.addHandler(handler)
    logger.warning("first")
    assert where.content("train.log") == b"first\n"
    logger.warning("second")
    stream.close()
    assert where.content("train.log") == b"first\nsecond\n"


def test_an_object_has_no_descriptor(bucket: Where) -> None:
    url = bucket.put("x", b"x")
    with mox.file.File(url, "rb") as f:
        with pytest.raises(io.UnsupportedOperation):
            f.fileno()
        assert not f.isatty()
        assert "moxing" in repr(f)


def test_what_is_read_is_one_version(bucket: Where) -> None:
    old = os.urandom(20 << 20)
    url = bucket.put("x", old)
    with mox.file.File(url, "rb") as f:
        first = f.read(10)
        bucket.put("x", os.urandom(20 << 20))
        if bucket.kind == "folder":  # the open file is still the old one
            assert first + f.read() == old
            return
        with pytest.raises(mox.file.MoxFileReadException, match="changed") as caught:
            f.read()
        assert caught.value.resp.status >= 300


def test_a_fork_reads_on_its_own(bucket: Where) -> None:
    data = os.urandom(5 << 20)
    url = bucket.put("x", data)
    with mox.file.File(url, "rb") as f:
        assert f.read(100) == data[:100]
        child = os.fork()
        if child == 0:
            ok = mox.file.read(url, binary=True) == data
            if bucket.kind == "s3":
                ok = ok and f.read() == data[100:]
            os._exit(0 if ok else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        if bucket.kind == "s3":
            assert f.read() == data[100:]


def test_a_fork_does_not_save_its_parents_files(bucket: Where) -> None:
    f = mox.file.File(bucket / "x", "w")
    f.write("parent")
    child = os.fork()
    if child == 0:
        f.__del__()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    assert bucket.names() == []
    f.close()
    assert bucket.content("x") == b"parent"
