"""Progress of the long steps: one live line on a terminal, plain lines elsewhere."""

from __future__ import annotations

import shutil
import sys
import threading
import time
from types import TracebackType

from trainshed.cli.output import say

_FRAMES = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
_BAR = 24
# Where lines cannot be redrawn, say how far a step is at most this often.
_PLAIN_PERIOD_S = 5.0


class Steps:
    """What is being done just now, on standard error.

    On a terminal it is a line that is redrawn and wiped; in a file or a pipe each new step is a
    line, and its per cent another now and then.
    """

    def __init__(self, *, quiet: bool = False) -> None:
        self._live = sys.stderr.isatty() and not quiet
        self._quiet = quiet
        self._text = ""
        self._percent: float | None = None
        self._detail = ""
        self._since = self._said = 0.0
        self._changed = threading.Event()
        self._done = False
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._spin, daemon=True) if self._live else None

    def __enter__(self) -> Steps:
        if self._thread is not None:
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.clear()
        self._done = True
        self._changed.set()
        if self._thread is not None:
            self._thread.join()

    def progress(self, text: str, percent: float | None = None, detail: str = "") -> None:
        """This is being done now, and so far; the detail is shown only on a terminal."""
        now = time.monotonic()
        with self._lock:
            is_new = text != self._text
            if is_new:
                self._since = now
            self._text, self._percent, self._detail = text, percent, detail
        if not text or self._quiet:
            return
        if self._live:
            self._changed.set()
        elif is_new and (percent is None or detail):
            self._say(now)
        elif is_new:
            self._said = now  # a step that is only measured is worth a line once it takes long
        elif now - self._said > _PLAIN_PERIOD_S:
            self._say(now)

    def hint(self, text: str) -> None:
        """This is being done now, most often too short to be worth a line: shown only on a terminal."""
        if self._live:
            self.progress(text)

    def share(self, text: str, done: int, total: int) -> None:
        """This is being done now: ``done`` of ``total``."""
        self.progress(text, 100 * done / max(total, 1))

    def clear(self) -> None:
        """Nothing long is being done any more; wipe the line."""
        with self._lock:
            if self._live and self._text:
                sys.stderr.write("\r\033[K")
                sys.stderr.flush()
            self._text, self._percent = "", None

    def note(self, text: str) -> None:
        """A line that stays."""
        with self._lock:
            if self._live and self._text:
                sys.stderr.write("\r\033[K")
            say(f"trainshed: {text}")

    def _say(self, now: float) -> None:
        self._said = now
        say(f"trainshed: {self._text}" + ("" if self._percent is None else f" {self._percent:.0f}%"))

    def _spin(self) -> None:
        frame = 0
        while not self._done:
            self._changed.wait(None if not self._text else 0.1)
            self._changed.clear()
            frame += 1
            with self._lock:
                if self._text:
                    sys.stderr.write("\r\033[K" + self._line(_FRAMES[frame % len(_FRAMES)]))
                    sys.stderr.flush()

    def _line(self, frame: str) -> str:
        parts = [frame, self._text]
        if self._percent is not None:
            full = round(_BAR * min(max(self._percent, 0), 100) / 100)
            parts += ["━" * full + "─" * (_BAR - full), f"{self._percent:.0f}%"]
        seconds = time.monotonic() - self._since
        if seconds >= 1:
            parts.append(f"{seconds:.0f} s")
        parts.append(self._detail)
        return " ".join(parts)[: shutil.get_terminal_size().columns - 1]
