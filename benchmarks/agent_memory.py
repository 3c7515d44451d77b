"""What an agent costs in memory while a script runs: proportional set size of agent and supervisor.

Run:  python benchmarks/agent_memory.py [--jobs 8]

The jobs sleep. Pages that processes share are counted once, divided among them (``Pss`` of
``/proc/PID/smaps_rollup``); the zygote, of which there is one a machine, is shown by itself.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

from benchmarks.table import Table  # noqa: E402

from trainshed.core.engine import LauncherName  # noqa: E402
from trainshed.core.resources import Chip, Flavor, Resources  # noqa: E402
from trainshed.core.task import Interpreter, Peer, Reporting, TaskSpec  # noqa: E402
from trainshed.core.wire import to_wire  # noqa: E402
from trainshed.pools.base import Gang  # noqa: E402
from trainshed.pools.local import LocalPool  # noqa: E402

NOBODY = "http://127.0.0.1:9"  # nothing answers there: the agents keep all and try again
SETTLED_S = 6.0


def main() -> None:
    """Measure and publish."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=8)
    count: int = parser.parse_args().jobs
    table = Table("agent-memory", "Memory of an agent", ("what", "MiB a job", "budget"))
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        by_pool(Path(folder), count, table)
        alone(Path(folder), table)
    table.notes.append("Proportional (Pss), agent and supervisor together, while the script sleeps.")
    table.publish()


def by_pool(folder: Path, count: int, table: Table) -> None:
    """Agents of the local pool, which share the zygote's pages."""
    pool = LocalPool(folder / "jobs")
    specs = [task(folder, f"job-{i}") for i in range(count)]
    for spec in specs:
        pool.start(Gang(spec.job_id, 0, Flavor("cpu-1", Chip.CPU, Resources(1, 100)), (spec,)))
    time.sleep(SETTLED_S)
    sizes = [sum(pss(pid) for pid in processes(Path(spec.root))) for spec in specs]
    table.add(f"agent and supervisor, {count} jobs at once on the local pool", statistics.median(sizes), "20")
    zygote = pool._zygote._process  # pyright: ignore[reportPrivateUsage]
    table.add("zygote, once a machine", pss(zygote.pid) if zygote else None, "")
    for spec in specs:
        pool.stop(spec.job_id, 0, force=True)
    pool.close()  # from here on no agent gets a successor
    until_gone(specs)


def alone(folder: Path, table: Table) -> None:
    """An agent started by its command line, as on a cluster."""
    spec = task(folder, "alone")
    root = Path(spec.root)
    root.mkdir(parents=True)
    (root / "task.json").write_text(json.dumps(to_wire(spec)))
    agent = subprocess.Popen([sys.executable, "-m", "trainshed.agent", str(root)], start_new_session=True)
    time.sleep(SETTLED_S)
    table.add("the same, started alone", sum(pss(pid) for pid in processes(root)), "20")
    agent.send_signal(10)
    agent.wait(60)


def task(folder: Path, name: str) -> TaskSpec:
    """A task that sleeps."""
    code = folder / "code"
    code.mkdir(exist_ok=True)
    (code / "sleep.py").write_text("import time\nprint('on', flush=True)\ntime.sleep(600)\n")
    return TaskSpec(
        job_id=name,
        job_name=name,
        attempt=0,
        index=0,
        root=str(folder / "jobs" / name / "0" / "worker-0"),
        code_dir=f"file://{code}",
        boot_file="sleep.py",
        engine_id="",
        family="",
        launcher=LauncherName.PLAIN,
        reporting=Reporting(NOBODY, ""),
        peers=(Peer("127.0.0.1"),),
        ports=(),
        interpreter=Interpreter(sys.executable),
        grace_s=1,
    )


def processes(root: Path) -> list[int]:
    """Agent and supervisor of the task in ``root``."""
    files: list[dict[str, Any]] = [
        json.loads((root / name).read_text()) for name in ("agent.lock", "run/supervisor.lock")
    ]
    return [int(each["pid"]) for each in files]


def pss(pid: int) -> float:
    """MiB, shared pages divided."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


def until_gone(specs: list[TaskSpec]) -> None:
    """Wait for the forced ends; the agents give up telling nobody."""
    deadline = time.monotonic() + 60
    while any(Path(f"/proc/{pid}").exists() for spec in specs for pid in processes(Path(spec.root))):
        if time.monotonic() > deadline:
            raise TimeoutError("agents did not end")
        time.sleep(0.1)


if __name__ == "__main__":
    main()
