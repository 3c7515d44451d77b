"""Copies for local paths that the gateway does not see: the bytes go through the socket."""

import errno
import mmap
import os
import shutil
from typing import Any, Dict, List, Optional

from moxing.framework.file import _client, _errors, _objects, _paths
from moxing.framework.file._file import open_object
from moxing.framework.file._local_copy import new_file_beside


def download(
    uri: str, path: str, threads: int, names: Optional[List[str]], into: bool, single: bool
) -> Dict[str, Any]:
    """Copy an object to a file, or a directory's objects into a directory."""
    if single or not _is_directory(uri):
        if not _objects.kind_of(uri):
            return {"missing": True}
        if into:
            path = os.path.join(path, _paths.name_of(uri))
        return {"files": 1, "bytes": _fetch(uri, path)}
    found = {name: size for name, size, _ in _client.entries(uri, recursive=True)}
    chosen = list(found) if names is None else _chosen(uri, found, names)
    files = [n for n in chosen if not n.endswith("/")]
    _check_names(uri, files)
    for name in set(chosen).difference(files):
        os.makedirs(os.path.join(path, name), exist_ok=True)
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(threads) as pool:
        sizes = list(pool.map(lambda n: _fetch(_paths.join(uri, n), os.path.join(path, n)), files))
    return {"files": len(sizes), "bytes": sum(sizes)}


def _is_directory(uri: str) -> bool:
    return _objects.kind_of(uri if uri.endswith("/") else uri + "/") == "directory"


def _chosen(uri: str, found: Dict[str, int], names: List[str]) -> List[str]:
    chosen: List[str] = []
    for name in names:
        base = name.rstrip("/") + "/"
        below = [name] if name in found else [n for n in found if n.startswith(base)]
        if not below:
            raise _errors.not_found(_paths.join(uri, name))
        chosen.extend(below)
    return chosen


def _check_names(uri: str, files: List[str]) -> None:
    taken = set(files)
    for name in files:
        parts = name.split("/")
        for i in range(1, len(parts)):
            if "/".join(parts[:i]) in taken:
                raise _errors.MoxFileNameDuplicateException(
                    errno.EEXIST, "is both a file and a directory", _paths.join(uri, "/".join(parts[:i]))
                )


def _fetch(uri: str, path: str) -> int:
    temporary = new_file_beside(path)
    try:
        with open_object(uri) as source, open(temporary, "wb") as target:
            shutil.copyfileobj(source, target, 1 << 20)
            size = target.tell()
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
    return size


def upload(target: str, files: List[List[Any]], directories: List[str], threads: int) -> Dict[str, Any]:
    """Copy local files into a bucket's directory."""
    for name in directories:
        _client.call("mkdir", uri=_paths.join(target, name))
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(threads) as pool:
        sizes = list(pool.map(lambda f: _send(f[3], _paths.join(target, f[0])), files))
    return {"files": len(sizes), "bytes": sum(sizes)}


def _send(path: str, uri: str) -> int:
    with open(path, "rb") as source:
        size = os.fstat(source.fileno()).st_size
        if not size:
            _objects.write(uri, b"")
            return 0
        with mmap.mmap(source.fileno(), size, access=mmap.ACCESS_READ) as content:
            with memoryview(content) as view:
                _objects.write(uri, view)
    return size
