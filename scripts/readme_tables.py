"""Writes the benchmarks' tables into README.md from benchmarks/results/*.json: measured numbers only."""

from __future__ import annotations

import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.table import RESULTS, markdown  # noqa: E402

README = ROOT / "README.md"
BEGIN = "<!-- benchmarks: written by scripts/readme_tables.py from benchmarks/results/*.json -->"
END = "<!-- end of benchmarks -->"
# What a newcomer asks first comes first; the rest follows by name.
FIRST = ("launch", "distributed", "throughput")


def tables() -> str:
    names = {path.stem: json.loads(path.read_text()) for path in RESULTS.glob("*.json")}
    order = sorted(names, key=lambda name: (FIRST.index(name) if name in FIRST else len(FIRST), name))
    parts = list[str]()
    for name in order:
        found = names[name]
        measured = f"Measured {found['date']} on {found['machine']} (`benchmarks/{name}.py`)."
        parts.append(markdown(found["title"], found["columns"], found["rows"], [*found["notes"], measured]))
    return "\n\n".join(parts)


def main() -> int:
    text = README.read_text()
    before, _, rest = text.partition(BEGIN)
    shown, _, after = rest.partition(END)
    body = tables()
    if "--check" in sys.argv:
        measured = set(body.splitlines())
        strange = [line for line in shown.splitlines() if line and line not in measured]
        if strange:
            print(f"README.md has a number that benchmarks/results has not: {strange[0]}", file=sys.stderr)
        return 1 if strange else 0
    README.write_text(before + BEGIN + "\n" + (body + "\n" if body else "") + END + after)
    return 0


if __name__ == "__main__":
    sys.exit(main())
