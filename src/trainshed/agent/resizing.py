"""Passes on how many workers an elastic job is to have, to whatever starts them on this node."""

from __future__ import annotations

import threading
import time
from types import TracebackType
from urllib.parse import urlsplit

from trainshed.agent.http import Client
from trainshed.agent.stages.base import Work
from trainshed.core.errors import TrainshedError, Unavailable
from trainshed.core.task import Stage
from trainshed.engines import launchers

_FACT = "resized"
_PATIENCE_S = 60.0
_PAUSE_S = 0.2


class Resizing:
    """Hears wishes while the ranks are at work (in its ``with`` block), and passes each on once.

    A wish that comes earlier is not taken; the server repeats it.
    """

    def __init__(self, work: Work) -> None:
        self._work = work
        self._lock = threading.Lock()
        self._open = False
        self._heard: int = work.journal.facts.get(_FACT, 0)

    def __enter__(self) -> None:
        self._open = True

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:  # nothing is told after the end of the run
            self._open = False

    def ask(self, wish: int, workers: int) -> None:
        """So many workers are wanted; ``wish`` is the number of this wish. Returns at once."""
        if self._open and wish > self._heard:
            self._heard = wish
            threading.Thread(target=self._pass_on, args=(wish, workers), name="resize", daemon=True).start()

    def _pass_on(self, wish: int, workers: int) -> None:
        message, level = f"the script is told to go on with {workers} workers", "Info"
        try:
            self._put(wish, workers)
        except TrainshedError as error:
            message, level = f"no change to {workers} workers: {error.message}", "Warning"
        with self._lock:
            if self._open and wish == self._heard:
                self._work.journal.fact(_FACT, wish)
                self._work.note(Stage.RUN, message, level=level, workers=workers)

    def _put(self, wish: int, workers: int) -> None:
        """Tell the launcher's own server, which may still be starting.

        Raises:
            TrainshedError: it does not answer, or refuses.
        """
        task = self._work.task
        launcher = launchers.elastic(task.launcher)
        if launcher is None or not task.min_workers:
            raise Unavailable("it was not started so that it can change")
        url, body = launcher.resize(task, workers)
        parts = urlsplit(url)
        client = Client(timeout_s=10)
        client.use(f"{parts.scheme}://{parts.netloc}")
        until = time.monotonic() + _PATIENCE_S
        while True:
            try:
                answer = client.request("PUT", parts.path, body, {"Content-Type": "application/json"})
                break
            except Unavailable:
                if time.monotonic() > until or not self._open or wish != self._heard:
                    raise
                time.sleep(_PAUSE_S)
            finally:
                client.close()
        if answer.status >= 300:
            raise Unavailable(f"{answer.status} {answer.body[:200].decode(errors='replace').strip()}")
