"""The code directory as one archive, named by its content: what is unchanged is not sent again."""

from __future__ import annotations

import hashlib
import os
import tarfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast

from trainshed.core.errors import Code, InvalidInput
from trainshed.core.home import CREDENTIALS

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

IGNORE_FILE = ".trainshedignore"
# ModelArts' own limits on a code directory; data does not belong in it.
MAX_FILES = 1000
MAX_BYTES = 5 * 1024**3
MAX_DEPTH = 32

DEFAULT_IGNORES = (
    ".trainshed/",
    ".git/",
    ".hg/",
    ".svn/",
    "__pycache__/",
    "*.py[co]",
    ".venv/",
    "venv/",
    "node_modules/",
    ".ipynb_checkpoints/",
    ".mypy_cache/",
    ".pytest_cache/",
    ".ruff_cache/",
    ".tox/",
    ".idea/",
    ".vscode/",
    ".DS_Store",
    "*.egg-info/",
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of a bundle: its path in the code directory, with ``/``, and its size in bytes."""

    path: str
    size: int


@dataclass(frozen=True, slots=True)
class Bundle:
    """What of a code directory is shipped.

    Attributes:
        entries: by path.
        left_out: files and folders (ending in ``/``) that were ignored, topmost only.
    """

    root: Path
    entries: tuple[Entry, ...]
    left_out: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(entry.size for entry in self.entries)

    def largest(self, count: int = 10) -> list[Entry]:
        """The ``count`` largest files, largest first."""
        return sorted(self.entries, key=lambda entry: (-entry.size, entry.path))[:count]


def collect(root: Path, *, exclude: Iterable[Path] = (), gitignore: bool = False) -> Bundle:
    """The files under ``root`` that a job needs.

    Version control, virtual environments and caches are left out, and whatever
    ``.trainshedignore`` in ``root`` lists (in .gitignore's words).

    Args:
        exclude: files or folders to leave out besides, such as the job's own data.
        gitignore: whether to leave out what ``root``'s ``.gitignore`` lists too.

    Raises:
        InvalidInput: ``root`` is no folder, or holds more than a code directory may.
    """
    if not root.is_dir():
        raise InvalidInput(f"the code directory {root} is not a folder", code=Code.PATH_INVALID)
    spec = _ignore_spec(root, gitignore)
    outside = {path.resolve() for path in exclude}
    entries, left_out = list[Entry](), list[str]()
    size = 0
    for path, relative, kept in _walk(root, spec, outside):
        if not kept:
            left_out.append(relative)
            continue
        entries.append(Entry(relative, path.stat().st_size))
        size += entries[-1].size
        _check_limits(root, len(entries), size)
    return Bundle(root, tuple(sorted(entries, key=lambda entry: entry.path)), tuple(sorted(left_out)))


def _ignore_spec(root: Path, gitignore: bool) -> GitIgnoreSpec:
    from pathspec import GitIgnoreSpec

    lines = list(DEFAULT_IGNORES)
    for name in [".gitignore"] * gitignore + [IGNORE_FILE]:
        if (root / name).is_file():
            lines += (root / name).read_text(errors="replace").splitlines()
    return GitIgnoreSpec.from_lines(lines)


def _walk(root: Path, spec: GitIgnoreSpec, outside: set[Path]) -> Iterator[tuple[Path, str, bool]]:
    """Every file with its relative path and whether it is kept; an ignored folder once, not entered."""
    entered = set[Path]()
    folders = [(root, "")]
    while folders:
        folder, prefix = folders.pop()
        if (real := folder.resolve()) in entered:
            continue  # a link back to a folder that is there already
        entered.add(real)
        for item in sorted(os.scandir(folder), key=lambda item: item.name):
            path, relative = Path(item.path), prefix + item.name
            if item.is_dir():
                if spec.match_file(relative + "/") or path.resolve() in outside or _no_code(path):
                    yield path, relative + "/", False
                else:
                    _check_depth(root, relative)
                    folders.append((path, relative + "/"))
            elif item.is_file():
                yield path, relative, not spec.match_file(relative) and path.resolve() not in outside


def _no_code(folder: Path) -> bool:
    """Whether it is a virtual environment, or the home of a service with its secrets."""
    return any((folder / name).is_file() for name in ("pyvenv.cfg", "secret.key", CREDENTIALS))


def _check_depth(root: Path, relative: str) -> None:
    if relative.count("/") + 1 >= MAX_DEPTH:
        raise InvalidInput(
            f"{root / relative} is over {MAX_DEPTH} folders deep: leave it out with a line in {IGNORE_FILE}",
            code=Code.CODE_TOO_LARGE,
        )


def _check_limits(root: Path, count: int, size: int) -> None:
    if count <= MAX_FILES and size <= MAX_BYTES:
        return
    what = f"{MAX_FILES:,} files" if count > MAX_FILES else f"{MAX_BYTES // 1024**3} GB"
    raise InvalidInput(
        f"the code directory {root} holds more than {what}: put the script in a folder of its own, "
        f"or list what it does not need in {root / IGNORE_FILE}",
        code=Code.CODE_TOO_LARGE,
    )


def pack(bundle: Bundle, out: IO[bytes]) -> str:
    """Write ``bundle`` to ``out`` as a tar archive that depends on nothing but its content.

    Owners and times are left out, so that the same files give the same bytes everywhere.

    Returns:
        the SHA-256 of the archive, in hexadecimal.
    """
    hashing = _Hashing(out)
    with tarfile.open(fileobj=cast("IO[bytes]", hashing), mode="w|", format=tarfile.PAX_FORMAT) as archive:
        for entry in bundle.entries:
            with (bundle.root / entry.path).open("rb") as source:
                info = tarfile.TarInfo(entry.path)
                status = os.fstat(source.fileno())
                info.size = status.st_size
                info.mode = 0o755 if status.st_mode & 0o100 else 0o644
                archive.addfile(info, source)
    return hashing.digest.hexdigest()


class _Hashing:
    """Passes on what is written to it, and hashes it."""

    def __init__(self, out: IO[bytes]) -> None:
        self._out = out
        self.digest = hashlib.sha256()

    def write(self, data: bytes) -> int:
        self.digest.update(data)
        return self._out.write(data)
