"""A thread that raises in ``join`` what was raised in it."""

import threading
from typing import Any, Optional


class Thread(threading.Thread):
    """See :class:`threading.Thread`."""

    _error: Optional[BaseException] = None

    def run(self) -> None:
        """Run, and keep what is raised."""
        try:
            super(Thread, self).run()
        except BaseException as error:
            self._error = error

    def join(self, *args: Any, **kwargs: Any) -> None:
        """Wait for the end.

        Raises:
            BaseException: whatever the thread raised.
        """
        super(Thread, self).join(*args, **kwargs)
        error, self._error = self._error, None
        if error is not None:
            raise error
