"""Listing, walking and matching names, local and in buckets."""

import fnmatch
import glob as local_glob
import os
import re
from typing import Any, Callable, Dict, Iterator, List, Optional, Tuple

from moxing.framework.file import _client, _errors, _objects, _paths

_MAGIC = re.compile(r"[*?[]")
Level = Tuple[str, List[str], List[str]]
Tree = Dict[str, Tuple[List[str], List[str]]]


def list_directory(
    url: Any,
    recursive: bool = False,
    skip_file: bool = False,
    skip_dir: bool = False,
    remove_sep: bool = True,
) -> List[str]:
    """Names in a directory, relative to it.

    Args:
        recursive: also what is further down, as ``sub/name``.
        skip_file: leave files out.
        skip_dir: leave directories out.
        remove_sep: directories without ``/`` at the end.

    Raises:
        MoxFileNotExistsException: no such directory.
        NotADirectoryError: it is a file.
    """
    path = _paths.text(url)
    if _paths.is_remote(path):
        names = _remote_names(path, recursive)
    else:
        names = _local_names(path, recursive)
    chosen = [n for n in names if not (skip_dir if n.endswith("/") else skip_file)]
    return [n.rstrip("/") for n in chosen] if remove_sep else chosen


def _remote_names(path: str, recursive: bool) -> List[str]:
    names = [name for name, _, _ in _client.entries(path, recursive)]
    return with_directories(names) if recursive else names


def with_directories(names: List[str]) -> List[str]:
    """``names`` with the directories that their paths imply, in order.

    >>> with_directories(["a/b", "c/"])
    ['a/', 'a/b', 'c/']
    """
    found = set(names)
    for name in names:
        parts = name.rstrip("/").split("/")
        found.update("/".join(parts[:i]) + "/" for i in range(1, len(parts)))
    return sorted(found)


def _local_names(path: str, recursive: bool) -> List[str]:
    if not recursive:
        return sorted(n + "/" if os.path.isdir(os.path.join(path, n)) else n for n in os.listdir(path))
    names: List[str] = []
    for root, directories, files in os.walk(path, onerror=_raise):
        base = os.path.relpath(root, path)
        prefix = "" if base == "." else base + "/"
        names.extend(prefix + d + "/" for d in directories)
        names.extend(prefix + f for f in files)
    return sorted(names)


def _raise(error: OSError) -> None:
    raise error


class DirEntry(object):
    """One name in a bucket's directory, like :class:`os.DirEntry`.

    Attributes:
        name: without the directory.
        path: the whole URL.
    """

    def __init__(self, path: str, name: str, statistics: _objects.Statistics) -> None:
        self.name = name
        self.path = path
        self._statistics = statistics

    def is_dir(self, follow_symlinks: bool = True) -> bool:
        """Whether it is a directory."""
        return self._statistics.is_directory

    def is_file(self, follow_symlinks: bool = True) -> bool:
        """Whether it is a file."""
        return not self._statistics.is_directory

    def is_symlink(self) -> bool:
        """False: a bucket has no links."""
        return False

    def is_junction(self) -> bool:
        """False: a bucket has no junctions."""
        return False

    def inode(self) -> int:
        """0: a bucket has no inodes."""
        return 0

    def stat(self, follow_symlinks: bool = True) -> _objects.Statistics:
        """Size and time."""
        return self._statistics

    def __fspath__(self) -> str:
        return self.path

    def __repr__(self) -> str:
        return "<DirEntry {!r}>".format(self.name)


class _Scan(object):
    """What ``scan_dir`` of a bucket gives: iterable, and closed by ``with``."""

    def __init__(self, entries: Iterator[DirEntry]) -> None:
        self._entries = entries

    def __iter__(self) -> "_Scan":
        return self

    def __next__(self) -> DirEntry:
        return next(self._entries)

    def __enter__(self) -> "_Scan":
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    def close(self) -> None:
        """Nothing more comes."""
        self._entries = iter(())


