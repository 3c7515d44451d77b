"""A job's log on the screen: the script's own lines to stdout, the platform's to stderr."""

from __future__ import annotations

import sys
from typing import TextIO

PLATFORM = "[ModelArts Service Log]"


class LogView:
    """Takes the log in pieces, however they are cut.

    Progress bars that redraw their line are handed on as they come; only the start of a line is
    held back until it is clear whose it is.

    Args:
        out: for the script's lines.
        platform: for the platform's lines; None to leave them out.
    """

    def __init__(self, out: TextIO | None = None, platform: TextIO | None = None) -> None:
        self._out = out or sys.stdout
        self._platform = platform
        self._held = ""
        self._target: TextIO | None = None
        self._inside = False

    def write(self, text: str) -> None:
        """Show ``text``, the next piece of the log."""
        for line in (self._held + text).splitlines(keepends=True):
            self._held = ""
            if not self._inside:
                if len(line) < len(PLATFORM) and PLATFORM.startswith(line):
                    self._held = line
                    break
                self._target = self._platform if line.startswith(PLATFORM) else self._out
            self._put(line)
            self._inside = not line.endswith("\n")
        self._flush()

    def close(self) -> None:
        """Show what was held back."""
        if self._held:
            self._target = self._out
            self._put(self._held)
            self._held = ""
        self._flush()

    def _put(self, text: str) -> None:
        if self._target is None:
            return
        if self._target is not self._platform:
            self._target.write(text)
        elif self._target.isatty():
            line = text.rstrip("\n")
            self._target.write(f"\033[2m{line}\033[22m{text[len(line) :]}")
        else:
            self._target.write(text)

    def _flush(self) -> None:
        for stream in (self._out, self._platform):
            if stream is not None:
                stream.flush()
