"""One local file to another: the transfer of a folder store."""

from __future__ import annotations

import os
from collections.abc import Callable

from trainshed.storage import faults
from trainshed.storage.base import OnBytes, Part, Stored, Transfer
from trainshed.storage.files import NewFile, changed, copy_bytes, same_file

OpenTarget = Callable[[int, int], NewFile]


class FileCopy(Transfer):
    """A copy inside the kernel, checked by length and by the source's time stamp, which it keeps.

    Args:
        open_source: gives a descriptor to read, or raises.
        open_target: gives the new file for a size and a mode.
        shown: the source, for messages.
        mtime_ns: of the target, where it is not the source's.
    """

    def __init__(
        self,
        open_source: Callable[[], int],
        open_target: OpenTarget,
        shown: str,
        *,
        mtime_ns: int | None = None,
    ) -> None:
        self._open_source = open_source
        self._open_target = open_target
        self._shown = shown
        self._mtime_ns = mtime_ns
        self._source = -1
        self._target: NewFile | None = None

    def parts(self) -> list[Part]:
        return [self._copy]

    def _copy(self, on_bytes: OnBytes) -> None:
        self._source = self._open_source()
        self._before = os.fstat(self._source)
        self._target = self._open_target(self._before.st_size, 0o666 | self._before.st_mode & 0o111)
        try:
            done = copy_bytes(self._source, self._target.fd, self._before.st_size, on_bytes)
        except OSError as error:
            raise faults.from_os_error(error, self._target.path) from error
        if done != self._before.st_size or not same_file(self._before, os.fstat(self._source)):
            raise changed(self._shown)

    def finish(self) -> Stored:
        assert self._target is not None
        made = self._target.commit(self._before.st_mtime_ns if self._mtime_ns is None else self._mtime_ns)
        etag = f"{made.st_mtime_ns:x}-{made.st_size:x}-{made.st_ino:x}"
        self._close()
        return Stored(made.st_size, etag, mtime_ns=self._before.st_mtime_ns)

    def abort(self, _why: BaseException | None = None, /) -> None:
        if self._target is not None:
            self._target.discard()
        self._close()

    def _close(self) -> None:
        if self._source >= 0:
            os.close(self._source)
            self._source = -1
