"""Lines of a log without its decorations: escapes, progress bars, marks of rank."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

MAX_TEXT = 500
PLATFORM_MARK = "[ModelArts Service Log]"

_ESCAPES = re.compile(rb"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")
_MARK = re.compile(r"(?:\[rank ?(\d+)\]:? ?|\[(?:\d+,)?(\d+)\]<std(?:err|out)>:)")
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\u0080-\u009f\u202a-\u202e\u2066-\u2069]")


@dataclass(frozen=True, slots=True)
class Line:
    """One line.

    Attributes:
        offset: byte offset of its start in the stream.
        end: byte offset of the start of the next one.
        rank: the rank that the line is marked with, -1 without a mark.
    """

    offset: int
    end: int
    text: str
    rank: int = -1


class Window:
    """A piece of a stream, from the start of a line.

    Args:
        base: byte offset of ``data`` in the stream.
    """

    def __init__(self, data: bytes, base: int) -> None:
        self.data = data
        self.base = base

    def line(self, position: int) -> Line:
        """The line that holds ``position`` (an index into ``data``)."""
        start = self.data.rfind(b"\n", 0, position) + 1
        newline = self.data.find(b"\n", position)
        return self._line(start, len(self.data) if newline < 0 else newline + 1)

    def forward(self, position: int, most: int) -> Iterator[Line]:
        """At most ``most`` lines from the one that starts at ``position``."""
        for _ in range(most):
            if position >= len(self.data):
                return
            newline = self.data.find(b"\n", position)
            end = len(self.data) if newline < 0 else newline + 1
            yield self._line(position, end)
            position = end

    def backward(self, position: int, most: int) -> Iterator[Line]:
        """At most ``most`` lines before the one that starts at ``position``, nearest first."""
        for _ in range(most):
            if position <= 0:
                return
            start = self.data.rfind(b"\n", 0, position - 1) + 1
            yield self._line(start, position)
            position = start

    def find(self, literal: bytes, most: int) -> list[int]:
        """Positions of ``literal``: the first ones and the last ones, ``most`` in all."""
        first: list[int] = []
        at = self.data.find(literal)
        while at >= 0 and len(first) < most // 2:
            first.append(at)
            at = self.data.find(literal, at + 1)
        last: list[int] = []
        at = self.data.rfind(literal) if at >= 0 else -1
        while at > (first[-1] if first else -1) and len(last) < most - most // 2:
            last.append(at)
            at = self.data.rfind(literal, 0, at)
        return first + last[::-1]

    def _line(self, start: int, end: int) -> Line:
        text, rank = clean(self.data[start:end])
        return Line(self.base + start, self.base + end, text, rank)


def clean(raw: bytes) -> tuple[str, int]:
    """The text of a line as a person sees it, and the rank that it is marked with (-1 for none).

    >>> clean(b"[rank1]: \\x1b[31mValueError\\x1b[0m: no\\n")
    ('ValueError: no', 1)
    >>> clean(b"10%\\r20%\\rdone\\n")
    ('done', -1)
    """
    raw = raw.rstrip(b"\r\n")
    if b"\r" in raw:
        raw = raw[raw.rfind(b"\r") + 1 :]
    if b"\x1b" in raw:
        raw = _ESCAPES.sub(b"", raw)
    text, rank = raw.decode("utf-8", "replace"), -1
    while mark := _MARK.match(text):
        rank = int(mark[1] or mark[2])
        text = text[mark.end() :]
    return text, rank


def shown(text: str, most: int = MAX_TEXT) -> str:
    """``text`` safe to show anywhere, cut to ``most`` characters."""
    text = _UNPRINTABLE.sub("\ufffd", text)
    return text if len(text) <= most else text[: most - 1] + "…"
