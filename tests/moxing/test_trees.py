"""Listing, walking, matching and scanning."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import moxing as mox
from tests.moxing.conftest import Where, files_of

FILES = ["a.txt", "b.jpg", "d/a.jpg", "d/e/f.jpg", "d/e/.hidden", "d-2/x", "[x]/y"]


@pytest.fixture
def full(where: Where) -> Where:
    for name in FILES:
        where.put(name, name.encode())
    mox.file.make_dirs(where / "empty/inner")
    return where


def test_list_directory(full: Where) -> None:
    assert sorted(mox.file.list_directory(full.base)) == sorted(
        ["a.txt", "b.jpg", "d", "d-2", "[x]", "empty"]
    )
    assert mox.file.list_directory(full / "d/") == ["a.jpg", "e"]


def test_list_directory_recursive(full: Where) -> None:
    expected = [*FILES, "d", "d/e", "d-2", "[x]", "empty", "empty/inner"]
    assert sorted(mox.file.list_directory(full.base, recursive=True)) == sorted(expected)


def test_list_directory_leaves_out(full: Where) -> None:
    assert mox.file.list_directory(full / "d", skip_dir=True) == ["a.jpg"]
    assert mox.file.list_directory(full / "d", skip_file=True) == ["e"]
    assert mox.file.list_directory(full / "d", skip_file=True, remove_sep=False) == ["e/"]
    assert sorted(mox.file.list_directory(full.base, recursive=True, skip_dir=True)) == sorted(FILES)
    assert mox.file.list_directory(full / "empty", True, True, False) == ["inner"]


def test_list_directory_of_what_is_none(full: Where) -> None:
    with pytest.raises(FileNotFoundError):
        mox.file.list_directory(full / "not")
    with pytest.raises(NotADirectoryError):
        mox.file.list_directory(full / "a.txt")
    assert mox.file.list_directory(full / "empty/inner") == []


def test_walk_is_as_os_walk(full: Where, tmp_path: Path) -> None:
    mox.file.copy_parallel(full.base, str(tmp_path / "copy"))
    for topdown in (True, False):
        local = [(r, sorted(d), sorted(f)) for r, d, f in os.walk(tmp_path / "copy", topdown=topdown)]
        here = [(r, sorted(d), sorted(f)) for r, d, f in mox.file.walk(full.base, topdown=topdown)]
        moved = [(str(tmp_path / "copy") + r[len(full.base) :], d, f) for r, d, f in here]
        assert sorted(moved) == sorted(local)


def test_walk_takes_pruning(full: Where) -> None:
    seen = []
    for root, directories, _ in mox.file.walk(full / "d/"):
        seen.append(root)
        directories.clear()
    assert seen == [full / "d/"]


def test_walk_of_nothing(full: Where) -> None:
    errors: list[OSError] = []
    assert list(mox.file.walk(full / "not", onerror=errors.append)) == []
    assert isinstance(errors[0], FileNotFoundError)


def test_scan_dir(full: Where) -> None:
    with mox.file.scan_dir(full / "d") as entries:
        found = {e.name: (e.path, e.is_dir(), e.is_file(), e.is_symlink()) for e in entries}
    assert found == {
        "a.jpg": (full / "d/a.jpg", False, True, False),
        "e": (full / "d/e", True, False, False),
    }
    sizes = {e.name: e.stat().st_size for e in mox.file.scan_dir(full.base) if e.is_file()}
    assert sizes == {"a.txt": 5, "b.jpg": 5}


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("*.jpg", ["b.jpg"]),
        ("*", ["[x]", "a.txt", "b.jpg", "d", "d-2", "empty"]),
        ("*/*.jpg", ["d/a.jpg"]),
        ("d/?.jpg", ["d/a.jpg"]),
        ("d/[a-c].jpg", ["d/a.jpg"]),
        ("d/e/*", ["d/e/f.jpg"]),
        ("d/e/.*", ["d/e/.hidden"]),
        ("a.txt", ["a.txt"]),
        ("d*/x", ["d-2/x"]),
        ("not/*", []),
        ("not", []),
        ("*/", ["[x]/", "d-2/", "d/", "empty/"]),
        ("[[]x]/*", ["[x]/y"]),
    ],
)
def test_glob(full: Where, pattern: str, expected: list[str]) -> None:
    assert mox.file.glob(full / pattern) == [full / name for name in expected]


def test_glob_recursive_is_as_python(full: Where, tmp_path: Path) -> None:
    import glob

    mox.file.copy_parallel(full.base, str(tmp_path / "copy"))
    for pattern in ("**/*.jpg", "d/**", "**/e/*", "**"):
        local = sorted(glob.glob(f"{tmp_path}/copy/{pattern}", recursive=True))  # noqa: PTH207
        moved = [full.base + p[len(f"{tmp_path}/copy") :] for p in local]
        assert mox.file.glob(full / pattern, recursive=True) == moved, pattern


def test_ten_thousand_names(folder_gateway: object, bucket: Where, tmp_path: Path) -> None:
    if bucket.kind == "s3":
        return
    root = tmp_path / "many"
    for i in range(100):
        (root / f"{i:03}").mkdir(parents=True)
        for j in range(101):
            (root / f"{i:03}" / f"{j:03}").touch()
    report = mox.file.copy_parallel(str(root), bucket / "many")
    assert report.files == 10_100
    assert len(mox.file.list_directory(bucket / "many", recursive=True)) == 10_200
    assert mox.file.copy_parallel(bucket / "many", str(tmp_path / "back")).files == 10_100
    assert len(files_of(tmp_path / "back")) == 10_100