def scan_dir(url: Any) -> Any:
    """The entries of a directory, with ``name``, ``path``, ``is_dir()``, ``is_file()`` and ``stat()``.

    Raises:
        MoxFileNotExistsException: no such directory.
    """
    path = _paths.text(url)
    if not _paths.is_remote(path):
        return os.scandir(path)
    found: List[DirEntry] = []
    for name, size, mtime_ns in _client.entries(path, recursive=False):
        bare = name.rstrip("/")
        statistics = _objects.Statistics(size, mtime_ns, name != bare)
        found.append(DirEntry(_paths.join(path, bare), bare, statistics))
    return _Scan(iter(found))


def walk(
    url: Any,
    topdown: bool = True,
    onerror: Optional[Callable[[OSError], None]] = None,
    followlinks: bool = False,
) -> Iterator[Level]:
    """``(directory, directories, files)`` for each directory, as :func:`os.walk` gives them.

    With ``topdown``, names taken out of ``directories`` are not entered. A directory that is not there
    gives nothing; ``onerror`` is called with why.
    """
    path = _paths.text(url)
    if not _paths.is_remote(path):
        return os.walk(path, topdown, onerror, followlinks)
    return _walk_remote(path, topdown, onerror)


def _walk_remote(path: str, topdown: bool, onerror: Optional[Callable[[OSError], None]]) -> Iterator[Level]:
    try:
        names = _remote_names(path, recursive=True)
    except OSError as error:
        if onerror is not None:
            onerror(error)
        return
    tree: Tree = {"": ([], [])}
    for name in names:
        parent, _, bare = name.rstrip("/").rpartition("/")
        if name.endswith("/"):
            tree[name.rstrip("/")] = ([], [])
        tree[parent][0 if name.endswith("/") else 1].append(bare)
    for level in _levels(tree, path, "", topdown):
        yield level


def _levels(tree: Tree, url: str, key: str, topdown: bool) -> Iterator[Level]:
    directories, files = tree[key]
    if topdown:
        yield url, directories, files
    for name in directories:
        below = key + "/" + name if key else name
        if below in tree:
            for level in _levels(tree, _paths.join(url, name), below, topdown):
                yield level
    if not topdown:
        yield url, directories, files


def glob(url: Any, recursive: bool = False) -> List[str]:
    """Whole paths that match the pattern ``url``, sorted.

    ``*``, ``?`` and ``[…]`` match within one name, and not a leading dot; ``**`` matches any number
    of directories if ``recursive``.
    """
    path = _paths.text(url)
    if not _paths.is_remote(path):
        return sorted(local_glob.glob(path, recursive=recursive))
    bucket = path.find("/", path.index("://") + 3)
    if bucket < 0 or _MAGIC.search(path[:bucket]):
        return [path] if not _MAGIC.search(path) and _objects.kind_of(path) else []
    found = [path[:bucket]]
    parts = path[bucket + 1 :].split("/")
    for i, part in enumerate(parts):
        found = _match_part(found, part, i == len(parts) - 1, recursive)
    if parts[-1] and not _MAGIC.search(parts[-1]):
        found = [f for f in found if _objects.kind_of(f)]
    return sorted(set(found))


def _match_part(directories: List[str], part: str, last: bool, recursive: bool) -> List[str]:
    if part == "**" and recursive:
        return [m for d in directories for m in _all_below(d, last)]
    if not part or not _MAGIC.search(part):
        return [d + "/" + part for d in directories]
    matches: List[str] = []
    for directory in directories:
        for name in _names_or_none(directory, recursive=False):
            bare = name.rstrip("/")
            if (last or name != bare) and _matches(bare, part):
                matches.append(directory + "/" + bare)
    return matches


def _all_below(directory: str, files_too: bool) -> List[str]:
    names = with_directories(_names_or_none(directory, recursive=True))
    chosen = [n for n in names if (files_too or n.endswith("/")) and not re.search(r"(^|/)\.", n)]
    here = [directory + "/"] if files_too else [directory]
    return here + [directory + "/" + n.rstrip("/") for n in chosen]


def _names_or_none(directory: str, recursive: bool) -> List[str]:
    try:
        return [name for name, _, _ in _client.entries(directory, recursive)]
    except (_errors.MoxFileNotExistsException, NotADirectoryError):
        return []


def _matches(name: str, pattern: str) -> bool:
    return fnmatch.fnmatchcase(name, pattern) and (not name.startswith(".") or pattern.startswith("."))
