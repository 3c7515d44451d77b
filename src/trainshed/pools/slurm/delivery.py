"""Has delivered from the shared folder what agents could not tell the service by themselves."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from trainshed.core.task import TaskOutcome
from trainshed.pools.slurm.files import AttemptFiles

AT_ONCE = 4
TRIES = 3
TIMEOUT_S = 900.0


class Deliveries:
    """Runs the agent's own code for it, in processes of its own, a few at a time.

    Args:
        done: called, from any thread, whenever one has ended.
    """

    def __init__(self, done: Callable[[], None]) -> None:
        self._done = done
        self._workers = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="delivery")
        self._under_way: dict[Path, Future[bool]] = {}
        self._closed = threading.Event()

    def deliver(self, files: AttemptFiles, index: int, outcome: TaskOutcome, endpoint: str) -> bool | None:
        """Whether all of a task was delivered; None while that is under way."""
        root = files.worker(index)
        future = self._under_way.get(root)
        if future is None:
            try:
                files.judge(index, outcome)
            except OSError:
                return False
            future = self._under_way[root] = self._workers.submit(self._deliver, root, endpoint)
            future.add_done_callback(lambda _: self._done())
        if not future.done():
            return None
        del self._under_way[root]
        return not future.cancelled() and future.exception() is None and future.result()

    def _deliver(self, root: Path, endpoint: str) -> bool:
        command = [sys.executable, "-m", "trainshed.agent", "--deliver", endpoint, str(root)]
        for _ in range(TRIES):
            with (root / "agent.log").open("ab") as log:
                process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
                code = process.wait(TIMEOUT_S)
            if code == 0:
                return True
            if self._closed.wait(5.0):
                break
        return False

    def close(self) -> None:
        """Begin no more; what is under way is done again at the next start of the service."""
        self._closed.set()
        self._workers.shutdown(wait=False, cancel_futures=True)
