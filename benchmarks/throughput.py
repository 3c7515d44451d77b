"""Fifty trivial jobs, two at a time: a bare loop, and through the service.

Run:  python -m benchmarks.throughput [--jobs 50] [--rounds 3]
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from benchmarks.harness import Rounds, parser_of, request, service, timed
from benchmarks.table import Table

from trainshed.client import Client


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--jobs", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    count: int = options.jobs
    with tempfile.TemporaryDirectory(prefix="trainshed-bench-") as folder:
        script = Path(folder, "code", "done.py")
        script.parent.mkdir()
        script.write_text("print('done')\n")
        with service(Path(folder, "home")) as client:
            systems: dict[str, Callable[[], dict[str, float]]] = {
                "bare loop": lambda: {"all": timed(lambda: loop([sys.executable, str(script)], count))},
                "trainshed": lambda: {"all": timed(lambda: jobs(client, script, "python", count))},
            }
            measured = Rounds("bare loop")
            measured.measure(options.rounds, systems)
    columns = ("system", "jobs a minute", "× the time of a bare loop")
    table = Table("throughput", f"{count} trivial jobs, two at a time", columns)
    for name in systems:
        table.add(name, 60 * count / measured.median(name, "all"), measured.ratio(name, "all"))
    table.notes.append(f"Medians of {options.rounds} rounds; all jobs are submitted at once, over HTTP.")
    table.publish()


def loop(command: Sequence[str], count: int, environment: Mapping[str, str] | None = None) -> None:
    """Run a command so often, two at a time."""
    with ThreadPoolExecutor(2) as workers:
        runs = [
            workers.submit(subprocess.run, command, check=True, capture_output=True, env=environment)
            for _ in range(count)
        ]
        for done in runs:
            done.result()


def jobs(client: Client, script: Path, engine: str, count: int, **more: Any) -> None:
    """Submit so many jobs at once, of a flavor that lets two run at a time, and see all of them completed."""
    ids = [
        client.jobs.create(request(f"t-{os.urandom(6).hex()}", script, engine, flavor="cpu-1", **more)).id
        for _ in range(count)
    ]
    for job_id in ids:
        phase = client.jobs.wait(job_id).phase
        assert str(phase) == "Completed", phase


if __name__ == "__main__":
    main()
