"""The small functions of ``mox.file``: one file or directory at a time."""

import os
import shutil
from typing import Any, Optional

from moxing.framework.file import _client, _errors, _objects, _paths
from moxing.framework.file._file import File
from moxing.framework.file._log import logger


def read(url: Any, client_id: Optional[str] = None, binary: bool = False, exist_check: bool = False) -> Any:
    """The whole content of a file: text (UTF-8), or bytes if ``binary``.

    Args:
        client_id, exist_check: accepted for the sake of old scripts; a missing file always raises.

    Raises:
        MoxFileNotExistsException: no such file.
    """
    with File(url, "rb" if binary else "r") as f:
        return f.read()


def write(url: Any, data: Any, binary: bool = False) -> None:
    """Make the file hold ``data`` and nothing else."""
    path = _paths.text(url)
    if _paths.is_remote(path):
        _objects.write(path, _bytes(data))
        return
    with open(path, "wb") as f:
        f.write(_bytes(data))


def append(url: Any, data: Any, binary: bool = False) -> None:
    """Add ``data`` to the end of the file, which is made where it is not there.

    What several ranks append at once is all there afterwards, in some order.
    """
    path = _paths.text(url)
    if _paths.is_remote(path):
        _objects.append(path, _bytes(data))
        return
    with open(path, "ab") as f:
        f.write(_bytes(data))


def _bytes(data: Any) -> Any:
    return data.encode("utf-8") if isinstance(data, str) else data


def append_remote(src_url: Any, dst_url: Any, client_id: Optional[str] = None) -> None:
    """Add the content of the file ``src_url`` to the end of ``dst_url``."""
    source, target = _paths.text(src_url), _paths.text(dst_url)
    if _paths.is_remote(source) and _paths.is_remote(target):
        try:
            _client.call("append", once=True, uri=target, source=source)
        except _client.InDoubt as error:
            raise _errors.unavailable(
                "{} may or may not have been added to {}: {}".format(source, target, error)
            )
        return
    with File(source, "rb") as reader, File(target, "ab") as writer:
        shutil.copyfileobj(reader, writer, 1 << 20)


def exists(url: Any) -> bool:
    """Whether there is a file or directory of that name."""
    path = _paths.text(url)
    return _objects.kind_of(path) is not None if _paths.is_remote(path) else os.path.exists(path)


def is_directory(url: Any) -> bool:
    """Whether there is a directory of that name."""
    path = _paths.text(url)
    if not _paths.is_remote(path):
        return os.path.isdir(path)
    return _objects.kind_of(path if path.endswith("/") else path + "/") == "directory"


def stat(url: Any) -> _objects.Statistics:
    """``length`` (bytes), ``mtime_nsec`` and ``is_directory``, beside what ``os.stat`` has.

    Raises:
        MoxFileNotExistsException: nothing of that name.
    """
    path = _paths.text(url)
    if _paths.is_remote(path):
        return _objects.stat(path)
    try:
        return _objects.local_statistics(os.stat(path))
    except FileNotFoundError:
        raise _errors.not_found(path)


def get_size(url: Any, recursive: bool = False) -> int:
    """Bytes of a file; of all files in a directory if ``recursive``, and always for a local one.

    Raises:
        MoxFileNotExistsException: nothing of that name.
    """
    path = _paths.text(url)
    found = stat(path)
    if not found.is_directory:
        return found.length
    if _paths.is_remote(path):
        return sum(size for _, size, _ in _client.entries(path, True)) if recursive else 0
    return sum(
        os.path.getsize(os.path.join(root, name))
        for root, _, names in os.walk(path)
        for name in names
        if os.path.exists(os.path.join(root, name))
    )


def make_dirs(url: Any) -> None:
    """Make a directory and those above it; it is no error if it is there."""
    path = _paths.text(url)
    if _paths.is_remote(path):
        _client.call("mkdir", uri=path)
    elif path:
        os.makedirs(path, exist_ok=True)


def mk_dir(url: Any) -> None:
    """Make a directory in one that is there.

    Raises:
        OSError: the one above is not there; or, for a local path, the directory is there already.
    """
    path = _paths.text(url)
    if not _paths.is_remote(path):
        os.mkdir(path)
        return
    parent, name = _paths.split(path)
    if name and not is_directory(parent):
        raise _errors.not_found(parent)
    _client.call("mkdir", uri=path)


def remove(url: Any, recursive: bool = False) -> None:
    """Remove a file, or a directory with all that is in it if ``recursive``.

    In a bucket, as MoXing does, nothing happens (but for a warning) when there is no such file, or
    when it is a directory and ``recursive`` was not asked for.

    Raises:
        OSError: the same, for a local path.
    """
    path = _paths.text(url)
    if not _paths.is_remote(path):
        if recursive and os.path.isdir(path) and not os.path.islink(path):
            shutil.rmtree(path)
        else:
            os.remove(path)
        return
    removed = _client.call("remove", uri=path, recursive=recursive).result["removed"]
    if not removed:
        what = "path" if recursive else "file"
        logger.warning("nothing was removed: there is no such %s as %s", what, path)
