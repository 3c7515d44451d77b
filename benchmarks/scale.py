"""Scheduler and pool seam at scale: decisions a second and memory, 10,000 nodes and 100,000 jobs.

    python -m benchmarks.scale [--nodes 10000] [--jobs 100000] [--seconds 10] [--json FILE]

Two loads, both on a pool of 8-card nodes, saturated, with the queue kept at its length: every end
of a job is told by itself and answered by a round of decisions, as in the service.

* known: every job has a maximum duration (ends earlier), so that jobs pass the head by time
* unknown: no job has one, so that jobs pass the head only where it can never matter

A third brings all jobs from the queue to their end through scheduler, driver and the seam of pools,
with a pool that only pretends, whose agents are asked for in batches (:mod:`benchmarks.harness.seam`).
It runs in a process of its own, for its memory.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import time
import tracemalloc
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from heapq import heapify, heappop, heappush
from multiprocessing import get_context
from pathlib import Path

from benchmarks.harness.seam import Passage, drive
from benchmarks.table import Table

from trainshed.core.resources import Chip, Node, Resources
from trainshed.jobs.queue import QueueEntry, Unit
from trainshed.jobs.scheduler import Scheduler

BUDGET = 2000.0
FLAVORS = [
    *(Unit(Resources(cpus=8 * n, memory_mb=65536 * n, cards=n), Chip.GPU) for n in (1, 2, 4, 8)),
    Unit(Resources(cpus=4, memory_mb=8192)),
    Unit(Resources(cpus=16, memory_mb=32768)),
]


class Load:
    """Jobs as they come: mostly small, some gangs of many nodes."""

    def __init__(self, seed: int, *, known: bool) -> None:
        self.random = random.Random(seed)
        self.known = known
        self.made = 0
        self.runs: dict[str, float] = {}

    def job(self, now: float) -> QueueEntry:
        r, self.made = self.random, self.made + 1
        unit = r.choices(FLAVORS, weights=(40, 15, 10, 15, 10, 10))[0]
        nodes = r.choices((1, 2, 4, 16, 64), weights=(85, 8, 4, 2, 1))[0] if unit.resources.cards == 8 else 1
        runs = r.expovariate(1 / 3600)
        longest = 3600.0 * r.choice((1, 2, 4, 6, 24, 72))
        self.runs[f"job-{self.made}"] = min(runs, longest)
        return QueueEntry(
            job_id=f"job-{self.made}",
            unit=unit,
            submitted=now + self.made * 1e-6,
            node_count=nodes,
            priority=r.choices((1, 2, 3), weights=(80, 15, 5))[0],
            duration=longest if self.known else None,
            project=f"project-{r.randrange(50)}",
        )


def measure(nodes: int, jobs: int, seconds: float, *, known: bool) -> dict[str, float]:
    """One load: fill the pool, then answer ends of jobs for ``seconds``."""
    load = Load(1, known=known)
    tracemalloc.start()
    scheduler = Scheduler(_nodes(nodes))
    for _ in range(jobs):
        scheduler.submit(load.job(0.0))
    megabytes = tracemalloc.get_traced_memory()[0] / 1e6
    tracemalloc.stop()
    started = time.perf_counter()
    first = scheduler.place(0.0)
    fill = time.perf_counter() - started
    ends = [(load.runs[d.job_id], d.job_id) for d in first]
    heapify(ends)
    for _ in first:
        scheduler.submit(load.job(0.0))
    return {
        "jobs_at_start": len(first),
        "fill_s": fill,
        "queued": len(scheduler),
        "megabytes": megabytes,
        **steady(scheduler, load, ends, seconds),
    }


def steady(
    scheduler: Scheduler, load: Load, ends: list[tuple[float, str]], seconds: float
) -> dict[str, float]:
    """Ends of jobs one by one, each with its round of decisions; a new job for each that started."""
    rounds: list[float] = []
    decisions = passed = 0
    deadline = time.perf_counter() + seconds
    busy = 0.0
    while time.perf_counter() < deadline and ends:
        now, job_id = heappop(ends)
        before = time.perf_counter()
        scheduler.release(job_id)
        made = scheduler.place(now)
        for _ in made:
            scheduler.submit(load.job(now))
        took = time.perf_counter() - before
        busy += took
        rounds.append(took)
        decisions += len(made)
        for decision in made:
            passed += bool(decision.ahead)
            heappush(ends, (now + load.runs[decision.job_id], decision.job_id))
    quantiles = statistics.quantiles(rounds, n=100)
    return {
        "decisions": decisions,
        "passed_the_head": passed,
        "rounds": len(rounds),
        "decisions_per_s": decisions / busy,
        "rounds_per_s": len(rounds) / busy,
        "round_p50_ms": 1e3 * quantiles[49],
        "round_p99_ms": 1e3 * quantiles[98],
        "round_max_ms": 1e3 * max(rounds),
    }


def why_ms(nodes: int, jobs: int) -> float:
    """Median time of one "why does it wait"."""
    load = Load(2, known=True)
    scheduler = Scheduler(_nodes(nodes))
    for _ in range(jobs):
        scheduler.submit(load.job(0.0))
    scheduler.place(0.0)
    waiting = [f"job-{i}" for i in range(1, jobs, 97) if f"job-{i}" in scheduler][:500]
    times: list[float] = []
    for job_id in waiting:
        before = time.perf_counter()
        scheduler.why(job_id, 1.0)
        times.append(time.perf_counter() - before)
    return 1e3 * statistics.median(times)


def seam(nodes: int, jobs: int) -> Passage:
    """The third load."""
    load = Load(3, known=True)
    entries = [load.job(0.0) for _ in range(jobs)]
    return drive(_nodes(nodes), entries, load.runs)


def _nodes(count: int) -> list[Node]:
    total = Resources(cpus=96, memory_mb=786432, cards=8)
    return [Node(f"node-{i:05}", total, Chip.GPU) for i in range(count)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--nodes", type=int, default=10_000)
    parser.add_argument("--jobs", type=int, default=100_000)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    result = {
        "known": measure(args.nodes, args.jobs, args.seconds, known=True),
        "unknown": measure(args.nodes, args.jobs, args.seconds, known=False),
    }
    print(f"scheduler: {args.nodes} nodes, {args.jobs} queued")
    for name, row in result.items():
        ratio = row["decisions_per_s"] / BUDGET
        print(f"{name:8} {row['decisions_per_s']:8.0f} decisions/s ({ratio:.1f}× the budget), ", end="")
        print(f"round p50 {row['round_p50_ms']:.2f} ms, p99 {row['round_p99_ms']:.2f} ms, ", end="")
        print(
            f"max {row['round_max_ms']:.1f} ms; {row['passed_the_head']:.0f} of {row['decisions']:.0f} passed"
        )
        print(
            f"    fill: {row['jobs_at_start']:.0f} jobs in {row['fill_s']:.2f} s, {row['megabytes']:.0f} MB"
        )
    why = why_ms(args.nodes, args.jobs)
    print(f"why      {why:.2f} ms")
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as apart:
        passage = apart.submit(seam, args.nodes, args.jobs).result()
    through = passage.jobs / passage.seconds
    print(f"seam     {through:.0f} jobs/s from queue to end, {passage.tasks / passage.seconds:.0f} tasks/s, ")
    print(f"    {passage.most_at_once} tasks at once, a look at all of them ", end="")
    print(f"{statistics.median(passage.poll_ms):.0f} ms; {passage.memory_mb:.0f} MB in all")
    if args.json:
        found = {**result, "why_ms": why, "seam": asdict(passage)}
        args.json.write_text(json.dumps(found, indent=2))
    columns = ("running times", "decisions a second", "p50, ms", "p99, ms", "passed the head")
    table = Table("scale", f"Scheduler: {args.nodes:,} nodes, {args.jobs:,} jobs queued", columns)
    for name, row in result.items():
        cells = [row[key] for key in ("decisions_per_s", "round_p50_ms", "round_p99_ms", "passed_the_head")]
        table.add(f"running times {name}", *cells)
    table.notes.append(f"Why a job waits is answered in {why:.1f} ms.")
    table.notes.append(
        f"Through scheduler, driver and pool seam, {passage.jobs:,} jobs with {passage.tasks:,} tasks went "
        f"from queue to end at {through:,.0f} jobs a second, up to {passage.most_at_once:,} tasks at once; "
        f"a look at all of them took {statistics.median(passage.poll_ms):.0f} ms, "
        f"and the process {passage.memory_mb:.0f} MB."
    )
    table.publish()


if __name__ == "__main__":
    main()
