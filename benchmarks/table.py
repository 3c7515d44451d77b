"""What a benchmark found: printed for people, and written as JSON for the README.

table = Table("launch", "Submit to first line", ("system", "median, ms", "× bare python"))
table.add("bare python", 15.2, 1.0)
table.publish()
"""

from __future__ import annotations

import json
import os
import platform
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

RESULTS = Path(os.environ.get("TRAINSHED_BENCH_RESULTS") or Path(__file__).parent / "results")

Cell = str | float | int | None


def machine() -> str:
    """This machine in a few words: cores, memory, processor, Python."""
    cores = len(os.sched_getaffinity(0))
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1024**3
    return f"{cores} cores, {memory:.0f} GB, {_processor()}, Python {platform.python_version()}"


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


@dataclass
class Table:
    """One table of results.

    Attributes:
        name: of the file under ``benchmarks/results``.
        title: a line above the table.
        columns: heads; the first column says what was measured.
        notes: sentences below the table: what was done, and what to mind when comparing.
    """

    name: str
    title: str
    columns: Sequence[str]
    notes: list[str] = field(default_factory=list[str])
    rows: list[list[Cell]] = field(default_factory=list[list[Cell]])

    def add(self, *cells: Cell) -> None:
        """One row; None is shown as a dash."""
        if len(cells) != len(self.columns):
            raise ValueError(f"{len(cells)} cells for {len(self.columns)} columns")
        self.rows.append(list(cells))

    def publish(self, *, keep: bool = True) -> None:
        """Print the table, and (``keep``) write it to ``benchmarks/results/<name>.json``."""
        print(markdown(self.title, self.columns, self.rows, self.notes))
        if not keep:
            return
        RESULTS.mkdir(exist_ok=True)
        facts = {**asdict(self), "date": time.strftime("%Y-%m-%d"), "machine": machine()}
        (RESULTS / f"{self.name}.json").write_text(json.dumps(facts, ensure_ascii=False, indent=2) + "\n")


def markdown(title: str, columns: Sequence[str], rows: Sequence[Sequence[Cell]], notes: Sequence[str]) -> str:
    """The table as Markdown.

    >>> print(markdown("T", ("a", "b"), [["x", 0.5]], []))
    **T**
    <BLANKLINE>
    | a | b |
    |---|---|
    | x | 0.5 |
    """
    lines = [f"**{title}**", "", "| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    lines += ["| " + " | ".join(map(cell_text, row)) + " |" for row in rows]
    if notes:
        lines += ["", " ".join(notes)]
    return "\n".join(lines)


def cell_text(cell: Cell) -> str:
    """A cell as people read it: three digits that count, thousands apart.

    >>> cell_text(0.01234), cell_text(1234.5), cell_text(12.345), cell_text(None)
    ('0.0123', '1,234', '12.3', '–')
    """
    if cell is None:
        return "–"
    if isinstance(cell, str):
        return cell
    if isinstance(cell, int) or abs(cell) >= 1000:
        return f"{cell:,.0f}"
    return f"{cell:.3g}"
