"""A local tree, walked in the order in which S3 lists keys."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator

from trainshed.storage.base import ObjectInfo
from trainshed.storage.files import is_temporary

OnSkipped = Callable[[str, str], None]


def _ignore(_path: str, _reason: str) -> None:
    return


class Tree:
    """What lies under ``root``, as objects.

    Links are followed where they stay inside; those that leave, lead in circles or to nothing, and
    whatever is neither file nor directory, are told to ``on_skipped`` and left out.

    Args:
        root: a real path without trailing ``/``; empty for ``/``.
    """

    def __init__(self, root: str, on_skipped: OnSkipped = _ignore) -> None:
        self._root = root
        self._on_skipped = on_skipped

    def walk(
        self, prefix: str = "", *, recursive: bool = True, start_after: str = ""
    ) -> Iterator[ObjectInfo]:
        """Objects whose key, relative to the root, starts with ``prefix``."""
        directory, _, name = prefix.rpartition("/")
        base = directory + "/" if directory else ""
        chain = (os.path.realpath(f"{self._root}/{directory}"),)
        if not self._inside(chain[0]):
            return
        for info in self._walk(base, chain, name, recursive, start_after):
            if info.key > start_after or not start_after:
                yield info

    def _walk(
        self, base: str, chain: tuple[str, ...], name: str, recursive: bool, start_after: str
    ) -> Iterator[ObjectInfo]:
        found = 0
        for entry, is_directory in self._entries(base, chain[-1]):
            found += 1
            if name and not entry.name.startswith(name):
                continue
            key = base + entry.name
            if not is_directory:
                if (info := self._file(entry, key)) is not None:
                    yield info
            elif not recursive:
                yield ObjectInfo(key + "/", is_directory=True)
            elif key + "/" >= start_after or start_after.startswith(key + "/"):
                yield from self._below(entry, key + "/", chain, start_after)
        if not found and base and not name and len(chain) > 1:
            yield ObjectInfo(base, is_directory=True)

    def _below(
        self, entry: os.DirEntry[str], key: str, chain: tuple[str, ...], start_after: str
    ) -> Iterator[ObjectInfo]:
        real = os.path.realpath(entry.path) if entry.is_symlink() else f"{chain[-1]}/{entry.name}"
        if not self._inside(real):
            self._on_skipped(entry.path, "a link that leads outside")
        elif real in chain:
            self._on_skipped(entry.path, "a link that leads in a circle")
        else:
            yield from self._walk(key, (*chain, real), "", True, start_after)

    def _entries(self, base: str, directory: str) -> list[tuple[os.DirEntry[str], bool]]:
        try:
            with os.scandir(directory or "/") as scan:
                entries = [(e, _is_directory(e)) for e in scan if not is_temporary(e.name)]
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as error:
            self._on_skipped(base, error.strerror or "cannot be read")
            return []
        entries.sort(key=_order)
        return entries

    def _file(self, entry: os.DirEntry[str], key: str) -> ObjectInfo | None:
        try:
            found = entry.stat()
        except OSError:
            if entry.is_symlink():
                self._on_skipped(entry.path, "a link that leads to nothing")
            return None
        if not stat.S_ISREG(found.st_mode):
            self._on_skipped(entry.path, "neither a file nor a directory")
            return None
        if entry.is_symlink() and not self._inside(os.path.realpath(entry.path)):
            self._on_skipped(entry.path, "a link that leads outside")
            return None
        return file_info(key, found)

    def _inside(self, real: str) -> bool:
        return not self._root or real == self._root or real.startswith(self._root + "/")


def file_info(key: str, found: os.stat_result) -> ObjectInfo:
    """The object that a file is."""
    etag = f"{found.st_mtime_ns:x}-{found.st_size:x}-{found.st_ino:x}"
    return ObjectInfo(key, found.st_size, found.st_mtime, etag)


def _is_directory(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def _order(item: tuple[os.DirEntry[str], bool]) -> bytes:
    entry, is_directory = item
    name = os.fsencode(entry.name)
    return name + b"/" if is_directory else name
