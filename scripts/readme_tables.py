"""Writes what was measured, from benchmarks/results/*.json, into both READMEs and docs/performance.md.

With --check nothing is written: README.md must have no number that benchmarks/results has not.
"""

from __future__ import annotations

import json
import re
import sys
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.table import RESULTS, cell_text, markdown  # noqa: E402

BEGIN = "<!-- benchmarks: written by scripts/readme_tables.py from benchmarks/results/*.json -->"
END = "<!-- end of benchmarks -->"
# What a newcomer asks first comes first; the rest is in docs/performance.md.
FIRST = ("launch", "warm_start", "distributed", "throughput")


def results() -> dict[str, dict[str, Any]]:
    """What was measured, by name."""
    return {path.stem: json.loads(path.read_text()) for path in sorted(RESULTS.glob("*.json"))}


def table(name: str, found: dict[str, Any]) -> str:
    """One table, with date and machine."""
    measured = f"Measured {found['date']} on {found['machine']} (`benchmarks/{script(name)}.py`)."
    return markdown(found["title"], found["columns"], found["rows"], [*found["notes"], measured])


def script(name: str) -> str:
    """Which benchmark writes the table ``name``; one may write several, such as moxing-read.

    >>> script("agent-memory"), script("moxing-read")
    ('agent_memory', 'moxing')
    """
    words = name.replace("-", "_").split("_")
    tried = ["_".join(words[:count]) for count in range(len(words), 0, -1)]
    return next((t for t in tried if (ROOT / "benchmarks" / f"{t}.py").exists()), tried[0])


def budgets(found: dict[str, dict[str, Any]]) -> str:
    """What is promised, what was measured, and whether it is kept."""
    lines = ["| what | budget | measured | met | benchmark |", "|---|---|---|---|---|"]
    for budget in tomllib.loads((ROOT / "benchmarks" / "budgets.toml").read_text())["budget"]:
        measured = measured_of(budget, found.get(budget["result"]))
        bench = script(budget["result"])
        if measured is None:
            shown = "not measured | –"
        else:
            kept = measured <= budget["most"] if "most" in budget else measured >= budget["least"]
            shown = f"{cell_text(round(measured, 3))}{budget['unit']} | {'yes' if kept else '**no**'}"
        lines.append(f"| {budget['what']} | {budget['promised']} | {shown} | `{bench}` |")
    return "\n".join(lines)


def measured_of(budget: dict[str, Any], found: dict[str, Any] | None) -> float | None:
    """The number that a budget is about."""
    if found is None:
        return None
    value = cell(found, budget["row"], budget["column"], budget.get("also", ""))
    if value is None or "less" not in budget:
        return value
    less = cell(found, budget["less"], budget["column"])
    return None if less is None else value - less


def cell(found: dict[str, Any], row: str, column: int, also: str = "") -> float | None:
    """The number in a row that begins with ``row`` and has ``also`` in its name."""
    for cells in found["rows"]:
        if str(cells[0]).startswith(row) and also in cells[0]:
            number = re.match(r"[\d.,]+", str(cells[column]))
            return float(number[0].replace(",", "")) if number else None
    return None


def put(path: Path, body: str) -> None:
    """Write ``body`` between the marks of a page."""
    before, _, rest = path.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    path.write_text(before + BEGIN + "\n" + (body + "\n" if body else "") + END + after)


def main() -> int:
    found = results()
    first = "\n\n".join(table(name, found[name]) for name in FIRST if name in found)
    rest = "\n\n".join(table(name, found[name]) for name in found if name not in FIRST)
    pages = {
        ROOT / "README.md": first,
        ROOT / "README.zh-CN.md": first,
        ROOT / "docs" / "performance.md": f"{budgets(found)}\n\n{rest}",
    }
    if "--check" in sys.argv:
        for page, body in pages.items():
            shown = page.read_text().partition(BEGIN)[2].partition(END)[0]
            measured = set(body.splitlines())
            strange = [line for line in shown.splitlines() if line and line not in measured]
            if strange:
                print(f"{page.name} has what benchmarks/results has not: {strange[0]}", file=sys.stderr)
                return 1
        return 0
    for page, body in pages.items():
        put(page, body)
    return 0


if __name__ == "__main__":
    sys.exit(main())
