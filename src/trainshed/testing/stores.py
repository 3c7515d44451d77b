"""The contract of a store. A store passes by giving one fixture::

class TestMyStore(StoreContract):
    @pytest.fixture
    def store(self) -> Store:
        return MyStore(...)          # may hold other tests' objects: each test has its own prefix
"""

from __future__ import annotations

import hashlib
import io
import os
import threading
import uuid
from pathlib import Path

import pytest

from trainshed.core.errors import Code, Conflict, InvalidInput, NotFound
from trainshed.storage.base import ObjectInfo, Store, run_alone
from trainshed.storage.copy import CopyOptions, Side, copy_tree
from trainshed.storage.folder import FolderStore

ODD_NAMES = [
    "a b.txt",
    "中文/数据 集/é",
    "x+y%20z",
    "q?#&=;,@!$'()",
    'a:b|c<d>"e',
    "~tilde*[1]",
    ".hidden",
    "trailing.",
    "🙂/🙂",
]


class StoreContract:
    """What every store does, whatever it is made of."""

    @pytest.fixture
    def prefix(self) -> str:
        """A part of the bucket that is this test's own; ends in ``/``."""
        return f"t{uuid.uuid4().hex}/"

    # -- objects

    def test_what_is_written_is_read(self, store: Store, prefix: str) -> None:
        info = store.write(prefix + "a/b.txt", b"hello")
        assert (info.key, info.size) == (prefix + "a/b.txt", 5)
        assert _read(store, prefix + "a/b.txt") == b"hello"

    def test_a_stream_is_written_whole(self, store: Store, prefix: str) -> None:
        data = os.urandom(3 << 20)
        store.write(prefix + "big", io.BytesIO(data))
        assert _read(store, prefix + "big") == data

    def test_an_empty_object(self, store: Store, prefix: str) -> None:
        store.write(prefix + "zero", b"")
        assert store.stat(prefix + "zero").size == 0
        assert _read(store, prefix + "zero") == b""

    def test_writing_again_replaces(self, store: Store, prefix: str) -> None:
        first = store.write(prefix + "x", b"first and longer")
        second = store.write(prefix + "x", b"second")
        assert _read(store, prefix + "x") == b"second"
        assert first.etag != second.etag

    def test_stat_says_size_time_and_etag(self, store: Store, prefix: str) -> None:
        written = store.write(prefix + "x", b"12345")
        info = store.stat(prefix + "x")
        assert (info.key, info.size, info.is_directory) == (prefix + "x", 5, False)
        assert info.mtime > 1e9
        assert info.etag == written.etag

    def test_reading_from_the_middle(self, store: Store, prefix: str) -> None:
        store.write(prefix + "x", bytes(range(256)))
        with store.open_read(prefix + "x", 10) as stream:
            assert stream.read(3) == bytes([10, 11, 12])
        with store.open_read(prefix + "x", 250, 3) as stream:
            assert stream.read() == bytes([250, 251, 252])
        with store.open_read(prefix + "x", 250, 100) as stream:
            assert stream.read() == bytes(range(250, 256))

    def test_a_reader_seeks(self, store: Store, prefix: str) -> None:
        store.write(prefix + "x", bytes(range(256)))
        with store.open_read(prefix + "x") as stream:
            stream.read(10)
            stream.seek(200)
            assert stream.read(2) == bytes([200, 201])
            assert stream.seek(-1, os.SEEK_END) == 255
            assert stream.read() == b"\xff"

    @pytest.mark.parametrize("key", ["nothing", "nothing/", "no/such/thing"])
    def test_what_is_not_there(self, store: Store, prefix: str, key: str) -> None:
        with pytest.raises(NotFound) as caught:
            store.stat(prefix + key)
        assert caught.value.code == Code.OBJECT_NOT_FOUND

    def test_reading_what_is_not_there(self, store: Store, prefix: str) -> None:
        with pytest.raises(NotFound) as caught:
            store.open_read(prefix + "nothing").read()
        assert caught.value.code == Code.OBJECT_NOT_FOUND

    def test_a_directory_is_no_object(self, store: Store, prefix: str) -> None:
        store.write(prefix + "d/x", b"1")
        with pytest.raises(NotFound):
            store.stat(prefix + "d")
        assert store.stat(prefix + "d/").is_directory

    # -- keys

    @pytest.mark.parametrize("name", ODD_NAMES)
    def test_odd_names(self, store: Store, prefix: str, name: str) -> None:
        store.write(prefix + name, name.encode())
        assert _keys(store, prefix) == [prefix + name]
        assert _read(store, prefix + name) == name.encode()
        assert store.delete([prefix + name]) == 1
        assert _keys(store, prefix) == []

    def test_a_key_of_1024_bytes(self, store: Store, prefix: str) -> None:
        room = 1024 - len(prefix)
        key = (prefix + ("k" * 99 + "/") * 11)[: len(prefix) + room - 1] + "e"
        assert len(key.encode()) == 1024
        store.write(key, b"deep")
        assert _keys(store, prefix) == [key]
        assert _read(store, key) == b"deep"

    @pytest.mark.parametrize("bad", ["a/../b", "..", "./x", "a//b", "nul\x00", "k" * 1025, "é" * 513])
    def test_keys_that_no_store_takes(self, store: Store, prefix: str, bad: str) -> None:
        with pytest.raises(InvalidInput) as caught:
            store.write(prefix + bad, b"x")
        assert caught.value.code in (Code.URI_INVALID, Code.PATH_INVALID)
        assert _keys(store, prefix) == []

    def test_a_file_and_a_directory_of_one_name(self, store: Store, prefix: str) -> None:
        store.write(prefix + "same", b"file")
        try:
            store.write(prefix + "same/inside", b"deeper")
        except Conflict as error:
            assert error.code == Code.FILE_AND_DIRECTORY  # noqa: PT017 (either is right)
        else:
            assert _read(store, prefix + "same/inside") == b"deeper"
        assert _read(store, prefix + "same") == b"file"

    # -- listing

    def test_listing_gives_every_key_once(self, store: Store, prefix: str) -> None:
        names = ["b", "a/z", "a-", "a0", "a/b/c", "é", "z", "Z", "a.txt"]
        for name in names:
            store.write(prefix + name, b"")
        assert sorted(_keys(store, prefix)) == sorted(prefix + n for n in names)

    def test_listing_one_level(self, store: Store, prefix: str) -> None:
        for name in ("a.txt", "d/x", "d/y", "e/f/g"):
            store.write(prefix + name, b"12")
        found = [(i.key[len(prefix) :], i.size, i.is_directory) for i in store.list(prefix, recursive=False)]
        assert found == [("a.txt", 2, False), ("d/", 0, True), ("e/", 0, True)]

    def test_listing_a_prefix_that_is_no_directory(self, store: Store, prefix: str) -> None:
        for name in ("ab/x", "abc", "b"):
            store.write(prefix + name, b"")
        assert _keys(store, prefix + "ab") == [prefix + "ab/x", prefix + "abc"]

    def test_listing_from_a_key_on(self, store: Store, prefix: str) -> None:
        for name in ("a", "b/1", "b/2", "c"):
            store.write(prefix + name, b"")
        found = [i.key for i in store.list(prefix, start_after=prefix + "b/1")]
        assert found == [prefix + "b/2", prefix + "c"]

    def test_listing_nothing(self, store: Store, prefix: str) -> None:
        assert _keys(store, prefix + "none/") == []

    def test_listing_more_than_a_page(self, store: Store, prefix: str) -> None:
        names = [f"{i // 100}/{i:04}" for i in range(1203)]
        _write_all(store, [prefix + n for n in names])
        found = _keys(store, prefix)
        assert sorted(found) == sorted(prefix + n for n in names)
        after = [i.key for i in store.list(prefix, start_after=found[1000])]
        assert after == found[1001:]

    def test_markers_are_directories(self, store: Store, prefix: str) -> None:
        assert store.write(prefix + "empty/", b"").is_directory
        assert store.stat(prefix + "empty/").is_directory
        assert [(i.key, i.is_directory) for i in store.list(prefix)] == [(prefix + "empty/", True)]
        assert _keys(store, prefix + "empty/") == []
        store.write(prefix + "empty/x", b"1")
        assert _keys(store, prefix) == [prefix + "empty/x"]

    # -- deleting and copying

    def test_deleting(self, store: Store, prefix: str) -> None:
        for name in ("a", "b/c", "b/d"):
            store.write(prefix + name, b"1")
        assert store.delete([prefix + "a", prefix + "b/c", prefix + "never there"]) == 3
        assert _keys(store, prefix) == [prefix + "b/d"]

    def test_a_directory_goes_with_its_last_object(self, store: Store, prefix: str) -> None:
        store.write(prefix + "d/e/x", b"1")
        store.delete([prefix + "d/e/x"])
        with pytest.raises(NotFound):
            store.stat(prefix + "d/")

    def test_a_marker_outlives_what_was_in_it(self, store: Store, prefix: str) -> None:
        store.write(prefix + "d/", b"")
        store.write(prefix + "d/x", b"1")
        store.delete([prefix + "d/x"])
        assert store.stat(prefix + "d/").is_directory
        store.delete([prefix + "d/"])
        assert _keys(store, prefix) == []

    def test_copying_inside(self, store: Store, prefix: str) -> None:
        store.write(prefix + "a é", b"content")
        store.copy(prefix + "a é", prefix + "d/b")
        assert _read(store, prefix + "d/b") == b"content"
        with pytest.raises(NotFound):
            store.copy(prefix + "none", prefix + "c")

    # -- transfers

    @pytest.mark.parametrize("size", [0, 1, 16 << 10, (33 << 20) + 7])
    def test_files_travel_whole(self, store: Store, prefix: str, size: int, tmp_path: Path) -> None:
        source, target = tmp_path / "source", tmp_path / "deep/target"
        source.write_bytes(os.urandom(size))
        moved: list[int] = []
        run_alone(store.uploading(str(source), prefix + "x"), moved.append)
        assert sum(moved) == size
        info = store.stat(prefix + "x")
        assert info.size == size
        stored = run_alone(store.downloading(info, str(target)))
        assert stored.size == size
        assert _digest(target) == _digest(source)
        assert abs(target.stat().st_mtime - info.mtime) < 1.0

    def test_an_abandoned_transfer_leaves_nothing(self, store: Store, prefix: str, tmp_path: Path) -> None:
        source = tmp_path / "source"
        source.write_bytes(os.urandom(40 << 20))
        up = store.uploading(str(source), prefix + "x")
        up.parts()[0](_unheard)
        up.abort()
        assert _keys(store, prefix) == []
        run_alone(store.uploading(str(source), prefix + "x"))
        (tmp_path / "out").mkdir()
        down = store.downloading(store.stat(prefix + "x"), str(tmp_path / "out/x"))
        down.parts()[0](_unheard)
        down.abort()
        assert list((tmp_path / "out").iterdir()) == []

    def test_a_file_that_changes_on_its_way(self, store: Store, prefix: str, tmp_path: Path) -> None:
        source = tmp_path / "source"
        source.write_bytes(bytes(1 << 20))
        transfer = store.uploading(str(source), prefix + "x")

        def change(_: int) -> None:
            with source.open("ab") as out:
                out.write(b"more")

        with pytest.raises(Conflict) as caught:
            run_alone(transfer, change)
        assert caught.value.code == Code.FILE_CHANGED
        assert _keys(store, prefix) == []

    def test_a_link_leads_nowhere(self, store: Store, prefix: str, tmp_path: Path) -> None:
        (tmp_path / "secret").write_text("secret")
        root = tmp_path / "root"
        (root / "sub").mkdir(parents=True)
        (root / "link").symlink_to(tmp_path / "secret")
        (root / "dir").symlink_to(tmp_path)
        with pytest.raises(InvalidInput) as caught:
            run_alone(store.uploading(str(root / "link"), prefix + "x", str(root)))
        assert caught.value.code == Code.PATH_INVALID
        info = store.write(prefix + "y", b"1")
        with pytest.raises(InvalidInput):
            run_alone(store.downloading(info, str(root / "dir/planted"), str(root)))
        assert not (tmp_path / "planted").exists()

    def test_a_tree_there_and_back(self, store: Store, prefix: str, tmp_path: Path) -> None:
        source = tmp_path / "source"
        for name in [*ODD_NAMES, "sub/deeper/file", "big"]:
            path = source / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(os.urandom(5000 if name != "big" else 34 << 20))
        (source / "empty").mkdir()
        there = Side(store, prefix)
        report = copy_tree(_local(source), there, CopyOptions(manifest=True))
        assert report.verified
        assert report.files == len(ODD_NAMES) + 2 == len(report.manifest)
        back = copy_tree(there, _local(tmp_path / "back"))
        assert (back.files, back.bytes) == (report.files, report.bytes)
        assert _tree(tmp_path / "back") == _tree(source)
        for again in (copy_tree(_local(source), there), copy_tree(there, _local(tmp_path / "back"))):
            assert (again.files, again.skipped) == (0, report.files)

    def test_many_threads_at_once(self, store: Store, prefix: str) -> None:
        wrong: list[BaseException] = []

        def work(index: int) -> None:
            try:
                for i in range(20):
                    key = f"{prefix}d{i % 3}/{index}"
                    store.write(key, key.encode())
                    assert _read(store, key) == key.encode()
                    store.delete([key])
            except BaseException as error:
                wrong.append(error)

        threads = [threading.Thread(target=work, args=(i,)) for i in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert wrong == []
        assert _keys(store, prefix) == []

    def test_check(self, store: Store) -> None:
        store.check()


def _unheard(_: int) -> None:
    return


def _local(path: Path) -> Side:
    return Side(FolderStore(str(path), is_bucket=False), "")


def _keys(store: Store, prefix: str) -> list[str]:
    return [i.key for i in store.list(prefix)]


def _read(store: Store, key: str) -> bytes:
    with store.open_read(key) as stream:
        return stream.read()


def _write_all(store: Store, keys: list[str]) -> None:
    def work(part: list[str]) -> None:
        for key in part:
            store.write(key, b"")

    threads = [threading.Thread(target=work, args=(keys[i::8],)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _tree(root: Path) -> dict[str, str]:
    """Relative path → digest; empty directories too."""
    found: dict[str, str] = {}
    for path in sorted(root.rglob("*")):
        name = str(path.relative_to(root))
        if path.is_file():
            found[name] = _digest(path)
        elif path.is_dir() and not any(path.iterdir()):
            found[name + "/"] = ""
    return found


__all__ = ["ODD_NAMES", "ObjectInfo", "StoreContract"]
