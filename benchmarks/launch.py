"""Submit to the script's first line, and to its end being seen: bare Python, trainshed, and peers.

Run:  python -m benchmarks.launch [--rounds 15] [--peers torchx,submitit,ray]

The script prints the time and ends. Each round runs every system once, one after the other. A job
of trainshed goes through HTTP to a service that is up, waits for a free core, and is sandboxed;
TorchX runs in the measuring process, submitit starts a process of its own, Ray has its head running.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from benchmarks.harness import Driver, Rounds, parser_of, request, service
from benchmarks.table import Table

from trainshed.client import Client

SCRIPT = "import time\nprint('first', time.time(), flush=True)\n"

TORCHX = """
import json, sys, time, pathlib, tempfile
from torchx.runner import get_runner
from torchx.specs import AppDef, Role
script = sys.argv[1]
runner = get_runner("bench")
print("{}", flush=True)
for _ in sys.stdin:
    logs = tempfile.mkdtemp()
    role = Role(name="r", image="/tmp", entrypoint=sys.executable, args=[script], num_replicas=1)
    start = time.time()
    handle = runner.run(AppDef(name="b", roles=[role]), scheduler="local_cwd", cfg={"log_dir": logs})
    runner.wait(handle, wait_interval=0.005)
    done = time.time()
    out = next(pathlib.Path(logs).rglob("stdout.log")).read_text()
    print(json.dumps({"first": float(out.split()[1]) - start, "done": done - start}), flush=True)
"""

SUBMITIT = """
import json, sys, tempfile, time
import submitit
executor = submitit.LocalExecutor(folder=tempfile.mkdtemp())
print("{}", flush=True)
for _ in sys.stdin:
    start = time.time()
    at = executor.submit(time.time).result()
    print(json.dumps({"first": at - start, "done": time.time() - start}), flush=True)
"""

RAY = """
import json, sys, time
import ray
from ray.job_submission import JobSubmissionClient
info = ray.init(num_cpus=2, include_dashboard=True, dashboard_host="127.0.0.1", log_to_driver=False)
client = JobSubmissionClient("http://" + info.dashboard_url)
print("{}", flush=True)
for _ in sys.stdin:
    start = time.time()
    job = client.submit_job(entrypoint=f"{sys.executable} {sys.argv[1]}")
    while not client.get_job_status(job).is_terminal():
        time.sleep(0.01)
    done = time.time()
    lines = [l for l in client.get_job_logs(job).splitlines() if l.startswith("first")]
    print(json.dumps({"first": float(lines[0].split()[1]) - start, "done": done - start}), flush=True)
"""

PEERS: dict[str, tuple[str, list[str], str]] = {
    "torchx": ("TorchX local", ["torchx", "setuptools<80"], TORCHX),
    "submitit": ("submitit local", ["submitit"], SUBMITIT),
    "ray": ("Ray Jobs", ["ray[default]"], RAY),
}


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--peers", default="torchx,submitit,ray")
    options = parser.parse_args()
    chosen = [name for name in options.peers.split(",") if name]
    with tempfile.TemporaryDirectory(prefix="trainshed-bench-") as folder, ExitStack() as stack:
        script = Path(folder, "code", "first.py")
        script.parent.mkdir()
        script.write_text(SCRIPT)
        client = stack.enter_context(service(Path(folder, "home")))
        systems: dict[str, Callable[[], dict[str, float]]] = {
            "bare python": lambda: _bare(script),
            "trainshed": lambda: _trainshed(client, script),
        }
        for name in chosen:
            title, packages, source = PEERS[name]
            driver = Driver(name, packages, source, str(script))
            stack.callback(driver.close)
            systems[title] = driver.run
        _publish(options.rounds, systems)


def _publish(rounds: int, systems: dict[str, Callable[[], dict[str, float]]]) -> None:
    measured = Rounds("bare python")
    measured.measure(rounds, systems)
    columns = ("system", "submit → first line, ms", "× bare python", "→ seen done, ms", "× bare python")
    table = Table("launch", "From submit to the script's first line, and to its end being seen", columns)
    for name in systems:
        cells = [f(name, what) for what in ("first", "done") for f in (measured.median, measured.ratio)]
        table.add(name, cells[0] * 1000, cells[1], cells[2] * 1000, cells[3])
    table.notes.append(
        f"Medians of {rounds} rounds, in each of which every system runs once; ratios are within rounds. "
        "trainshed's job goes through HTTP, the queue and the sandbox."
    )
    table.publish()


def _bare(script: Path) -> dict[str, float]:
    start = time.time()
    out = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=True).stdout
    return {"first": float(out.split()[1]) - start, "done": time.time() - start}


def _trainshed(client: Client, script: Path) -> dict[str, float]:
    start = time.time()
    job = client.jobs.create(request(f"first-{os.urandom(6).hex()}", script, "python", flavor="cpu-1"))
    client.jobs.wait(job.id)
    done = time.time()
    lines = client.jobs.log(job.id).decode().splitlines()
    first = next(line for line in lines if line.startswith("first"))
    return {"first": float(first.split()[1]) - start, "done": done - start}


if __name__ == "__main__":
    main()
