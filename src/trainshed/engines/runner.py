"""Runs the programs of a build: every line into the log and to whoever watches."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from trainshed.core.errors import Code, InvalidInput
from trainshed.engines.shield import OPEN, Shield


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a build is. ``percent`` is 0 to 100 and never falls; ``line`` is one line of its log."""

    percent: float
    line: str


Watcher = Callable[[Progress], None]

_LINE = re.compile(r"^\[ *(\d+)%\] (.*)$")
_TAIL_LINES = 12
_LINE_LENGTH = 500


def nobody(_: Progress) -> None:
    """Watches nothing."""


class BuildLog:
    """The log of one build: a file of lines ``[ 42%] text``, which others can follow."""

    def __init__(self, path: Path, watcher: Watcher = nobody) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self.percent = 0.0
        self._watcher = watcher
        self._file = path.open("w", encoding="utf-8", buffering=1)
        self._mutex = threading.Lock()

    def __enter__(self) -> BuildLog:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self._file.close()

    def say(self, line: str, percent: float | None = None) -> None:
        """Add a line; ``percent`` moves the build on, never back."""
        with self._mutex:
            self.percent = max(self.percent, percent if percent is not None else 0.0)
            self._file.write(f"[{self.percent:3.0f}%] {line}\n")
        self._watcher(Progress(self.percent, line))


def parse_line(line: str) -> Progress | None:
    """What :meth:`BuildLog.say` wrote."""
    found = _LINE.match(line.rstrip("\n"))
    return Progress(float(found[1]), found[2]) if found else None


class CommandFailed(Exception):  # noqa: N818  (it is a fact, as in subprocess)
    """A program of a build ended badly; ``tail`` is the end of what it printed."""

    def __init__(self, argv: Sequence[str], code: int, tail: list[str]) -> None:
        super().__init__(f"{Path(argv[0]).name} ended with exit code {code}")
        self.code = code
        self.tail = tail

    @property
    def text(self) -> str:
        """The end of what it printed, as one text."""
        return "\n".join(self.tail)

    @property
    def reason(self) -> str:
        """The words that most likely say why."""
        return " ".join(_telling(self.tail) or [str(self)]).strip()[:400]


def _telling(lines: list[str]) -> list[str]:
    """Of the end of a log: the exception, the resolver's explanation, or the last error."""
    clean = [line.strip(" ×╰─▶│├|") for line in lines]
    for number, line in enumerate(clean):
        if "No solution found" in line:
            return clean[number:]
    raised = [line for line in clean if re.match(r"[\w.]*(Error|Exception|Interrupt)\b", line)]
    spoken = [line for line in clean if re.search(r"error|cannot|failed|space left", line, re.IGNORECASE)]
    return (raised or spoken or clean)[-1:]


class Runner:
    """Starts programs for a build.

    Attributes:
        log: where their lines go.
        keep_fds: file descriptors that the programs inherit. The lock of the build is one: if we
            die, it stays locked until the program that still writes there has ended too.
        shield: what the programs see.
    """

    def __init__(self, log: BuildLog, keep_fds: Sequence[int] = (), shield: Shield = OPEN) -> None:
        self.log = log
        self.keep_fds = tuple(keep_fds)
        self.shield = shield

    def run(
        self,
        argv: Sequence[str],
        *,
        env: dict[str, str] | None = None,
        cwd: Path | None = None,
        percent: Callable[[str], float | None] = lambda _: None,
        quiet: bool = False,
    ) -> list[str]:
        """Run a program to its end; returns its lines (stdout and stderr together).

        Args:
            percent: reads the progress of the whole build out of a line, where it can.
            quiet: keep its lines out of the log.

        Raises:
            CommandFailed: it ended with another code than 0.
            InvalidInput: it could not be started.
        """
        with self._started(argv, env, cwd) as process:
            assert process.stdout is not None
            lines: list[str] = []
            for raw in process.stdout:
                line = raw.rstrip()
                if line:
                    lines.append(line)
                if line and not quiet:
                    self.log.say(line[:_LINE_LENGTH], percent(line))
            code = process.wait()
        if code:
            raise CommandFailed(argv, code, lines[-_TAIL_LINES:])
        return lines

    @contextlib.contextmanager
    def _started(
        self, argv: Sequence[str], env: dict[str, str] | None, cwd: Path | None
    ) -> Generator[subprocess.Popen[str]]:
        try:
            process = subprocess.Popen(
                self.shield.argv(argv, str(cwd or "")),
                env=self.shield.environment(os.environ if env is None else env),
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                pass_fds=self.keep_fds,
                start_new_session=True,
                encoding="utf-8",
                errors="replace",
            )
        except OSError as error:
            raise InvalidInput(
                f"{argv[0]} cannot be started ({error.strerror}); install it, then try again",
                code=Code.ENVIRONMENT_BUILD_FAILED,
            ) from error
        try:
            yield process
        finally:
            _end(process)


def _end(process: subprocess.Popen[str]) -> None:
    """End the program and all that it started; does nothing to one that has ended."""
    if process.poll() is None:
        for number in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, number)
            deadline = time.monotonic() + 5
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(max(0.0, deadline - time.monotonic()))
                break
    if process.stdout:
        process.stdout.close()
