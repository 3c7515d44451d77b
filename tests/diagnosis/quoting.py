"""Texts of public reports, for what cannot be run here."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

from trainshed.diagnosis import Bytes, Evidence, Facts, RankEnd, Stream

FILE = Path(__file__).with_name("quoted.toml")


@dataclass(frozen=True)
class Quote:
    """A few lines that somebody's job printed."""

    rule: str
    text: str
    source: str = ""
    signal: int = 0
    kernel: tuple[str, ...] = ()

    @property
    def evidence(self) -> Evidence:
        """As if the job had run here."""
        end = RankEnd(0, None if self.signal else 1, self.signal, 1e9)
        stream = Stream("worker-0", Bytes(self.text.lstrip("\n").encode()), 0)
        return Evidence((stream,), (end,), facts=Facts(kernel=self.kernel))


def quotes() -> list[Quote]:
    """All of them."""
    rows = tomllib.loads(FILE.read_text())["quote"]
    return [Quote(**{**row, "kernel": tuple(row.get("kernel", ()))}) for row in rows]
