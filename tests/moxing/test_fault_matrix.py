"""Every fault against every kind of bucket, through ``copy_parallel`` and the gateway.

A row of :data:`MATRIX` is a fault, a column a kind of bucket. A cell is what provokes the fault and looks at
what came of it: success after a while, or one clear error, and in either case nothing half there under its
final name. A cell that is a sentence says why that bucket cannot have that fault.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import threading
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

import moxing as mox
from moxing.framework.file import _client
from tests.moxing.conftest import SOCKET, files_of
from tests.servers.proxy import Fault, Proxy
from tests.servers.seaweedfs import SeaweedFS
from trainshed.agent.moxing_gateway import Gateway
from trainshed.storage import Buckets
from trainshed.storage.files import is_temporary

OUTAGE_S = 30.0
FILES = 24
ODD = ("with space", "数据/ü ñ.txt", "%41+&?#=;.x", "-dash", "'quote\"")


@dataclass
class World:
    """One bucket behind a gateway, and for S3 behind a proxy that misbehaves.

    Attributes:
        url: a directory in the bucket that is the test's own.
        direct: the bucket past gateway and proxy.
        folder: where the bucket's files lie; None for S3.
        tmp: a local folder.
    """

    url: str
    direct: Buckets
    proxy: Proxy | None
    folder: Path | None
    tmp: Path

    def source(self) -> Path:
        """A local tree of small files and one that moves in parts."""
        root = self.tmp / "source"
        for i in range(FILES):
            path = root / f"{i % 3}" / f"{i}"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(os.urandom(20_000))
        (root / "large").write_bytes(os.urandom(34 << 20))
        return root

    def spoil(self, decide: Callable[[int, bytes], Fault | None]) -> None:
        assert self.proxy is not None
        self.proxy.decide = decide

    def stored(self) -> dict[str, bytes]:
        """What is in the bucket under names that people see."""
        return {i.key: self.direct.read(f"{self.url}/{i.key}") for i in self.direct.list(self.url)}


def nothing_half(there: dict[str, bytes], wanted: dict[str, bytes]) -> None:
    """Whatever has its final name is whole."""
    assert {name: there[name] == wanted.get(name) for name in there} == dict.fromkeys(there, True)


def nothing_left(folder: Path) -> None:
    """No file under a hidden name."""
    assert [p for p in folder.rglob("*") if is_temporary(p.name)] == []


def both_ways(world: World) -> None:
    """Up and down succeed, and every byte is there."""
    source = world.source()
    assert mox.file.copy_parallel(str(source), f"{world.url}/t").files == FILES + 1
    assert mox.file.copy_parallel(f"{world.url}/t", str(world.tmp / "back")).files == FILES + 1
    assert files_of(world.tmp / "back") == files_of(source)
    nothing_left(world.tmp)


def every_fifth(fault: Fault) -> Callable[[World], None]:
    """One request in five meets the fault; all is well after repeats."""

    def check(world: World) -> None:
        hit: list[int] = []

        def decide(number: int, _head: bytes) -> Fault | None:
            if number % 5 != 3:
                return None
            hit.append(number)
            return fault

        world.spoil(decide)
        both_ways(world)
        assert hit

    return check


def the_server_goes_away(world: World) -> None:
    """Half a minute in the middle of both directions, with the patience that everybody has."""
    assert world.proxy is not None
    proxy, source = world.proxy, world.source()
    world.direct.upload(source, f"{world.url}/down")
    gone = threading.Event()

    def decide(number: int, _head: bytes) -> None:
        if number >= 12:
            gone.set()

    world.spoil(decide)
    with ThreadPoolExecutor() as both:
        up = both.submit(mox.file.copy_parallel, str(source), f"{world.url}/up")
        down = both.submit(mox.file.copy_parallel, f"{world.url}/down", str(world.tmp / "back"))
        assert gone.wait(120)
        proxy.outage()
        threading.Event().wait(OUTAGE_S)
        assert not (up.done() and down.done())
        nothing_half(files_of(world.tmp / "back", hidden=False), files_of(source))
        proxy.restore()
        assert (up.result(300).files, down.result(300).files) == (FILES + 1, FILES + 1)
    assert files_of(world.tmp / "back") == files_of(source)
    assert {k.removeprefix("up/"): v for k, v in world.stored().items() if k.startswith("up/")} == files_of(
        source
    )


def the_folder_goes_away(world: World) -> None:
    """A disk that is not mounted any more: one error, and nothing made here; then all is well."""
    assert world.folder is not None
    world.direct.upload(world.source(), f"{world.url}/t")
    away = world.folder.with_name("away")
    world.folder.rename(away)
    with pytest.raises(OSError, match="does not exist"):
        mox.file.copy_parallel(f"{world.url}/t", str(world.tmp / "back"))
    assert not (world.tmp / "back").exists()
    assert not world.folder.exists()
    away.rename(world.folder)
    assert mox.file.copy_parallel(f"{world.url}/t", str(world.tmp / "back")).files == FILES + 1
    assert files_of(world.tmp / "back") == files_of(world.tmp / "source")


def the_key_expires(world: World) -> None:
    """After some requests no more is allowed; with a new key the copy is made whole."""
    assert world.proxy is not None
    source = world.source()
    world.direct.upload(source, f"{world.url}/t")
    start = world.proxy.requests
    world.spoil(lambda number, _: Fault(403, "ExpiredToken") if number > start + 8 else None)
    for copy in (
        lambda: mox.file.copy_parallel(f"{world.url}/t", str(world.tmp / "back")),
        lambda: mox.file.copy_parallel(str(source), f"{world.url}/new"),
    ):
        with pytest.raises(mox.file.MoxFileRespException, match="expired") as caught:
            copy()
        assert isinstance(caught.value, PermissionError)
    nothing_half(files_of(world.tmp / "back"), files_of(source))
    nothing_half({k[4:]: v for k, v in world.stored().items() if k.startswith("new/")}, files_of(source))
    world.spoil(lambda *_: None)
    assert mox.file.copy_parallel(f"{world.url}/t", str(world.tmp / "back")).files == FILES + 1
    assert files_of(world.tmp / "back") == files_of(source)


def the_disk_fills(world: World) -> None:
    """Too small from the start, and filled by another in the middle: ENOSPC, and nothing half there."""
    source = world.source()
    world.direct.upload(source, f"{world.url}/t")
    with small_disk(world.tmp / "disk", "20m") as disk:
        with pytest.raises(OSError, match="fit on the disk") as caught:
            mox.file.copy_parallel(f"{world.url}/t", str(disk / "in"))
        assert caught.value.errno == 28
        assert files_of(disk) == {}
    with small_disk(world.tmp / "disk", "36m") as disk:
        (disk / "other").write_bytes(bytes(1 << 20))  # what the copy needs is free by a hair
        _fill_while(world, disk)
        with pytest.raises(OSError, match=r"(?i)space|disk|fit") as caught:
            mox.file.copy_parallel(f"{world.url}/t", str(disk / "in"))
        assert caught.value.errno == 28
        nothing_half(files_of(disk / "in"), files_of(source))
        nothing_left(disk)


def _fill_while(world: World, disk: Path) -> None:
    """Have the disk full once the copy has begun; a folder's is over too soon, so it is full at once."""

    def fill(*_: object) -> None:
        with contextlib.suppress(OSError), (disk / "other").open("ab", 0) as other:
            for _ in range(64):
                other.write(bytes(1 << 20))

    if world.proxy is None:
        fill()
    else:
        start = world.proxy.requests
        world.spoil(lambda number, _: fill() if number >= start + 3 else None)


