"""``background_sync_copy``: copy a directory again and again while the script trains."""

import atexit
import threading
from typing import Any

from moxing.framework.file import _copy
from moxing.framework.file._log import logger


class BackgroundCopy(object):
    """A directory being copied every so often, until :meth:`stop` or the end of the program."""

    def __init__(self, src_url: Any, dst_url: Any, seconds: float) -> None:
        self._source = src_url
        self._target = dst_url
        self._seconds = seconds
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="moxing-sync", daemon=True)
        self._thread.start()
        atexit.register(self.stop)

    def _run(self) -> None:
        while not self._over.wait(self._seconds):
            self._once()

    def _once(self) -> None:
        try:
            _copy.copy_parallel(self._source, self._target)
        except (OSError, ValueError) as error:
            logger.warning("%s was not copied to %s this time: %s", self._source, self._target, error)

    def stop(self) -> None:
        """Copy a last time, and no more."""
        if not self._over.is_set():
            self._over.set()
            self._thread.join()
            self._once()
            atexit.unregister(self.stop)


def background_sync_copy(src_url: Any, dst_url: Any, seconds: float = 120) -> BackgroundCopy:
    """Copy the directory ``src_url`` to ``dst_url`` every ``seconds``, and once at the end.

    Files that did not change are not moved again. A copy that fails is left out, with a warning.

    Returns:
        What :meth:`BackgroundCopy.stop` is called on to end it early.
    """
    return BackgroundCopy(src_url, dst_url, seconds)
