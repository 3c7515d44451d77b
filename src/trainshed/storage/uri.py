"""Where an object is: ``obs://bucket/key``, ``s3://bucket/key``, ``file:///path`` or a plain path.

A key is what S3 takes it to be: text of up to 1,024 bytes of UTF-8, ``/`` between its parts and
none before the first. What no folder can hold and no server agrees on (``..``, ``.``, an empty
part, NUL) is refused here, once, with one sentence.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass

from trainshed.core.errors import Code, InvalidInput

MAX_KEY_BYTES = 1024
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_BUCKET = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}", re.IGNORECASE)
_REMOTE = ("obs", "s3")


@dataclass(frozen=True, slots=True)
class Location:
    """A parsed URI.

    Attributes:
        scheme: ``obs``, ``s3`` or ``file``.
        bucket: empty for a local path.
        key: without a leading ``/`` in a bucket; the absolute path for ``file``. A trailing ``/``
            says that a directory is meant.
    """

    scheme: str
    bucket: str
    key: str

    @property
    def is_local(self) -> bool:
        """Whether it is a path of this machine."""
        return self.scheme == "file"

    @property
    def name(self) -> str:
        """The last part of the key or path; empty for a whole bucket."""
        return self.key.rstrip("/").rpartition("/")[2]

    def __str__(self) -> str:
        if self.is_local:
            return f"file://{self.key.replace('%', '%25')}"
        return f"{self.scheme}://{self.bucket}/{self.key}"

    def __truediv__(self, relative: str) -> Location:
        """The location of ``relative`` under this one, taken as a directory."""
        base = self.key if self.key.endswith("/") or not self.key else self.key + "/"
        return Location(self.scheme, self.bucket, base + relative)

    def as_directory(self) -> Location:
        """The same location with a trailing ``/`` (a whole bucket stays as it is)."""
        key = self.key if self.key.endswith("/") or not self.key else self.key + "/"
        return Location(self.scheme, self.bucket, key)


def parse_uri(uri: str | os.PathLike[str]) -> Location:
    """Take ``uri`` apart.

    >>> parse_uri("obs://data/mnist/train/")
    Location(scheme='obs', bucket='data', key='mnist/train/')
    >>> parse_uri("/tmp/x").key
    '/tmp/x'

    Raises:
        InvalidInput: an unknown scheme, no bucket, or a key that is not allowed.
    """
    text = os.fspath(uri)
    if not text:
        raise _invalid(
            "an empty URI names nothing; write obs://bucket/path, s3://bucket/path or a local path"
        )
    if "\x00" in text:
        raise _invalid(f"URI {_shown(text)} holds a NUL character")
    match = _SCHEME.match(text)
    if match is None:
        return _local(text)
    scheme = match[1].lower()
    rest = text[match.end() :]
    if scheme == "file":
        return _file_uri(text, rest)
    if scheme not in _REMOTE:
        raise _invalid(
            f"URI {_shown(text)} has the unknown scheme {scheme!r}; use obs, s3, file or a plain path"
        )
    bucket, _, key = rest.partition("/")
    if not _BUCKET.fullmatch(bucket):
        raise _invalid(f"URI {_shown(text)} has no valid bucket name after {scheme}://")
    return Location(scheme, bucket, check_key(key.lstrip("/"), text) if key else "")


def _local(path: str) -> Location:
    directory = path.endswith("/") and path != "/"
    absolute = os.path.abspath(os.path.expanduser(path))  # noqa: PTH100, PTH111
    return Location("file", "", absolute + "/" if directory and absolute != "/" else absolute)


def _file_uri(text: str, rest: str) -> Location:
    host, slash, path = rest.partition("/")
    if host not in ("", "localhost") or not slash:
        raise _invalid(f"URI {_shown(text)} names a host; write file:///absolute/path")
    from urllib.parse import unquote  # late: few need it, and it takes a while

    return _local("/" + unquote(path))


def check_key(key: str, shown: str = "") -> str:
    """``key`` itself, if an object may be called so in a bucket of any kind.

    Raises:
        InvalidInput: over 1,024 bytes, not UTF-8, or with a part that is empty, ``.`` or ``..``,
            or with NUL.
    """
    what = _shown(shown or key)
    try:
        size = len(key.encode())
    except UnicodeEncodeError:
        raise _invalid(f"{what} is not valid UTF-8; rename the file") from None
    if size > MAX_KEY_BYTES:
        raise _invalid(f"{what} has a key of {size} bytes; {MAX_KEY_BYTES} at most")
    if "\x00" in key:
        raise _invalid(f"{what} holds a NUL character")
    parts = key.removesuffix("/").split("/") if key else []
    for part in parts:
        if part in ("", ".", ".."):
            wrong = f"the part {part!r}" if part else "an empty part ('//')"
            raise _invalid(f"{what} has {wrong} in its path, which is not allowed")
    return key


def _shown(text: str) -> str:
    return repr(text if len(text) <= 120 else text[:117] + "...")


def _invalid(message: str) -> InvalidInput:
    return InvalidInput(message, code=Code.URI_INVALID)
