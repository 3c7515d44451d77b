"""A bucket that is a folder of this machine. Standard library only."""

from __future__ import annotations

import contextlib
import io
import os
import stat
from collections.abc import Iterable, Iterator
from typing import BinaryIO

from trainshed.core.errors import Code, NotFound
from trainshed.storage import faults, files
from trainshed.storage.base import ObjectInfo, Store, Transfer, run_alone
from trainshed.storage.file_copy import FileCopy, OpenTarget
from trainshed.storage.tree import OnSkipped, Tree, file_info
from trainshed.storage.uri import check_key

_MARKER = "user.trainshed.marker"


class FolderStore(Store):
    """Objects as files under ``root``.

    Args:
        root: the folder; it may be missing as long as nothing is read.
        name: what people call it in messages; the bucket's URI.
        is_bucket: directories come and go with their objects, as in S3; otherwise (a local path of
            a person) a directory stays when its last file goes.
        make: make the folder when something is written and it is not there.
    """

    kind = "folder"
    concurrency = min(8, 2 * (os.cpu_count() or 1))

    def __init__(self, root: str, name: str = "", *, is_bucket: bool = True, make: bool = True) -> None:
        real = os.path.realpath(root)
        self._root = "" if real == "/" else real
        self._name = name or real
        self._is_bucket = is_bucket
        self._make = make

    def list(
        self, prefix: str = "", *, recursive: bool = True, start_after: str = ""
    ) -> Iterator[ObjectInfo]:
        self._exists()
        return self.tree().walk(prefix, recursive=recursive, start_after=start_after)

    def tree(self, on_skipped: OnSkipped | None = None) -> Tree:
        """The walk behind :meth:`list`, with a word about what it leaves out."""
        return Tree(self._root, on_skipped) if on_skipped else Tree(self._root)

    def stat(self, key: str) -> ObjectInfo:
        path = self._path(key)
        try:
            found = os.stat(path)  # noqa: PTH116
        except (FileNotFoundError, NotADirectoryError):
            self._exists()
            raise faults.object_not_found(self._shown(key)) from None
        except OSError as error:
            raise faults.from_os_error(error, path, self._shown(key)) from error
        is_directory = stat.S_ISDIR(found.st_mode)
        if is_directory != (key.endswith("/") or not key):
            raise faults.object_not_found(self._shown(key))
        if is_directory:
            return ObjectInfo(key, mtime=found.st_mtime, is_directory=True)
        os.close(files.open_inside(path, self._root))
        return file_info(key, found)

    def find(self, key: str) -> ObjectInfo | None:
        """A quick :meth:`stat` of a file or directory; None where nothing can be seen."""
        try:
            found = os.stat(self._path(key))  # noqa: PTH116
        except OSError:
            return None
        if stat.S_ISREG(found.st_mode):
            return file_info(key, found)
        return ObjectInfo(key, mtime=found.st_mtime, is_directory=True)

    def open_read(
        self, key: str, start: int = 0, length: int | None = None, *, info: ObjectInfo | None = None
    ) -> BinaryIO:
        del info  # an open file stays what it was
        fd = self._open(key)
        os.lseek(fd, start, os.SEEK_SET)
        if length is None:
            return os.fdopen(fd, "rb")
        return io.BufferedReader(_Limited(fd, length))

    def _open(self, key: str) -> int:
        path = self._path(key)
        if key.endswith("/"):
            raise faults.object_not_found(self._shown(key))
        try:
            return files.open_inside(path, self._root)
        except NotFound:
            self._exists()
            raise faults.object_not_found(self._shown(key)) from None

    def write(self, key: str, data: bytes | BinaryIO) -> ObjectInfo:
        path = self._path(key)
        if key.endswith("/"):
            return self._write_marker(key, path)
        new = self._opener(path)(0, 0o666)
        try:
            if isinstance(data, bytes):
                files.pwrite_all(new.fd, data, 0)
            else:
                _pour(data, new.fd)
        except BaseException as error:
            new.discard()
            if isinstance(error, OSError):
                raise faults.from_os_error(error, path, self._shown(key)) from error
            raise
        return file_info(key, new.commit())

    def _write_marker(self, key: str, path: str) -> ObjectInfo:
        self._writable()
        files.make_directory(path, self._root)
        if self._is_bucket:
            with contextlib.suppress(OSError):
                os.setxattr(path, _MARKER, b"1")
        return ObjectInfo(key, is_directory=True)

    def delete(self, keys: Iterable[str]) -> int:
        count = 0
        for key in keys:
            count += 1
            path = self._path(key)
            try:
                self._delete(path, key.endswith("/"))
            except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
                continue
            except OSError as error:
                raise faults.from_os_error(error, path, self._shown(key)) from error
            if self._is_bucket:
                self._prune(os.path.dirname(path.rstrip("/")))  # noqa: PTH120
        return count

    def _delete(self, path: str, is_directory: bool) -> None:
        parent = os.path.realpath(os.path.dirname(path.rstrip("/")))  # noqa: PTH120
        if self._root and parent != self._root and not parent.startswith(self._root + "/"):
            raise FileNotFoundError(path)
        if not is_directory:
            os.unlink(path)  # noqa: PTH108
            return
        with contextlib.suppress(OSError):
            os.removexattr(path, _MARKER)
        if not os.listdir(path):  # noqa: PTH208
            os.rmdir(path)  # noqa: PTH106

    def _prune(self, directory: str) -> None:
        """Remove directories that were there only for objects that are gone."""
        while directory.startswith(self._root + "/"):
            with contextlib.suppress(OSError):
                os.getxattr(directory, _MARKER)
                return
            try:
                os.rmdir(directory)  # noqa: PTH106
            except OSError:
                return
            directory = os.path.dirname(directory)  # noqa: PTH120

    def remove_empty(self, prefix: str) -> None:
        """Remove the directory ``prefix`` and those below it as far as they hold no files."""
        top = self._path(prefix.rstrip("/"))
        if os.path.islink(top):  # noqa: PTH114
            return
        for directory, _, _ in os.walk(top, topdown=False):
            with contextlib.suppress(OSError):
                os.rmdir(directory)  # noqa: PTH106
        if self._is_bucket:
            self._prune(os.path.dirname(top))  # noqa: PTH120

    def copy(self, source: str, target: str) -> ObjectInfo:
        if source.endswith("/") or target.endswith("/"):
            raise faults.object_not_found(self._shown(source))
        run_alone(FileCopy(lambda: self._open(source), self._opener(self._path(target)), self._shown(source)))
        return self.stat(target)

    def downloading(self, info: ObjectInfo, path: str, root: str = "") -> Transfer:
        def target(size: int, mode: int) -> files.NewFile:
            return files.NewFile(path, root, size, mode)

        return FileCopy(lambda: self._open(info.key), target, self._shown(info.key))

    def uploading(self, path: str, key: str, root: str = "") -> Transfer:
        return FileCopy(lambda: files.open_inside(path, root), self._opener(self._path(key)), path)

    def _opener(self, path: str) -> OpenTarget:
        def target(size: int, mode: int) -> files.NewFile:
            self._writable()
            return files.NewFile(path, self._root, size, mode)

        return target

    def check(self) -> None:
        self._exists()
        if not os.access(self._root or "/", os.R_OK | os.X_OK):
            raise faults.from_os_error(PermissionError(13, "Permission denied"), self._root, self._name)

    @property
    def root(self) -> str:
        """The real path of the folder, without trailing ``/``; empty for ``/``."""
        return self._root

    def path(self, key: str) -> str:
        """The file that holds ``key``."""
        return self._path(key)

    def _path(self, key: str) -> str:
        return f"{self._root}/{check_key(key, self._shown(key)) if self._is_bucket else key}"

    def _shown(self, key: str) -> str:
        return f"{self._name.rstrip('/')}/{key}"

    def _exists(self) -> None:
        if not os.path.isdir(self._root or "/"):  # noqa: PTH112
            raise NotFound(
                f"the bucket {self._name} does not exist: its folder {self._root} is missing",
                code=Code.BUCKET_NOT_FOUND,
            )

    def _writable(self) -> None:
        if not self._make:
            self._exists()


def _pour(data: BinaryIO, fd: int) -> None:
    at = 0
    while block := data.read(1 << 20):
        files.pwrite_all(fd, block, at)
        at += len(block)


class _Limited(io.FileIO):
    """The next ``length`` bytes of a file."""

    def __init__(self, fd: int, length: int) -> None:
        super().__init__(fd, "rb")
        self._left = length

    def readall(self) -> bytes:
        data = bytearray()
        while block := self.read(1 << 20):
            data += block
        return bytes(data)

    def read(self, size: int | None = -1, /) -> bytes:
        if size is None or size < 0:
            return self.readall()
        block = bytearray(size)
        return bytes(block[: self.readinto(block)])

    def readinto(self, buffer: object, /) -> int:
        view = memoryview(buffer)[: self._left]  # type: ignore[arg-type]
        n = super().readinto(view) or 0
        self._left -= n
        return n
