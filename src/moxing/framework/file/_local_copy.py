"""Copies that touch no bucket, and the list of what a local tree holds."""

import errno
import os
import shutil
from typing import Any, Dict, List, Optional, Set, Tuple

from moxing.framework.file import _errors
from moxing.framework.file._log import logger


def entry(path: str, name: str) -> List[Any]:
    """``[name, bytes, mtime_ns, path]`` of a file, as the gateway wants it."""
    found = os.stat(path)
    return [name, found.st_size, found.st_mtime_ns, path]


def tree(root: str, names: Optional[List[str]] = None) -> Tuple[List[List[Any]], List[str]]:
    """All files under ``root`` (or those of ``names``), and its empty directories.

    Links are followed, but not in circles; what is neither file nor directory is left out with a warning.

    Raises:
        MoxFileNotExistsException: one of ``names`` is not there.
    """
    real = os.path.realpath(root)
    files: List[List[Any]] = []
    empty: List[str] = []
    if names is None:
        _walk(real, "", {real}, files, empty)
        return files, empty
    for name in names:
        path = os.path.realpath(os.path.join(real, name))
        if os.path.isdir(path):
            _walk(path, name.rstrip("/") + "/", {path}, files, empty)
        elif os.path.isfile(path):
            files.append(entry(path, name))
        else:
            raise _errors.not_found(os.path.join(root, name))
    return files, empty


def _walk(directory: str, prefix: str, above: Set[str], files: List[List[Any]], empty: List[str]) -> None:
    with os.scandir(directory) as scan:
        entries = sorted(scan, key=lambda e: e.name)
    if not entries and prefix:
        empty.append(prefix)
    for found in entries:
        path = os.path.realpath(found.path) if found.is_symlink() else os.path.join(directory, found.name)
        if found.is_dir():
            if path in above:
                logger.warning("left out %s: a link that leads in a circle", found.path)
            else:
                _walk(path, prefix + found.name + "/", above | {path}, files, empty)
        elif found.is_file():
            stat = found.stat()
            files.append([prefix + found.name, stat.st_size, stat.st_mtime_ns, path])
        else:
            logger.warning("left out %s: neither a file nor a directory", found.path)


def copy_tree(source: str, target: str, names: Optional[List[str]], threads: int) -> Dict[str, Any]:
    """Copy a local tree into a local directory."""
    files, empty = tree(source, names)
    if os.path.exists(target) and not os.path.isdir(target):
        raise _errors.MoxFileNameDuplicateException(errno.EEXIST, "is a file; a directory is wanted", target)
    os.makedirs(target, exist_ok=True)
    for name in empty:
        os.makedirs(os.path.join(target, name), exist_ok=True)
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(threads) as pool:
        sizes = list(pool.map(lambda f: copy_file(f[3], os.path.join(target, f[0])), files))
    return {"files": len(sizes), "bytes": sum(sizes)}


def copy_file(source: str, target: str) -> int:
    """Copy one local file; its size. It appears whole, or not at all.

    Raises:
        OSError: it was not copied whole.
    """
    if os.path.isdir(target):
        raise _errors.MoxFileNameDuplicateException(errno.EEXIST, "is a directory; a file is wanted", target)
    if os.path.exists(target) and os.path.samefile(source, target):
        return os.path.getsize(source)
    temporary = new_file_beside(target)
    try:
        shutil.copyfile(source, temporary)
        size = os.path.getsize(temporary)
        if size != os.path.getsize(source):
            raise OSError(errno.EIO, "changed while it was copied; copy it again", source)
        shutil.copymode(source, temporary)
        os.replace(temporary, target)
    except BaseException:
        os.unlink(temporary)
        raise
    return size


def new_file_beside(target: str) -> str:
    """An empty temporary file in the directory of ``target``, which is made."""
    import tempfile

    folder = os.path.dirname(os.path.abspath(target))
    os.makedirs(folder, exist_ok=True)
    fd, temporary = tempfile.mkstemp(prefix=".moxing-", dir=folder)
    os.close(fd)
    return temporary


def move(source: str, target: str) -> None:
    """Rename a local file or directory, across file systems too."""
    if not os.path.lexists(source):
        raise _errors.not_found(source)
    parent = os.path.dirname(os.path.abspath(target.rstrip("/") or target))
    os.makedirs(parent, exist_ok=True)
    try:
        os.rename(source, target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        shutil.move(source, target)
