"""Unpacks a tar archive that somebody sent, or refuses it whole.

Only plain files and directories get through: no links, devices or sparse files, no name that is
absolute, has ``..`` or is there twice, and no more files, bytes or depth than the limits allow.
Nothing is written outside the folder that was given, and what is written has plain modes.
"""

from __future__ import annotations

import os
import shutil
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from trainshed.core.errors import Code, InvalidInput, TooLarge

MAX_DEPTH = 32
MAX_NAME_BYTES = 255
MAX_HEADER = 64 * 1024
DIRECTORIES_A_FILE = 10


@dataclass(frozen=True, slots=True)
class Limits:
    """How much an archive may hold."""

    files: int
    size: int


@dataclass(frozen=True, slots=True)
class Unpacked:
    """What an archive held."""

    files: int
    size: int


class _Member(tarfile.TarInfo):
    """A member whose extended headers are read into memory only up to a limit."""

    def _proc_member(self, archive: tarfile.TarFile) -> tarfile.TarInfo:
        extended = self.type in (tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK, *_PAX)
        if extended and not 0 <= self.size <= MAX_HEADER:
            raise tarfile.HeaderError("an extended header is too long")
        return super()._proc_member(archive)  # type: ignore[misc,no-any-return]  # pyright: ignore


_PAX = (tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE)


def unpack(archive: BinaryIO, folder: Path, limits: Limits) -> Unpacked:
    """Unpack ``archive`` into ``folder``, which must be new and empty.

    Raises:
        InvalidInput: it is no tar archive, or holds something that is not allowed.
        TooLarge: it is over a limit.
    """
    try:
        with tarfile.open(fileobj=archive, mode="r:", tarinfo=_Member, errorlevel=2) as opened:
            return _unpack(opened, folder, limits)
    except (tarfile.TarError, EOFError, UnicodeError, OverflowError, ValueError) as error:
        raise InvalidInput(
            f"the code is no tar archive that can be read: {error}", code=Code.PATH_INVALID
        ) from error


def _unpack(archive: tarfile.TarFile, folder: Path, limits: Limits) -> Unpacked:
    files = size = 0
    for name, member in _checked(archive, limits):
        target = folder / name
        if member.isdir():
            target.mkdir(parents=True, exist_ok=True)
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        source = archive.extractfile(member)
        assert source is not None, "a plain file"
        mode = 0o755 if member.mode & 0o100 else 0o644
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
        with source, os.fdopen(descriptor, "wb") as file:
            shutil.copyfileobj(source, file, 1 << 20)
            if file.tell() != member.size:
                raise InvalidInput("the archive ends in the middle of a file", code=Code.PATH_INVALID)
        files += 1
        size += member.size
    if not files:
        raise InvalidInput("the archive holds no file", code=Code.PATH_INVALID)
    return Unpacked(files, size)


def _checked(archive: tarfile.TarFile, limits: Limits) -> Iterator[tuple[str, tarfile.TarInfo]]:
    seen: set[str] = set()
    taken: set[str] = set()
    files = size = 0
    for count, member in enumerate(archive):
        name = _name(member)
        if not name:
            continue
        files += not member.isdir()
        size += max(0, member.size)
        if files > limits.files or count > limits.files * DIRECTORIES_A_FILE:
            raise TooLarge(f"the code has over {limits.files} files, the limit", code=Code.CODE_TOO_LARGE)
        if size > limits.size:
            raise TooLarge(f"the code has over {limits.size} bytes, the limit", code=Code.CODE_TOO_LARGE)
        parents = {"/".join(name.split("/")[:depth]) for depth in range(1, name.count("/") + 1)}
        if (name in seen and not member.isdir()) or name in taken or parents & taken:
            raise InvalidInput(f"the archive has {name!r} twice", code=Code.PATH_INVALID)
        seen |= {name, *parents}
        if not member.isdir():
            taken.add(name)
        yield name, member


def _name(member: tarfile.TarInfo) -> str:
    """The member's path below the folder; empty for the folder itself."""
    name = member.name
    shown = repr(name if len(name) <= 100 else name[:97] + "...")
    if not (member.isdir() or (member.isreg() and not member.issparse())):
        raise InvalidInput(
            f"the archive has {shown}, which is no plain file or directory (links are not allowed)",
            code=Code.PATH_INVALID,
        )
    parts = [part for part in name.split("/") if part not in ("", ".")]
    too_long = any(len(os.fsencode(part)) > MAX_NAME_BYTES for part in parts)
    if name.startswith("/") or ".." in parts or "\x00" in name or "\\" in name or too_long or member.size < 0:
        raise InvalidInput(f"the archive has {shown}, a path that is not allowed", code=Code.PATH_INVALID)
    if len(parts) > MAX_DEPTH:
        raise InvalidInput(f"the archive has {shown}, over {MAX_DEPTH} folders deep", code=Code.PATH_INVALID)
    return "/".join(parts)
