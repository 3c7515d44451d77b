"""Fifty trivial jobs, two at a time: a bare loop, and through the service.

Run:  python -m benchmarks.throughput [--jobs 50] [--rounds 3]
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

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
                "bare loop": lambda: {"all": timed(lambda: _loop(script, count))},
                "trainshed": lambda: {"all": timed(lambda: _jobs(client, script, count))},
            }
            measured = Rounds("bare loop")
            measured.measure(options.rounds, systems)
    columns = ("system", "jobs a minute", "× the time of a bare loop")
    table = Table("throughput", f"{count} trivial jobs, two at a time", columns)
    for name in systems:
        table.add(name, 60 * count / measured.median(name, "all"), measured.ratio(name, "all"))
    table.notes.append(f"Medians of {options.rounds} rounds; all jobs are submitted at once, over HTTP.")
    table.publish()


def _loop(script: Path, count: int) -> None:
    with ThreadPoolExecutor(2) as workers:
        command = [sys.executable, str(script)]
        runs = [
            workers.submit(subprocess.run, command, check=True, capture_output=True) for _ in range(count)
        ]
        for done in runs:
            done.result()


def _jobs(client: Client, script: Path, count: int) -> None:
    ids = [
        client.jobs.create(request(f"t-{os.urandom(6).hex()}", script, "python", flavor="cpu-1")).id
        for _ in range(count)
    ]
    for job_id in ids:
        phase = client.jobs.wait(job_id).phase
        assert str(phase) == "Completed", phase


if __name__ == "__main__":
    main()
