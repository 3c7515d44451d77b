"""Which local files are known to hold which object, so that a rank that comes later need not copy again."""

from __future__ import annotations

import os
import threading
from collections import OrderedDict

from trainshed.storage import ObjectInfo

_MOST = 200_000


class Known:
    """Files that we have written, with the object's etag and the file's own state at that moment."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._files: OrderedDict[str, tuple[str, tuple[int, int, int]]] = OrderedDict()

    def note(self, path: str, etag: str) -> None:
        """``path`` holds the content of the object with that etag now."""
        state = _state(path)
        if not etag or state is None:
            return
        with self._lock:
            self._files[path] = (etag, state)
            self._files.move_to_end(path)
            if len(self._files) > _MOST:
                self._files.popitem(last=False)

    def holds(self, path: str, info: ObjectInfo) -> bool:
        """Whether ``path`` holds the object still: neither was changed since."""
        found = self._files.get(path)
        return found is not None and found[0] == info.etag and found[1] == _state(path)


def _state(path: str) -> tuple[int, int, int] | None:
    try:
        found = os.lstat(path)
    except OSError:
        return None
    return found.st_size, found.st_ctime_ns, found.st_ino
