"""Twenty jobs that import PyTorch and do next to nothing, two at a time: a bare loop, and the service.

Run:  python -m benchmarks.warm_throughput [--jobs 20] [--rounds 2]

The loop runs the engine's own interpreter. The warm parent is made in the first round, which does
not count.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks.harness import ENVIRONMENTS, Rounds, parser_of, service, timed
from benchmarks.table import Table
from benchmarks.throughput import jobs, loop

from trainshed.engines.catalogue import load
from trainshed.engines.environments import Environments

SCRIPT = "import torch\nassert torch.ones(8, 8).sum() == 64\nprint('done')\n"


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--jobs", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=2)
    options = parser.parse_args()
    count: int = options.jobs
    engine = load().newest("pytorch")
    interpreter = Environments(ENVIRONMENTS).ensure(engine)
    variables = {**os.environ, **interpreter.variables, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    with tempfile.TemporaryDirectory(prefix="trainshed-bench-") as folder:
        script = Path(folder, "code", "script.py")
        script.parent.mkdir()
        script.write_text(SCRIPT)
        with service(Path(folder, "home")) as client:
            command = [interpreter.python, str(script)]
            systems: dict[str, Callable[[], object]] = {
                "bare loop": lambda: loop(command, count, variables),
                "trainshed": lambda: jobs(client, script, engine.id, count, warm_start=False),
                "trainshed, warm start": lambda: jobs(client, script, engine.id, count, warm_start=True),
            }
            measured = Rounds("bare loop")
            measured.measure(options.rounds, {name: _all(run) for name, run in systems.items()})
    columns = ("system", "jobs a minute", "× the time of a bare loop")
    title = f"{count} jobs that import PyTorch and do next to nothing, two at a time"
    table = Table("warm_throughput", title, columns)
    for name in systems:
        table.add(name, 60 * count / measured.median(name, "all"), measured.ratio(name, "all"))
    table.notes.append(
        f"Medians of {options.rounds} rounds, PyTorch {engine.framework_version}; all jobs are submitted "
        "at once, over HTTP."
    )
    table.publish()


def _all(run: Callable[[], object]) -> Callable[[], dict[str, float]]:
    return lambda: {"all": timed(run)}


if __name__ == "__main__":
    main()
