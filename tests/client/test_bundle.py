"""What of a folder is shipped, and under which name."""

from __future__ import annotations

import io
import os
import tarfile
from pathlib import Path

import pytest

from trainshed.client.bundle import MAX_FILES, Bundle, collect, pack
from trainshed.core.errors import Code, InvalidInput


def _tree(root: Path, *paths: str) -> Path:
    for path in paths:
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(path)
    return root


def _names(bundle: Bundle) -> list[str]:
    return [entry.path for entry in bundle.entries]


def _packed(bundle: Bundle) -> tuple[str, bytes]:
    out = io.BytesIO()
    return pack(bundle, out), out.getvalue()


def test_defaults_leave_out_what_no_job_needs(tmp_path: Path) -> None:
    _tree(tmp_path, "train.py", "lib/a.py", ".git/HEAD", "__pycache__/x.pyc", "lib/b.pyc", ".venv/bin/python")
    _tree(tmp_path, "myenv/pyvenv.cfg", "myenv/lib/x.py", "node_modules/x/index.js", "data/train.csv")
    bundle = collect(tmp_path)
    assert _names(bundle) == ["data/train.csv", "lib/a.py", "train.py"]
    assert set(bundle.left_out) == {".git/", ".venv/", "__pycache__/", "lib/b.pyc", "myenv/", "node_modules/"}


def test_the_ignore_file_speaks_like_gitignore(tmp_path: Path) -> None:
    _tree(tmp_path, "train.py", "a.log", "keep.log", "runs/1.txt", "lib/runs/2.txt", "weights/w.bin")
    (tmp_path / ".trainshedignore").write_text("# comment\n*.log\n!keep.log\n/runs/\nweights/*.bin\n")
    assert _names(collect(tmp_path)) == [".trainshedignore", "keep.log", "lib/runs/2.txt", "train.py"]


def test_gitignore_counts_only_when_asked(tmp_path: Path) -> None:
    _tree(tmp_path, "train.py", "data/x.csv")
    (tmp_path / ".gitignore").write_text("data\n")
    assert "data/x.csv" in _names(collect(tmp_path))
    assert "data/x.csv" not in _names(collect(tmp_path, gitignore=True))


def test_the_jobs_own_folders_are_no_code(tmp_path: Path) -> None:
    _tree(tmp_path, "train.py", "data/x.csv", "out/model.pt")
    bundle = collect(tmp_path, exclude=[tmp_path / "data", tmp_path / "out"])
    assert _names(bundle) == ["train.py"]


def test_the_home_of_a_service_is_no_code(tmp_path: Path) -> None:
    _tree(tmp_path, "train.py", "shed/secret.key", "shed/buckets/x", "other/credentials.json")
    assert _names(collect(tmp_path)) == ["train.py"]


def test_links_are_followed_and_loops_are_not(tmp_path: Path) -> None:
    _tree(tmp_path / "elsewhere", "lib.py")
    _tree(tmp_path / "code", "train.py", "pkg/a.py")
    (tmp_path / "code" / "lib").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "code" / "pkg" / "up").symlink_to(tmp_path / "code")
    (tmp_path / "code" / "gone").symlink_to(tmp_path / "nowhere")
    assert _names(collect(tmp_path / "code")) == ["lib/lib.py", "pkg/a.py", "train.py"]


def test_same_files_same_name_whoever_owns_them_and_whenever(tmp_path: Path) -> None:
    one, two = (
        _tree(tmp_path / "one", "train.py", "lib/a.py"),
        _tree(tmp_path / "two", "lib/a.py", "train.py"),
    )
    os.utime(two / "train.py", (1, 1))
    assert _packed(collect(one)) == _packed(collect(two))
    (two / "train.py").write_text("other")
    assert _packed(collect(one))[0] != _packed(collect(two))[0]


def test_archive_holds_the_files(tmp_path: Path) -> None:
    _tree(tmp_path, "train.py", "深/数字.py", "run.sh")
    (tmp_path / "run.sh").chmod(0o755)
    _, data = _packed(collect(tmp_path))
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        assert archive.getnames() == ["run.sh", "train.py", "深/数字.py"]
        assert [member.mode for member in archive] == [0o755, 0o644, 0o644]
        found = archive.extractfile("深/数字.py")
        assert found is not None
        assert found.read().decode() == "深/数字.py"


def test_too_many_files_is_said_before_anything_is_sent(tmp_path: Path) -> None:
    for number in range(MAX_FILES + 1):
        (tmp_path / f"{number}.txt").touch()
    with pytest.raises(
        InvalidInput, match="holds more than 1,000 files: put the script in a folder"
    ) as caught:
        collect(tmp_path)
    assert caught.value.code == Code.CODE_TOO_LARGE


def test_largest_first(tmp_path: Path) -> None:
    for name, size in (("a", 1), ("b", 30), ("c", 20)):
        (tmp_path / name).write_bytes(b"x" * size)
    bundle = collect(tmp_path)
    assert [entry.path for entry in bundle.largest(2)] == ["b", "c"]
    assert bundle.size == 51