def the_buckets_disk_fills(world: World) -> None:
    """The same for the folder's own disk, which an upload would fill."""
    assert world.folder is not None
    source = world.source()
    with small_disk(world.folder, "20m"):
        with pytest.raises(OSError, match=r"fit on the disk|is full") as caught:
            mox.file.copy_parallel(str(source), f"{world.url}/t")
        assert caught.value.errno == 28
        nothing_half({k.removeprefix("t/"): v for k, v in world.stored().items()}, files_of(source))
        nothing_left(world.folder)


@contextlib.contextmanager
def small_disk(where: Path, size: str) -> Iterator[Path]:
    where.mkdir(exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "none", str(where)]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("a small file system needs the right to mount")
    try:
        yield where
    finally:
        subprocess.run(["umount", "-l", str(where)], check=True)


def the_file_changes(world: World) -> None:
    """Somebody writes all the while: the file as it was at one moment, or an error and no object."""
    (world.tmp / "log").write_bytes(b"x" * (8 << 20))
    over = threading.Event()

    def write() -> None:
        with (world.tmp / "log").open("ab", 0) as file:
            while not over.wait(0.0005):
                file.write(b"y")

    writer = threading.Thread(target=write)
    writer.start()
    try:
        mox.file.copy(str(world.tmp / "log"), f"{world.url}/log")
    except OSError as error:
        assert "changed" in str(error)  # noqa: PT017 (either end is right)
        assert world.stored() == {}
    else:
        stored = world.stored()["log"]
        assert stored.rstrip(b"y") == b"x" * (8 << 20)
    finally:
        over.set()
        writer.join()


def odd_names(world: World) -> None:
    """Spaces, Unicode and what means something to URLs, shells and servers: as they are."""
    root = world.tmp / "odd"
    for name in ODD:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(name)
    assert mox.file.copy_parallel(str(root), f"{world.url}/t").files == len(ODD)
    assert sorted(world.stored()) == sorted(f"t/{name}" for name in ODD)
    assert mox.file.copy_parallel(f"{world.url}/t", str(world.tmp / "back")).files == len(ODD)
    assert files_of(world.tmp / "back") == files_of(root)


