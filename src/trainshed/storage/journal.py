"""What a large transfer has done so far, kept on this machine: one that was killed goes on there.

A transfer that was told to stop, or was refused, cleans up after itself and leaves no journal. One
that was killed or lost its server leaves a journal behind, and its next run takes it up.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import time
from pathlib import Path

_KEPT_S = 7 * 86_400.0


class Journal:
    """Lines about one transfer, each whole or not there; held by one process at a time.

    Attributes:
        name: made of what it is about.
        lines: what earlier runs noted.
    """

    def __init__(self, fd: int, path: str, lines: list[str]) -> None:
        self._fd = fd
        self._path = path
        self.name = os.path.basename(path)  # noqa: PTH119
        self.lines = lines

    def begin(self, *lines: str) -> None:
        """Forget what was noted, and start with ``lines``."""
        with contextlib.suppress(OSError):
            os.ftruncate(self._fd, 0)
        self.lines = list(lines)
        for line in lines:
            self.note(line)

    def note(self, line: str) -> None:
        """Add a line. A disk that is full loses the journal, not the transfer."""
        with contextlib.suppress(OSError):
            os.write(self._fd, line.encode() + b"\n")

    def close(self, *, keep: bool) -> None:
        """Let go of it.

        Args:
            keep: for the next run.
        """
        if self._fd >= 0:
            if not keep:
                with contextlib.suppress(OSError):
                    os.unlink(self._path)  # noqa: PTH108
            os.close(self._fd)
            self._fd = -1


def journal(transfer: str) -> Journal | None:
    """The journal of the transfer so named; None where another process holds it, or none can be kept."""
    directory = _directory()
    if directory is None:
        return None
    path = f"{directory}/{hashlib.sha256(transfer.encode(errors='surrogateescape')).hexdigest()[:40]}"
    try:
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError:
        return None
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.fstat(fd).st_nlink:  # else its last holder is through with it just now
            whole, _, _ = os.pread(fd, 1 << 20, 0).rpartition(b"\n")
            return Journal(fd, path, whole.decode(errors="replace").splitlines())
    except OSError:
        pass
    os.close(fd)
    return None


def this_boot() -> str:
    """The same until the machine starts again, after which a file may lack what was written to it."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return "unknown"


def _directory() -> str | None:
    """Our user's own folder for journals on this machine's disk; None where it is not safe."""
    import tempfile  # late: only large transfers need it

    directory = f"{tempfile.gettempdir()}/trainshed-{os.geteuid()}-transfers"
    try:
        with contextlib.suppress(FileExistsError):
            os.mkdir(directory, 0o700)  # noqa: PTH102
        found = os.lstat(directory)
    except OSError:
        return None
    if found.st_uid != os.geteuid() or found.st_mode & 0o170077 != 0o040000:
        return None
    _remove_old(directory)
    return directory


def _remove_old(directory: str) -> None:
    limit = time.time() - _KEPT_S
    with contextlib.suppress(OSError), os.scandir(directory) as entries:
        for entry in entries:
            if entry.stat(follow_symlinks=False).st_mtime < limit:
                os.unlink(entry.path)  # noqa: PTH108
