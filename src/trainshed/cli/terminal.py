"""Keeps what others wrote from steering the terminal.

A log, a message or the name of a file may hold escape sequences that set the window's title, write
into the clipboard, make the terminal type an answer, or paint over what we said. On a terminal only
those pass that colour text and redraw the line, as progress bars do; of all others the escape itself
is shown. A file or another program gets every byte as it is: nothing there obeys them.
"""

from __future__ import annotations

import re
import sys
from typing import TextIO

# Colours; erase the line; move the cursor within a few lines; hide it. All else may do harm.
_ALLOWED = re.compile(r"\x1b\[(?:[0-9;]{0,32}[mKABCDG]|\?25[lh])")
# what could still become one of these with the next piece
_BEGUN = re.compile(r"\x1b(?:\[[0-9;?]{0,32})?\Z")
_SEQUENCE = re.compile(_ALLOWED.pattern + r"|[\x00-\x07\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def one_line(text: str) -> str:
    r"""``text`` on one line, with nothing in it that a terminal obeys.

    >>> one_line("a\x1b]0;title\x07b\nc")
    'a␛]0;title␇b c'
    """
    return _CONTROL.sub(lambda found: " " if found[0] in "\t\n\r" else _picture(found[0]), text)


class GuardedTerminal:
    """A text stream whose terminal obeys only harmless sequences, however they are cut into pieces."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._held = ""

    def __getattr__(self, name: str) -> object:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Write ``text``; a sequence that has only begun waits for its rest."""
        whole = self._held + text
        begun = _BEGUN.search(whole)
        self._held = begun[0] if begun else ""
        self._stream.write(harmless(whole.removesuffix(self._held) if self._held else whole))
        return len(text)

    def writelines(self, lines: list[str]) -> None:
        """Write several."""
        for line in lines:
            self.write(line)


def harmless(text: str) -> str:
    r"""``text`` with all sequences but the harmless ones made visible.

    >>> harmless("\x1b[31mred\x1b[0m \x1b]52;c;cm0=\x07 \x1b[2J")
    '\x1b[31mred\x1b[0m ␛]52;c;cm0=␇ ␛[2J'
    """
    if text.isprintable():
        return text
    return _SEQUENCE.sub(lambda found: found[0] if len(found[0]) > 1 else _picture(found[0]), text)


def guard() -> None:
    """From here on, what is printed on a terminal cannot steer it."""
    for name in ("stdout", "stderr"):
        stream: TextIO = getattr(sys, name)
        if stream.isatty():
            setattr(sys, name, GuardedTerminal(stream))


def _picture(control: str) -> str:
    """A character that shows a control character."""
    code = ord(control)
    if code < 0x20:
        return chr(0x2400 + code)
    return "␡" if code == 0x7F else f"\\x{code:02x}"
