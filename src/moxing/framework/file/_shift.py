"""``shift('os', 'mox')``: let ``open``, ``os``, ``glob`` and ``shutil`` take ``obs://`` paths, and back.

A replacement looks at its path and calls the original for every path that is not in a bucket, so local
files behave exactly as before, in every thread. After ``shift('mox', 'os')`` the originals are back;
a replacement that somebody kept (``from os import listdir``) calls the original from then on.
"""

import builtins
import functools
import glob
import os
import shutil
import threading
from typing import Any, Callable, List, Optional, Tuple

from moxing.framework.file import _copy, _operations, _paths, _trees
from moxing.framework.file._file import File
from moxing.framework.file._log import logger

_lock = threading.Lock()
_shifted = False
_originals: List[Tuple[Any, str, Any, Any]] = []
_SUPPORTED = ("supports_dir_fd", "supports_fd", "supports_follow_symlinks", "supports_effective_ids")


def shift(source: str, target: str) -> None:
    """Switch Python's own file functions to take bucket paths, or back.

    Replaced are: ``open``; ``os.listdir makedirs mkdir remove rename scandir stat walk``;
    ``os.path.exists getsize isdir``; ``glob.glob``; ``shutil.copyfile copytree rmtree``.

    Args:
        source, target: ``'os', 'mox'`` to switch, ``'mox', 'os'`` to switch back. Twice is as once.

    Raises:
        ValueError: any other words.
    """
    if (source, target) not in (("os", "mox"), ("mox", "os")):
        raise ValueError("shift knows ('os', 'mox') and ('mox', 'os'), not {!r}".format((source, target)))
    global _shifted
    with _lock:
        if target == "mox" and not _shifted:
            _replace()
        elif target == "os" and _shifted:
            _restore()
        _shifted = target == "mox"


def is_shifted() -> bool:
    """Whether the replacements are in place."""
    return _shifted


def _replace() -> None:
    for module, name, make in _REPLACEMENTS:
        original = getattr(module, name)
        replacement = functools.wraps(original)(make(original))
        _originals.append((module, name, original, replacement))
        for supported in _SUPPORTED:
            if original in getattr(os, supported, ()):
                getattr(os, supported).add(replacement)
        setattr(module, name, replacement)


def _restore() -> None:
    while _originals:
        module, name, original, replacement = _originals.pop()
        for supported in _SUPPORTED:
            getattr(os, supported, set()).discard(replacement)
        if getattr(module, name) is replacement:
            setattr(module, name, original)
        else:
            logger.warning("%s.%s was replaced by others since shift('os', 'mox'); left alone", module, name)


def _for_path(remote: Callable[..., Any]) -> Callable[[Any], Callable[..., Any]]:
    """A replacement that looks at its first argument."""

    def make(original: Any) -> Callable[..., Any]:
        def replacement(*args: Any, **kwargs: Any) -> Any:
            if _shifted:
                if any(_paths.is_remote(path) for path in args[:1] or kwargs.values()):
                    return remote(*args, **kwargs)
            return original(*args, **kwargs)

        return replacement

    return make


def _for_two_paths(remote: Callable[..., Any]) -> Callable[[Any], Callable[..., Any]]:
    """A replacement that looks at source and destination."""

    def make(original: Any) -> Callable[..., Any]:
        def replacement(src: Any, dst: Any, *args: Any, **kwargs: Any) -> Any:
            if _shifted and (_paths.is_remote(src) or _paths.is_remote(dst)):
                return remote(src, dst, *args, **kwargs)
            return original(src, dst, *args, **kwargs)

        return replacement

    return make


def _open(
    file: Any,
    mode: str = "r",
    buffering: int = -1,
    encoding: Optional[str] = None,
    errors: Optional[str] = None,
    newline: Optional[str] = None,
    closefd: bool = True,
    opener: Any = None,
) -> File:
    return File(file, mode, encoding, buffering, errors, newline)


def _listdir(path: Any) -> List[Any]:
    names = _trees.list_directory(path)
    return [os.fsencode(n) for n in names] if isinstance(os.fspath(path), bytes) else names


def _makedirs(name: Any, mode: int = 0o777, exist_ok: bool = False) -> None:
    _operations.make_dirs(name)


def _mkdir(path: Any, mode: int = 0o777, dir_fd: Optional[int] = None) -> None:
    _operations.mk_dir(path)


def _remove(path: Any, dir_fd: Optional[int] = None) -> None:
    _operations.remove(path)


def _rename(src: Any, dst: Any, src_dir_fd: Optional[int] = None, dst_dir_fd: Optional[int] = None) -> None:
    _copy.rename(src, dst)


def _stat(path: Any, dir_fd: Optional[int] = None, follow_symlinks: bool = True) -> Any:
    return _operations.stat(path)


def _walk(top: Any, topdown: bool = True, onerror: Any = None, followlinks: bool = False) -> Any:
    return _trees.walk(top, topdown, onerror, followlinks)


def _scandir(path: Any) -> Any:
    return _trees.scan_dir(path)


def _exists(path: Any) -> bool:
    return _operations.exists(path)


def _isdir(s: Any) -> bool:
    return _operations.is_directory(s)


def _getsize(filename: Any) -> int:
    return _operations.get_size(filename)


def _glob(pathname: Any, **options: Any) -> List[str]:
    return _trees.glob(pathname, recursive=options.get("recursive", False))


def _copyfile(src: Any, dst: Any, follow_symlinks: bool = True) -> Any:
    _copy.copy(src, dst)
    return dst


def _copytree(src: Any, dst: Any, symlinks: bool = False, ignore: Any = None, *_: Any, **options: Any) -> Any:
    if ignore is not None:
        raise ValueError("copytree with ignore= does not work for a bucket; use copy_parallel(file_list=)")
    _copy.copy_parallel(src, dst)
    return dst


def _rmtree(path: Any, ignore_errors: bool = False, onerror: Any = None, **_: Any) -> None:
    try:
        _operations.remove(path, recursive=True)
    except OSError:
        if not ignore_errors:
            raise


_Make = Callable[[Any], Callable[..., Any]]
_REPLACEMENTS: List[Tuple[Any, str, _Make]] = [
    (builtins, "open", _for_path(_open)),
    (os, "listdir", _for_path(_listdir)),
    (os, "makedirs", _for_path(_makedirs)),
    (os, "mkdir", _for_path(_mkdir)),
    (os, "remove", _for_path(_remove)),
    (os, "rename", _for_two_paths(_rename)),
    (os, "scandir", _for_path(_scandir)),
    (os, "stat", _for_path(_stat)),
    (os, "walk", _for_path(_walk)),
    (os.path, "exists", _for_path(_exists)),
    (os.path, "getsize", _for_path(_getsize)),
    (os.path, "isdir", _for_path(_isdir)),
    (glob, "glob", _for_path(_glob)),
    (shutil, "copyfile", _for_two_paths(_copyfile)),
    (shutil, "copytree", _for_two_paths(_copytree)),
    (shutil, "rmtree", _for_path(_rmtree)),
]
