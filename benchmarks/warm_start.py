"""A script that imports its framework: bare Python, and through the service, without and with warm start.

Run:  python -m benchmarks.warm_start [--rounds 5] [ENGINE …]     (pytorch, tensorflow, MindSpore)

The script imports the framework, multiplies two matrices, and prints the time. Bare Python is the
engine's own interpreter. The parent is made in the first round, which does not count.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.harness import ENVIRONMENTS, Rounds, parser_of, request, service
from benchmarks.table import Table

from trainshed.client import Client
from trainshed.core.engine import Engine
from trainshed.core.task import Interpreter
from trainshed.engines.catalogue import load
from trainshed.engines.environments import Environments

ENGINES = ("pytorch", "tensorflow", "mindspore_2.10.0-mpich_5.0.2-py_3.11")
SCRIPTS = {
    "PyTorch": "import torch\nx = torch.rand(64, 64)\n",
    "TensorFlow": "import tensorflow as tf\nx = tf.random.uniform([64, 64])\n",
    "MindSpore": "from mindspore import ops\nx = ops.ones((64, 64))\n",
}
LAST = "assert (x @ x).shape == (64, 64)\nimport time\nprint('done', time.time(), flush=True)\n"


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("engines", nargs="*", default=ENGINES)
    options = parser.parse_args()
    columns = ("what", "→ framework used, s", "× bare Python", "→ seen done, s", "× bare Python")
    table = Table("warm_start", "A script that imports its framework", columns)
    with tempfile.TemporaryDirectory(prefix="trainshed-bench-") as folder:
        for name in options.engines:
            engine = load().newest(name)
            interpreter = Environments(ENVIRONMENTS).ensure(engine)
            script = Path(folder, engine.framework, "script.py")
            script.parent.mkdir()
            script.write_text(SCRIPTS[engine.framework] + LAST)
            with service(Path(folder, f"home-{engine.framework}")) as client:
                _measure(table, options.rounds, engine, _systems(client, script, engine, interpreter))
    table.notes.append(
        f"Medians of {options.rounds} rounds, in each of which every system runs once; ratios are "
        "within rounds."
    )
    table.publish()


def _systems(
    client: Client, script: Path, engine: Engine, interpreter: Interpreter
) -> dict[str, Callable[[], dict[str, float]]]:
    return {
        "bare Python": lambda: _bare(interpreter, script),
        "trainshed": lambda: _trainshed(client, script, engine, warm=False),
        "trainshed, warm start": lambda: _trainshed(client, script, engine, warm=True),
    }


def _measure(
    table: Table, rounds: int, engine: Engine, systems: dict[str, Callable[[], dict[str, float]]]
) -> None:
    measured = Rounds("bare Python")
    measured.measure(rounds, systems)
    for name in systems:
        cells = [f(name, what) for what in ("used", "done") for f in (measured.median, measured.ratio)]
        table.add(f"{engine.framework} {engine.framework_version}, {name}", *cells)


def _bare(interpreter: Interpreter, script: Path) -> dict[str, float]:
    environment = {**os.environ, **interpreter.variables, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    start = time.time()
    done = subprocess.run(
        [interpreter.python, str(script)], capture_output=True, text=True, check=True, env=environment
    )
    return {"used": _used(done.stdout) - start, "done": time.time() - start}


def _trainshed(client: Client, script: Path, engine: Engine, *, warm: bool) -> dict[str, float]:
    start = time.time()
    name = f"warm-{os.urandom(6).hex()}"
    asked = request(name, script, engine.id, flavor="cpu-1", warm_start=warm)
    job = client.jobs.wait(client.jobs.create(asked).id)
    done = time.time() - start
    return {"used": _used(client.jobs.log(job.id).decode()) - start, "done": done}


def _used(log: str) -> float:
    """The time that the script printed."""
    return float(next(line for line in log.splitlines() if line.startswith("done")).split()[1])


if __name__ == "__main__":
    main()
