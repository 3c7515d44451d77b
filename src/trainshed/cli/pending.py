"""While a job waits: why, said once it has waited for a moment and whenever that changes."""

from __future__ import annotations

import threading

from trainshed.cli.steps import Steps
from trainshed.cli.words import chinese
from trainshed.client import Client
from trainshed.client.connection import Connection
from trainshed.core.errors import TrainshedError

_FIRST_S = 1.0
_AGAIN_S = 10.0


class WhyPending:
    """Asks the service why a job waits, in a thread of its own, for as long as it does.

    Args:
        connection: of the service.
        job_id: of the job.
        steps: where the sentence is shown.
    """

    def __init__(self, connection: Connection, job_id: str, steps: Steps) -> None:
        self._connection = connection
        self._job_id = job_id
        self._steps = steps
        self._over: threading.Event | None = None

    def begin(self) -> None:
        """The job waits."""
        if self._over is None:
            self._over = threading.Event()
            threading.Thread(target=self._watch, args=(self._over,), daemon=True).start()

    def end(self) -> None:
        """It waits no longer."""
        if self._over is not None:
            self._over.set()
            self._over = None

    def _watch(self, over: threading.Event) -> None:
        pause = _FIRST_S
        while not over.wait(pause):
            pause = _AGAIN_S
            try:
                with Client(self._connection) as client:
                    answer = client.jobs.why(self._job_id)
            except TrainshedError:
                continue  # the follower says so, if it lasts
            sentence = str(answer.get("sentence_zh" if chinese() else "sentence") or "")
            if sentence and not over.is_set():
                self._steps.progress(sentence)
