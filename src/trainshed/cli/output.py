"""How answers are printed: JSON for programs, plain columns for people."""

from __future__ import annotations

import dataclasses
import json
import sys
import time
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Any, cast

from trainshed.cli.terminal import one_line
from trainshed.cli.words import chinese, word


def say(text: str) -> None:
    """A line to standard error: what we have to say, apart from what was asked for."""
    print(text, file=sys.stderr, flush=True)


def tell(sentence: str, **values: object) -> None:
    """A sentence of ours to standard error, in the person's language."""
    say(f"trainshed: {word(sentence, **values)}")


def print_json(value: Any) -> None:
    """``value`` as one JSON document; typed answers lose their ``raw``."""
    print(json.dumps(plain(value), ensure_ascii=False, indent=2 if sys.stdout.isatty() else None), flush=True)


def plain(value: Any) -> Any:
    """``value`` as JSON values."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = (f.name for f in dataclasses.fields(value) if f.name != "raw")
        return {name: plain(getattr(value, name)) for name in fields}
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in cast("dict[Any, Any]", value).items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in cast("Sequence[Any]", value)]
    return value


def print_table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Columns, as wide as their widest cell; the head is bold on a terminal."""
    cells = [["" if cell is None else one_line(str(cell)) for cell in row] for row in rows]
    widths = [max(map(_width, column)) for column in zip(head, *cells, strict=True)]
    bold, off = ("\033[1m", "\033[0m") if sys.stdout.isatty() else ("", "")
    print(bold + _line(head, widths) + off)
    for row in cells:
        print(_line(row, widths))


def print_facts(facts: Iterable[tuple[str, Any]]) -> None:
    """Name and value, one pair a line; pairs without a value are left out."""
    shown = [(name, value) for name, value in facts if value not in (None, "", ())]
    width = max((len(name) for name, _ in shown), default=0)
    for name, value in shown:
        print(f"{name:<{width}}  {one_line(str(value))}")


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = (cell + " " * (width - _width(cell)) for cell, width in zip(cells, widths, strict=True))
    return "  ".join(padded).rstrip()


def _width(text: str) -> int:
    """Columns on a terminal: wide characters (Chinese) take two."""
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)


def size_text(count: float) -> str:
    """Bytes for people.

    >>> size_text(1536), size_text(12)
    ('1.5 KB', '12 B')
    """
    for unit in ("B", "KB", "MB", "GB"):
        if count < 1024:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} TB"


def duration_text(seconds: float) -> str:
    """Seconds for people.

    >>> duration_text(3.21), duration_text(125), duration_text(7260)
    ('3.2 s', '2 min 5 s', '2 h 1 min')
    """
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def time_text(moment: float | None) -> str:
    """A moment in local time, to the second; empty for none."""
    return "" if moment is None else time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(moment))


def moment_text(milliseconds: int | None) -> str:
    """A moment as the service's JSON has it, in local time; empty for none."""
    return "" if milliseconds is None else time_text(milliseconds / 1000)


def count_text(count: int, thing: str) -> str:
    """``1 file``, ``2 files``; in Chinese, for files, ``2 个文件``."""
    if thing == "file" and chinese():
        return f"{count:,} 个文件"
    return f"{count:,} {thing}{'' if count == 1 else 's'}"
