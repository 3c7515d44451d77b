"""Archives that try to get out, to fill the disk, or to be what they are not."""

from __future__ import annotations

import contextlib
import io
import tarfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trainshed.core.errors import InvalidInput, TooLarge, TrainshedError
from trainshed.server.services.archive import Limits, unpack

LIMITS = Limits(files=5, size=1000)


def archive(*members: tuple[str, bytes] | tarfile.TarInfo, form: int = tarfile.PAX_FORMAT) -> io.BytesIO:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=form) as tar:
        for member in members:
            if isinstance(member, tarfile.TarInfo):
                tar.addfile(member)
                continue
            info = tarfile.TarInfo(member[0])
            info.size = len(member[1])
            tar.addfile(info, io.BytesIO(member[1]))
    stream.seek(0)
    return stream


def special(name: str, kind: bytes, link: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, link
    return info


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    inside = tmp_path / "inside"
    inside.mkdir()
    return inside


def test_files_and_folders_are_unpacked(folder: Path):
    runnable = tarfile.TarInfo("bin/run.sh")
    runnable.mode = 0o6777
    stream = archive(
        ("train.py", b"print()"), ("./lib/a/b.py", b"x"), special("empty", tarfile.DIRTYPE), runnable
    )
    unpacked = unpack(stream, folder, LIMITS)
    assert (unpacked.files, unpacked.size) == (3, 8)
    assert (folder / "train.py").read_bytes() == b"print()"
    assert (folder / "lib/a/b.py").read_bytes() == b"x"
    assert (folder / "empty").is_dir()
    assert (folder / "bin/run.sh").stat().st_mode & 0o7777 == 0o755


@pytest.mark.parametrize(
    "member",
    [
        ("../out", b"x"),
        ("a/../../out", b"x"),
        ("/etc/out", b"x"),
        ("a\\..\\out", b"x"),
        ("n" * 300, b"x"),
        ("/".join("a" * 40), b"x"),
        special("link", tarfile.SYMTYPE, "/etc"),
        special("link", tarfile.SYMTYPE, "train.py"),
        special("hard", tarfile.LNKTYPE, "train.py"),
        special("device", tarfile.CHRTYPE),
        special("disk", tarfile.BLKTYPE),
        special("pipe", tarfile.FIFOTYPE),
        special("odd", b"Z"),
    ],
    ids=lambda m: m[0][:20] if isinstance(m, tuple) else f"{m.name}-{m.type.decode()}",
)
def test_what_leads_out_or_is_no_file_is_refused(folder: Path, member: tuple[str, bytes] | tarfile.TarInfo):
    with pytest.raises(InvalidInput):
        unpack(archive(("train.py", b"x"), member), folder, LIMITS)
    assert not (folder.parent / "out").exists()


def test_a_link_to_a_folder_and_a_file_through_it_do_not_get_out(folder: Path):
    stream = archive(special("d", tarfile.SYMTYPE, str(folder.parent)), ("d/out", b"x"))
    with pytest.raises(InvalidInput):
        unpack(stream, folder, LIMITS)
    assert not (folder.parent / "out").exists()


@pytest.mark.parametrize("names", [("a", "a"), ("a", "a/b"), ("a/b", "a"), ("a", "./a")])
def test_a_name_that_is_there_twice_is_refused(folder: Path, names: tuple[str, str]):
    with pytest.raises(InvalidInput, match="twice"):
        unpack(archive(*((name, b"x") for name in names)), folder, LIMITS)


def test_more_files_than_allowed_are_refused(folder: Path):
    with pytest.raises(TooLarge, match="5 files"):
        unpack(archive(*((f"f{i}", b"") for i in range(6))), folder, LIMITS)


def test_any_number_of_folders_is_refused_too(folder: Path):
    with pytest.raises(TooLarge):
        unpack(archive(*(special(f"d{i}", tarfile.DIRTYPE) for i in range(60))), folder, LIMITS)


def test_more_bytes_than_allowed_are_refused(folder: Path):
    with pytest.raises(TooLarge, match="1000 bytes"):
        unpack(archive(("a", b"x" * 600), ("b", b"x" * 600)), folder, LIMITS)


def test_a_huge_size_in_a_header_reads_nothing(folder: Path):
    info = tarfile.TarInfo("a")
    info.size = 10**15
    stream = io.BytesIO(info.tobuf(tarfile.GNU_FORMAT) + b"x" * 512)
    with pytest.raises(TrainshedError):
        unpack(stream, folder, LIMITS)


@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME])
def test_a_huge_extended_header_is_not_read_into_memory(folder: Path, kind: bytes):
    info = special("a", kind)
    info.size = 100 * 1024
    with pytest.raises(InvalidInput):
        unpack(io.BytesIO(info.tobuf(tarfile.GNU_FORMAT) + b"x" * 110 * 1024), folder, LIMITS)


def test_a_sparse_file_is_refused(folder: Path):
    info = special("a", tarfile.GNUTYPE_SPARSE)
    with pytest.raises(InvalidInput):
        unpack(io.BytesIO(info.tobuf(tarfile.GNU_FORMAT) + bytes(1024)), folder, LIMITS)


def test_a_long_name_in_an_extended_header_is_fine(folder: Path):
    name = "/".join(["a" * 60] * 3) + ".py"
    assert unpack(archive((name, b"x")), folder, LIMITS).files == 1
    assert (folder / name).is_file()


@pytest.mark.parametrize(
    "content", [b"", b"not a tar at all" * 100, bytes(10240), b"\x1f\x8b\x08\x00" + bytes(600)]
)
def test_what_is_no_archive_is_refused(folder: Path, content: bytes):
    with pytest.raises(InvalidInput):
        unpack(io.BytesIO(content), folder, LIMITS)


def test_an_archive_that_ends_early_is_refused(folder: Path):
    whole = archive(("a", b"x" * 900)).getvalue()
    with pytest.raises(InvalidInput):
        unpack(io.BytesIO(whole[:1000]), folder, LIMITS)


@given(st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300, deadline=None)
def test_a_damaged_archive_is_unpacked_or_refused_and_never_gets_out(tmp_path: Path, data: st.DataObject):
    good = bytearray(
        archive(("a/b.py", b"x" * 100), ("é" * 80, b"y"), special("d", tarfile.DIRTYPE)).getvalue()
    )
    for _ in range(data.draw(st.integers(1, 8))):
        good[data.draw(st.integers(0, 3000))] = data.draw(st.integers(0, 255))
    inside = tmp_path / f"{len(list(tmp_path.iterdir()))}" / "in"
    inside.mkdir(parents=True)
    with contextlib.suppress(TrainshedError):
        unpack(io.BytesIO(bytes(good)), inside, LIMITS)
    assert [path.name for path in inside.parent.iterdir()] == ["in"]
