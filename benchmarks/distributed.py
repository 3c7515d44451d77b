"""A two-process DistributedDataParallel script: bare torchrun, and through the service, also with warm start.

Run:  python -m benchmarks.distributed [--rounds 5]

Both run the same script in the same environment on the same cores. torchrun imports torch once more
than there are ranks; trainshed starts the ranks itself with the environment that torchrun gives them.
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
from trainshed.engines.catalogue import load
from trainshed.engines.environments import Environments

SCRIPT = """
import torch
import torch.distributed as dist
dist.init_process_group("gloo")
model = torch.nn.parallel.DistributedDataParallel(torch.nn.Linear(8, 2))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
for _ in range(5):
    optimizer.zero_grad()
    model(torch.ones(4, 8)).sum().backward()
    optimizer.step()
total = torch.ones(1)
dist.all_reduce(total)
print(f"ranks={int(total)}", flush=True)
dist.barrier()  # or gloo may abort a rank whose peer has gone
dist.destroy_process_group()
"""


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    engine = load().newest("pytorch")
    python = Environments(ENVIRONMENTS).ensure(engine).python
    with tempfile.TemporaryDirectory(prefix="trainshed-bench-") as folder:
        script = Path(folder, "code", "ddp.py")
        script.parent.mkdir()
        script.write_text(SCRIPT)
        with service(Path(folder, "home")) as client:
            systems: dict[str, Callable[[], dict[str, float]]] = {
                "bare torchrun": lambda: _torchrun(python, script),
                "trainshed": lambda: _trainshed(client, script, engine.id, warm=False),
                "trainshed, warm start": lambda: _trainshed(client, script, engine.id, warm=True),
            }
            measured = Rounds("bare torchrun")
            measured.measure(options.rounds, systems)
    table = Table("distributed", "Two-process DDP script, submit to done", ("system", "s", "× bare torchrun"))
    for name in systems:
        table.add(name, measured.median(name, "done"), measured.ratio(name, "done"))
    table.notes.append(f"Medians of {options.rounds} rounds, {engine.framework} {engine.framework_version}.")
    table.publish()


def _torchrun(python: str, script: Path) -> dict[str, float]:
    start = time.time()
    command = [python, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2", str(script)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("ranks=2") == 2, done.stdout
    return {"done": time.time() - start}


def _trainshed(client: Client, script: Path, engine: str, *, warm: bool) -> dict[str, float]:
    start = time.time()
    name = f"ddp-{os.urandom(6).hex()}"
    asked = request(name, script, engine, flavor="cpu-2", processes=2, warm_start=warm)
    job = client.jobs.wait(client.jobs.create(asked).id)
    done = time.time() - start
    log = client.jobs.log(job.id).decode()
    assert log.count("ranks=2") == 2, log
    return {"done": done}


if __name__ == "__main__":
    main()
