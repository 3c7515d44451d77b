"""The same questions and orders for objects in a bucket: what the gateway is asked."""

import os
import stat as stat_module
from typing import Any, Dict, Optional

from moxing.framework.file import _client, _errors
from moxing.framework.file._spool import Spool


class Statistics(object):
    """What is known of a file, by MoXing's names and by those of ``os.stat_result``.

    Attributes:
        length: bytes.
        mtime_nsec: of the last change, nanoseconds since the epoch.
        is_directory: whether it is one.
    """

    def __init__(self, length: int, mtime_nsec: int, is_directory: bool) -> None:
        self.length = length
        self.mtime_nsec = mtime_nsec
        self.is_directory = is_directory
        self.st_size = length
        self.st_mtime_ns = self.st_atime_ns = self.st_ctime_ns = mtime_nsec
        self.st_mtime = self.st_atime = self.st_ctime = mtime_nsec / 1e9
        self.st_mode = (stat_module.S_IFDIR | 0o755) if is_directory else (stat_module.S_IFREG | 0o644)
        self.st_ino = self.st_dev = 0
        self.st_nlink = 1
        self.st_uid = self.st_gid = 0

    def __getitem__(self, index: int) -> int:
        names = ("st_mode", "st_ino", "st_dev", "st_nlink", "st_uid", "st_gid", "st_size")
        if index < len(names):
            return getattr(self, names[index])
        return int((self.st_atime, self.st_mtime, self.st_ctime)[index - len(names)])

    def __repr__(self) -> str:
        return "Statistics(length={}, mtime_nsec={}, is_directory={})".format(
            self.length, self.mtime_nsec, self.is_directory
        )


def local_statistics(found: os.stat_result) -> Statistics:
    """The statistics of a local file."""
    is_directory = stat_module.S_ISDIR(found.st_mode)
    made = Statistics(found.st_size, found.st_mtime_ns, is_directory)
    for name in ("st_mode", "st_ino", "st_dev", "st_nlink", "st_uid", "st_gid", "st_atime", "st_ctime"):
        setattr(made, name, getattr(found, name))
    return made


def look(uri: str) -> Optional[Dict[str, Any]]:
    """``{"kind", "size", "mtime_ns", "etag"}``, or None where nothing is.

    With a trailing ``/`` only a directory counts; without, a file goes before a directory.
    """
    found = _client.call("stat", uri=uri).result
    return found if found.get("kind") else None


def kind_of(uri: str) -> Optional[str]:
    """``file``, ``directory``, or None where nothing is."""
    found = look(uri)
    return found["kind"] if found else None


def stat(uri: str) -> Statistics:
    """Statistics of ``uri``.

    Raises:
        MoxFileNotExistsException: nothing is there.
    """
    found = look(uri)
    if found is None:
        raise _errors.not_found(uri)
    return Statistics(found["size"], found["mtime_ns"], found["kind"] == "directory")


def size_of(uri: str) -> int:
    """Bytes of the object; 0 for a directory.

    Raises:
        MoxFileNotExistsException: nothing is there.
    """
    return stat(uri).length


def put(uri: str, spool: Spool) -> None:
    """Make ``uri`` hold what is in ``spool``."""
    if spool.path is not None:
        spool.flush()
        try:
            _client.call("put", uri=uri, path=spool.path)
            return
        except _errors.PathNotShared:
            pass
    with spool.view() as content:
        write(uri, content)


def write(uri: str, data: Any) -> None:
    """Make ``uri`` hold ``data``."""
    _client.call("write", body=data, uri=uri)


def append(uri: str, data: Any) -> None:
    """Add ``data`` to the end of ``uri``, which begins empty where it is not there.

    Raises:
        MoxFileRespException: the gateway went away in the middle.
    """
    try:
        _client.call("append", body=data, once=True, uri=uri)
    except _client.InDoubt as error:
        size = len(memoryview(data).cast("B"))
        why = "{} bytes may or may not have been added to {}: {}; look at its size before adding them again"
        raise _errors.unavailable(why.format(size, uri, error))