def names_that_leave(world: World) -> None:
    """``..`` is refused, in and out; a leading ``/`` is none of the key's."""
    mox.file.write(f"{world.url}/t/a", "1")
    for name in ("../x", "t/../../x", "t/..", "t/../a"):
        with pytest.raises(ValueError, match=r"the part '\.\.'"):
            mox.file.write(f"{world.url}/{name}", "2")
        with pytest.raises(ValueError, match=r"the part '\.\.'"):
            mox.file.copy_parallel(f"{world.url}/{name}", str(world.tmp / "back"))
    assert sorted(world.stored()) == ["t/a"]
    bucket, _, key = world.url.partition("://")[2].partition("/")
    assert mox.file.read(f"obs://{bucket}//{key}/t/a") == "1"


def the_longest_keys(world: World) -> None:
    """1,024 bytes are a key, 1,025 are an error."""
    used = len(world.url.partition("://")[2].partition("/")[2]) + 1
    long = "/".join(["k" * 200] * 6)[: 1024 - used]
    mox.file.write(f"{world.url}/{long}", "long")
    assert list(world.stored()) == [long]
    assert mox.file.copy_parallel(world.url, str(world.tmp / "back")).files == 1
    assert files_of(world.tmp / "back") == {long: b"long"}
    with pytest.raises(ValueError, match=r"1025 bytes; 1024 at most"):
        mox.file.write(f"{world.url}/{long}k", "too long")
    assert list(world.stored()) == [long]


def a_file_and_a_directory_of_one_name_stored(world: World) -> None:
    """Both are objects at S3; a local folder cannot hold both, and gets neither."""
    world.direct.write(f"{world.url}/t/a", b"file")
    world.direct.write(f"{world.url}/t/a/b", b"below")
    with pytest.raises(mox.file.MoxFileNameDuplicateException):
        mox.file.copy_parallel(f"{world.url}/t", str(world.tmp / "back"))
    assert files_of(world.tmp / "back") == {}


def a_file_and_a_directory_of_one_name_written(world: World) -> None:
    """A folder cannot hold both: the second is refused, the first stays."""
    mox.file.write(f"{world.url}/t/a", "file")
    with pytest.raises(mox.file.MoxFileNameDuplicateException):
        mox.file.write(f"{world.url}/t/a/b", "below")
    (world.tmp / "tree/a").mkdir(parents=True)
    (world.tmp / "tree/a/b").write_text("below")
    with pytest.raises(mox.file.MoxFileNameDuplicateException):
        mox.file.copy_parallel(str(world.tmp / "tree"), f"{world.url}/t")
    assert world.stored() == {"t/a": b"file"}


Cell = Callable[[World], None] | str
NO_SERVER = "no server and no connection stands before a folder"
MATRIX: dict[str, tuple[Cell, Cell]] = {
    # fault: S3, folder
    "away for 30 s": (the_server_goes_away, the_folder_goes_away),
    "500": (every_fifth(Fault(500)), NO_SERVER),
    "503": (every_fifth(Fault(503, "ServiceUnavailable")), NO_SERVER),
    "slow down": (every_fifth(Fault(503, "SlowDown")), NO_SERVER),
    "request reset": (every_fifth(Fault(cut_request=True)), NO_SERVER),
    "answer reset": (every_fifth(Fault(cut_answer_after=9_000)), NO_SERVER),
    "local disk fills": (the_disk_fills, the_disk_fills),
    "bucket's disk fills": ("the server's disk is the server's: it answers 500", the_buckets_disk_fills),
    "key expires": (the_key_expires, "a folder has no keys"),
    "file changes": (the_file_changes, the_file_changes),
    "odd names": (odd_names, odd_names),
    "names that leave": (names_that_leave, names_that_leave),
    "1,024-byte keys": (the_longest_keys, the_longest_keys),
    "file and directory": (
        a_file_and_a_directory_of_one_name_stored,
        a_file_and_a_directory_of_one_name_written,
    ),
}
CELLS = [
    pytest.param(kind, cell, id=f"{fault}-{kind}")
    for fault, row in MATRIX.items()
    for kind, cell in zip(("s3", "folder"), row, strict=True)
    if not isinstance(cell, str)
]


@pytest.fixture
def world(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    folder = None
    with contextlib.ExitStack() as stack:
        proxy = None
        if request.param == "s3":
            server: SeaweedFS = request.getfixturevalue("seaweedfs")
            direct = server.bucket_settings()
            proxy = stack.enter_context(Proxy(server.port))
            settings = server.bucket_settings(endpoint=proxy.endpoint)
        else:
            folder = tmp_path / "bucket"
            folder.mkdir()
            direct = settings = {"kind": "folder", "path": str(folder)}
        gateway = Gateway(tmp_path / "s", {"objects": settings})
        gateway.watch()
        stack.callback(gateway.close)
        monkeypatch.setenv(SOCKET, str(tmp_path / "s"))
        _client.drop()
        stack.callback(_client.drop)
        buckets = Buckets({"objects": direct})
        stack.callback(buckets.close)
        (tmp_path / "local").mkdir()
        yield World(f"obs://objects/m{uuid.uuid4().hex}", buckets, proxy, folder, tmp_path / "local")


@pytest.mark.parametrize(("world", "check"), CELLS, indirect=["world"])
def test_matrix(world: World, check: Callable[[World], None]) -> None:
    check(world)
