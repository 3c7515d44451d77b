"""A way to a server that nodes cannot reach: a command of the administrator's that opens a local port."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time

from trainshed.agent.ports import Reservations
from trainshed.core.errors import Unavailable

_PAUSES_S = (1.0, 2.0, 5.0, 15.0, 60.0)
_LONG_S = 60.0


class Tunnel:
    """Keeps the command running, which is started anew whenever it ends.

    Args:
        command: for the shell; ``{port}`` stands for the local port.

    Attributes:
        endpoint: where the server is reached.
    """

    def __init__(self, command: str, reservations: Reservations) -> None:
        found = reservations.find(1)
        if not found:
            raise Unavailable("there is no free port on this node for the tunnel to the server")
        self._command = command.replace("{port}", str(found[0]))
        self.endpoint = f"http://127.0.0.1:{found[0]}"
        self._closed = threading.Event()
        self._process = self._start()

    def _start(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            ["/bin/sh", "-c", self._command], stdin=subprocess.DEVNULL, start_new_session=True
        )

    def watch(self) -> None:
        """Start it anew whenever it ends, from a thread."""
        threading.Thread(target=self._watch, name="tunnel", daemon=True).start()

    def _watch(self) -> None:
        failures = 0
        while not self._closed.is_set():
            born = time.monotonic()
            self._process.wait()
            failures = 0 if time.monotonic() - born > _LONG_S else failures + 1
            if self._closed.wait(_PAUSES_S[min(failures, len(_PAUSES_S) - 1)]):
                return
            self._process = self._start()

    def close(self) -> None:
        """End it."""
        self._closed.set()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGTERM)
