"""The logs of several tasks on one screen: whole lines, each with its task before it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from typing import TextIO

from trainshed.cli.log_view import LogView
from trainshed.cli.output import say
from trainshed.client import Client, Job
from trainshed.core.errors import Code, InvalidInput, TrainshedError

MOST = 16
"""So many tasks are shown unless told otherwise; more would be read by nobody."""
_LAST_LINES_S = 30.0


def tasks_shown(wanted: str, nodes: int) -> tuple[int, ...]:
    """The tasks whose logs are to be shown: ``all``, ``first``, or numbers such as ``0,3``.

    >>> tasks_shown("", 2), tasks_shown("", 100), tasks_shown("worker-1", 4), tasks_shown("all", 3)
    ((0, 1), (0,), (1,), (0, 1, 2))

    Raises:
        InvalidInput: the job has no such task.
    """
    if wanted == "":
        return tuple(range(nodes)) if nodes <= MOST else (0,)
    if wanted in ("all", "first"):
        return tuple(range(nodes if wanted == "all" else 1))
    found = [part.strip().removeprefix("worker-") for part in wanted.split(",")]
    if not all(part.isascii() and part.isdigit() and int(part) < nodes for part in found):
        raise InvalidInput(
            f"--logs is {wanted[:40]!r}: say all, first, or tasks from 0 to {nodes - 1} such as 0,1",
            code=Code.FIELD_INVALID,
        )
    return tuple(dict.fromkeys(int(part) for part in found))


class TaskLines:
    """A stream that several tasks write to: hands on whole lines, with the name of the task before each.

    Args:
        out: where the lines go.
        task: index of the task that writes here.
        lock: shared by all that write to the same terminal.
    """

    def __init__(self, out: TextIO, task: int, lock: threading.Lock) -> None:
        self._out, self._mark, self._lock = out, f"[worker-{task}] ", lock
        self._rest = ""

    def write(self, text: str) -> int:
        """Take text; a line is shown once it is whole."""
        *whole, self._rest = (self._rest + text).split("\n")
        if whole:
            with self._lock:
                self._out.write("".join(f"{self._mark}{line}\n" for line in whole))
        return len(text)

    def flush(self) -> None:
        """Have what was shown appear."""
        with self._lock:
            self._out.flush()

    def isatty(self) -> bool:
        """Whether it is a terminal."""
        return self._out.isatty()

    def close(self) -> None:
        """Show a last line that has no end."""
        if self._rest:
            self.write("\n")
        self.flush()


class TaskView:
    """A :class:`LogView` of one task among several."""

    def __init__(self, out: TextIO, platform: TextIO | None, task: int, lock: threading.Lock) -> None:
        self._lines = [TaskLines(stream, task, lock) for stream in (out, platform) if stream is not None]
        self._view = LogView(*self._lines)  # type: ignore[arg-type]

    def write(self, text: str) -> None:
        """Show the next piece of the log."""
        self._view.write(text)

    def close(self) -> None:
        """Show what was held back."""
        self._view.close()
        for lines in self._lines:
            lines.close()


@contextmanager
def other_tasks(
    client: Client, job: Job, tasks: Sequence[int], view_of: Callable[[int], LogView | TaskView]
) -> Generator[None]:
    """Show the logs of ``tasks`` beside what the caller shows, to their ends."""

    def show(task: int) -> None:
        view = view_of(task)
        try:
            with Client(client.connection) as own:
                for text in own.jobs.follow_log(job.id, f"worker-{task}"):
                    view.write(text)
        except TrainshedError as error:
            say(f"trainshed: the log of worker-{task} broke off: {error.message}")
        finally:
            view.close()

    threads = [threading.Thread(target=show, args=(task,), daemon=True) for task in tasks]
    for thread in threads:
        thread.start()
    yield
    for thread in threads:
        thread.join(_LAST_LINES_S)
