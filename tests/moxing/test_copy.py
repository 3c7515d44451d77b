"""``copy``, ``copy_parallel`` and ``rename``: from anywhere to anywhere, whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import moxing as mox
from tests.moxing.conftest import Where, files_of


def test_a_tree_there_and_back(where: Where, tree: Path, tmp_path: Path) -> None:
    up = mox.file.copy_parallel(str(tree), where / "t")
    assert (up.files, up.bytes) == (6, 6000)
    assert sorted(n for n in where.names() if n != "t/empty/") == sorted(f"t/{n}" for n in files_of(tree))
    down = mox.file.copy_parallel(where / "t/", str(tmp_path / "back"))
    assert (down.files, down.bytes) == (6, 6000)
    assert files_of(tmp_path / "back") == files_of(tree)
    assert (tmp_path / "back/empty").is_dir()
    assert "6 files" in repr(down)


def test_between_two_places(bucket: Where, tree: Path, tmp_path: Path) -> None:
    mox.file.copy_parallel(str(tree), bucket / "t")
    report = mox.file.copy_parallel(bucket / "t", bucket / "u/v")
    assert (report.files, report.bytes) == (6, 6000)
    mox.file.copy_parallel(bucket / "u/v", str(tmp_path / "back"))
    assert files_of(tmp_path / "back") == files_of(tree)


def test_into_what_is_there(where: Where, tree: Path) -> None:
    where.put("t/other", b"stays")
    where.put("t/a.txt", b"goes")
    mox.file.copy_parallel(
        src_url=str(tree), dst_url=where / "t/", threads=0, is_processing=False, use_queue=False
    )
    assert where.content("t/other") == b"stays"
    assert where.content("t/a.txt") == (tree / "a.txt").read_bytes()


def test_only_some(where: Where, tree: Path, tmp_path: Path) -> None:
    mox.file.copy_parallel(str(tree), where / "t", file_list=["a.txt", "b/d"])
    assert sorted(where.names()) == ["t/a.txt", "t/b/d/e"]
    mox.file.copy_parallel(where / "t", str(tmp_path / "back"), file_list=[where / "t/b/d/e"])
    assert list(files_of(tmp_path / "back")) == ["b/d/e"]
    for source, target in [
        (str(tree), where / "u"),
        (where / "t", str(tmp_path / "u")),
        (where / "t", where / "u"),
    ]:
        with pytest.raises(FileNotFoundError):
            mox.file.copy_parallel(source, target, file_list=["not there"])


def test_a_file_to_a_file(where: Where, tmp_path: Path) -> None:
    where.put("x", b"content")
    assert mox.file.copy_parallel(where / "x", str(tmp_path / "deep/er/y")).files == 1
    assert (tmp_path / "deep/er/y").read_bytes() == b"content"
    mox.file.copy_parallel(str(tmp_path / "deep/er/y"), where / "d/z")
    mox.file.copy_parallel(where / "d/z", where / "d/zz")
    assert where.content("d/zz") == b"content"


def test_a_file_into_a_directory(where: Where, tmp_path: Path) -> None:
    where.put("x", b"content")
    (tmp_path / "into").mkdir()
    mox.file.copy(where / "x", str(tmp_path / "into"))
    mox.file.copy(where / "x", str(tmp_path / "new") + "/")
    mox.file.copy(str(tmp_path / "into/x"), where / "d/")
    mox.file.copy(where / "x", where / "e/")
    assert (tmp_path / "into/x").read_bytes() == (tmp_path / "new/x").read_bytes() == b"content"
    assert where.content("d/x") == where.content("e/x") == b"content"


def test_copy_is_for_files(where: Where, tree: Path, tmp_path: Path) -> None:
    mox.file.copy_parallel(str(tree), where / "t")
    for source, target in [
        (where / "t", str(tmp_path / "x")),
        (str(tree), where / "u"),
        (where / "t", where / "u"),
    ]:
        with pytest.raises(IsADirectoryError, match="copy_parallel"):
            mox.file.copy(source, target)
        with pytest.raises(mox.file.MoxFileNotExistsException):
            mox.file.copy(source + "/not", target)


@pytest.mark.parametrize("there", [False, True])
def test_nothing_to_copy_is_no_error_but_a_warning(
    where: Where, there: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if there:
        mox.file.make_dirs(where / "nothing")
        (tmp_path / "nothing").mkdir()
    for source, target in [
        (where / "nothing", str(tmp_path / "to")),
        (str(tmp_path / "nothing"), where / "to"),
        (where / "nothing/", where / "to2"),
    ]:
        report = mox.file.copy_parallel(source, target)
        assert report.files == 0
        assert "nothing was copied" in capsys.readouterr().err
    assert (tmp_path / "to").is_dir()


def test_a_file_and_a_directory_of_one_name(bucket: Where, tmp_path: Path) -> None:
    if bucket.kind == "s3":
        for name in ("t/x", "t/x/y", "t/z"):
            bucket.put(name, b"1")
        with pytest.raises(mox.file.MoxFileNameDuplicateException, match="x"):
            mox.file.copy_parallel(bucket / "t", str(tmp_path / "back"))
        assert not (tmp_path / "back").exists()
    bucket.put("u/x", b"1")
    (tmp_path / "to/x").mkdir(parents=True)
    (tmp_path / "file").touch()
    with pytest.raises(mox.file.MoxFileNameDuplicateException):
        mox.file.copy_parallel(bucket / "u", str(tmp_path / "to"))
    with pytest.raises(mox.file.MoxFileNameDuplicateException):
        mox.file.copy_parallel(bucket / "u", str(tmp_path / "file"))


def test_a_second_copy_moves_only_what_changed(bucket: Where, tree: Path, tmp_path: Path) -> None:
    mox.file.copy_parallel(str(tree), bucket / "t")
    target = tmp_path / "back"
    assert mox.file.copy_parallel(bucket / "t", str(target)).skipped == 0
    assert mox.file.copy_parallel(bucket / "t", str(target)).skipped == 6
    bucket.put("t/a.txt", os.urandom(1000))
    (target / "b/c.bin").write_bytes(os.urandom(1000))
    (target / "b/d/e").unlink()
    report = mox.file.copy_parallel(bucket / "t", str(target))
    assert (report.files, report.skipped) == (6, 3)
    mox.file.copy(bucket / "t/a.txt", str(tmp_path / "a"))
    assert (target / "a.txt").read_bytes() == (tmp_path / "a").read_bytes() == bucket.content("t/a.txt")
    assert files_of(target) == {**files_of(tree), "a.txt": bucket.content("t/a.txt")}


def test_what_was_rewritten_in_the_same_moment_is_copied_again(bucket: Where, tmp_path: Path) -> None:
    for i in range(8):
        (tmp_path / "up").mkdir(exist_ok=True)
        (tmp_path / "up/model").write_bytes(bytes([i]) * 100)
        mox.file.copy_parallel(str(tmp_path / "up"), bucket / "t")
        mox.file.copy_parallel(bucket / "t", str(tmp_path / "down"))
        assert (tmp_path / "down/model").read_bytes() == bytes([i]) * 100


def test_links_are_followed_but_not_in_circles(
    bucket: Where, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path / "tree"
    (tmp_path / "aside").mkdir()
    (tmp_path / "aside/file").write_bytes(b"aside")
    root.mkdir()
    (root / "file").symlink_to(tmp_path / "aside/file")
    (root / "directory").symlink_to(tmp_path / "aside")
    (root / "circle").symlink_to(root)
    (root / "nowhere").symlink_to(tmp_path / "not")
    os.mkfifo(root / "pipe")
    assert mox.file.copy_parallel(str(root), bucket / "t").files == 2
    assert bucket.content("t/file") == bucket.content("t/directory/file") == b"aside"
    told = capsys.readouterr().err
    assert "circle" in told
    assert "pipe" in told


def test_copying_leaves_nothing_half_done(where: Where, tree: Path, tmp_path: Path) -> None:
    mox.file.copy_parallel(str(tree), where / "t")
    mox.file.copy_parallel(where / "t", str(tmp_path / "back"))
    assert not [p for p in tmp_path.rglob(".*") if p.name != ".hidden"]


def test_rename(where: Where, tree: Path, tmp_path: Path) -> None:
    where.put("x", b"1")
    mox.file.rename(where / "x", where / "d/y")
    assert where.names() == ["d/y"]
    mox.file.rename(where / "d/y", str(tmp_path / "aside/z"))
    assert where.names() == []
    mox.file.rename(str(tmp_path / "aside/z"), where / "w")
    assert where.content("w") == b"1"
    assert not (tmp_path / "aside/z").exists()
    before = files_of(tree)
    mox.file.rename(str(tree), where / "t")
    assert not tree.exists()
    mox.file.rename(where / "t", where / "u")
    mox.file.rename(where / "u", str(tree))
    assert files_of(tree) == before
    assert where.names() == ["w"]
    with pytest.raises(FileNotFoundError):
        mox.file.rename(where / "not", where / "there")


def test_rename_replaces(where: Where, tmp_path: Path) -> None:
    where.put("x", b"new")
    where.put("y", b"old")
    mox.file.rename(where / "x", where / "y")
    assert where.content("y") == b"new"
    mox.file.rename(where / "y", where / "y")
    assert where.content("y") == b"new"


def test_a_tree_into_itself_is_refused(bucket: Where) -> None:
    bucket.put("t/x", b"1")
    with pytest.raises(ValueError, match="within each other"):
        mox.file.copy_parallel(bucket / "t", bucket / "t/u")


def test_a_disk_without_room_is_named(bucket: Where, tmp_path: Path) -> None:
    (tmp_path / "huge").mkdir()
    with (tmp_path / "huge/file").open("wb") as f:
        f.truncate(1 << 43)
    if bucket.kind == "folder":
        with pytest.raises(OSError, match=r"full|do not fit"):
            mox.file.copy_parallel(str(tmp_path / "huge"), bucket / "t")
        assert not [n for n in bucket.names() if not n.endswith("/")]
