"""Which paths are in a bucket, and how to take them apart."""

import os
import re
from typing import Any, Tuple

_REMOTE = re.compile(r"(?:obs|s3)://", re.IGNORECASE)
_COLLAPSED = re.compile(r"(obs|s3):/(?!/)", re.IGNORECASE)  # what pathlib makes of obs://
_SLASHES = re.compile(r"/(?:\.?/)+")


def text(path: Any) -> str:
    """``path`` as text.

    >>> text("obs://b//a/./c")
    'obs://b/a/c'

    Args:
        path: str, bytes or os.PathLike. ``file://`` is taken off. In a bucket, ``//`` and ``/./`` are one
            ``/``.

    Raises:
        TypeError: anything else.
    """
    given = os.fspath(path)
    name = os.fsdecode(given)
    if given is not path:
        name = _COLLAPSED.sub(r"\1://", name, count=1)
    if _REMOTE.match(name):
        scheme, rest = name.split("://", 1)
        plain = _SLASHES.sub("/", rest.lstrip("/"))
        return "{}://{}".format(scheme.lower(), plain[:-1] if plain.endswith("/.") else plain)
    if name.startswith("file:///"):
        return name[len("file://") :]
    return name


def is_remote(path: Any) -> bool:
    """Whether ``path`` (as :func:`text` gives it, or anything else at all) is in a bucket."""
    if isinstance(path, str):
        return _REMOTE.match(path) is not None
    if isinstance(path, bytes):
        return _REMOTE.match(path[:6].decode("latin-1")) is not None
    if hasattr(path, "__fspath__"):
        found = os.fspath(path)
        return is_remote(found) or (isinstance(found, str) and _COLLAPSED.match(found) is not None)
    return False


def join(directory: str, name: str) -> str:
    """``name`` inside the URL or path ``directory``."""
    return directory + name if directory.endswith("/") else directory + "/" + name


def split(path: str) -> Tuple[str, str]:
    """Parent and last part; a trailing ``/`` does not count. A bucket has no last part.

    >>> split("obs://b/x/y/")
    ('obs://b/x', 'y')
    >>> split("obs://b")
    ('obs://b', '')
    """
    head = ""
    rest = path.rstrip("/") if path.rstrip("/") else path
    match = _REMOTE.match(rest)
    if match:
        bucket, _, key = rest[match.end() :].partition("/")
        head = rest[: match.end()] + bucket
        parent, _, name = key.rpartition("/")
        return (head + "/" + parent if parent else head), name
    return os.path.split(rest)


def name_of(path: str) -> str:
    """The last part of ``path``."""
    return split(path)[1]
