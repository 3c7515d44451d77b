"""Long storms: ``python -m tests.chaos [--minutes 10] [--seed N] [--jobs 60] [--seconds 30] [WORLD ...]``.

Plays world after world with ever new seeds until the time is over, prints what was found, and adds up
what was shown in ``docs/reliability.md``. Ends with 1 if anything was lost.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.chaos.plan import FAULTS, Plan
from tests.chaos.storm import Report, can_mount, storm

DOCS = Path(__file__).parents[2] / "docs"
PAGES = {DOCS / "reliability.md": "en", DOCS / "zh" / "reliability.md": "zh"}
BEGIN, END = "<!-- chaos: begin -->", "<!-- chaos: end -->"
_HEADS = {
    "en": "| world | runs | jobs | starts | faults inflicted | survived | lost |",
    "zh": "| 场景 | 运行次数 | 作业 | 启动次数 | 注入的故障 | 幸存 | 丢失 |",
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("worlds", nargs="*", default=list(FAULTS), metavar="WORLD")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=None, help="play only this one")
    parser.add_argument("--jobs", type=int, default=60)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--json", type=Path, help="write all reports there")
    parser.add_argument("--docs", action="store_true", help="write the table into the documentation")
    given = parser.parse_args()
    worlds = [world for world in given.worlds if world != "disk" or can_mount()]
    deadline = time.monotonic() + 60 * given.minutes
    seed = int(time.time()) if given.seed is None else given.seed
    reports: list[Report] = []
    while True:
        for world in worlds:
            reports.append(_play(Plan.make(world, seed, given.jobs, given.seconds)))
        seed += 1
        if given.seed is not None or time.monotonic() > deadline:
            break
    rows = table(reports, "en")
    print("\n".join(rows))
    if given.json:
        given.json.write_text(json.dumps([report.json() for report in reports], indent=1))
    if given.docs:
        for page, language in PAGES.items():
            write(page, table(reports, language))
    return int(any(report.problems for report in reports))


def _play(plan: Plan) -> Report:
    folder = Path(tempfile.mkdtemp(prefix="chaos-"))
    try:
        report = storm(plan, folder)
    except BaseException:
        print(plan, folder, file=sys.stderr)
        raise
    print(f"{plan.world} {plan.seed}: {report.faults}, {report.seconds:.0f} s", flush=True)
    if report.problems:
        print("\n".join(report.problems), plan, f"kept in {folder}", sep="\n", flush=True)
    else:
        shutil.rmtree(folder, ignore_errors=True)
    return report


def table(reports: list[Report], language: str) -> list[str]:
    """A line a world, and one for all."""
    rows = [_HEADS[language], "|---|---|---|---|---|---|---|"]
    for world in FAULTS:
        played = [report for report in reports if report.world == world]
        if played:
            rows.append(_row(world, played))
    return [*rows, _row("all" if language == "en" else "合计", reports)]


def _row(name: str, played: list[Report]) -> str:
    faults = sum((Counter(report.faults) for report in played), Counter[str]())
    kinds = ", ".join(f"{kind.replace('_', ' ')} {count}" for kind, count in sorted(faults.items()))
    lost = sum(len(report.problems) for report in played)
    jobs, starts = sum(r.jobs for r in played), sum(r.starts for r in played)
    survived = faults.total() if not lost else f"{faults.total()} less {lost}"
    shown = f"{faults.total()}: {kinds}" if name in FAULTS else str(faults.total())
    return f"| {name} | {len(played)} | {jobs} | {starts} | {shown} | {survived} | {lost} |"


def write(page: Path, rows: list[str]) -> None:
    """Put the table between its marks."""
    text = page.read_text(encoding="utf-8")
    head, _, rest = text.partition(BEGIN)
    _, _, tail = rest.partition(END)
    page.write_text(head + BEGIN + "\n" + "\n".join(rows) + "\n" + END + tail, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
