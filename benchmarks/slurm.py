"""Jobs on a real Slurm cluster of four virtual nodes: bare sbatch, and through trainshed.

Run:  python -m benchmarks.slurm [--rounds 12] [--jobs 40]        (as root, see tests/servers/slurm.py)

* first line: from the submit to what the script prints first. Slurm starts jobs when its clock ticks,
  so single times lie anywhere within a second; medians are compared, not pairs.
* many: so many trivial jobs at once, from the first submit until all have ended.
* the poll: what one look at all jobs costs the processor, before and after all of these have ended.
"""

from __future__ import annotations

import os
import resource
import shlex
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from benchmarks.harness import parser_of, request, service, timed
from benchmarks.table import Table
from tests.servers.slurm import SlurmCluster, missing

from trainshed.client import Client
from trainshed.pools.slurm import status

POOL, FLAVOR, MEMORY_MB = "bench", "cpu-1", 1000
SCRIPT = "import time\nprint('first', time.time(), flush=True)\n"
LOOKS = 10


class Bare:
    """sbatch, and the file that Slurm writes the output to."""

    def __init__(self, cluster: SlurmCluster, folder: Path, script: Path) -> None:
        self._cluster, self._folder = cluster, folder
        self._wrap = f"--wrap=exec {shlex.join([sys.executable, str(script)])}"
        folder.mkdir()

    def submit(self) -> Path:
        """Where it will print to."""
        output = self._folder / f"{os.urandom(6).hex()}.out"
        options = ["--cpus-per-task=1", f"--mem={MEMORY_MB}", f"--output={output}", "--open-mode=append"]
        self._cluster.run("sbatch", "--parsable", *options, self._wrap)
        return output

    def first(self) -> float:
        """Seconds from the submit to the first line."""
        start = time.time()
        output = self.submit()
        self._cluster.wait_until(lambda: output.exists() and "\n" in output.read_text(), "it prints", 60)
        self.idle()
        return float(output.read_text().split()[1]) - start

    def many(self, count: int) -> None:
        """So many jobs, to the end of all."""
        for _ in range(count):
            self.submit()
        self.idle()

    def idle(self) -> None:
        """Wait until no job waits or runs."""
        listing = ("squeue", "--noheader", "--format=%i")
        self._cluster.wait_until(lambda: not self._cluster.run(*listing), "all jobs have ended", 300)


class Ours:
    """A service with a pool on the cluster."""

    def __init__(self, client: Client, script: Path, idle: Callable[[], None]) -> None:
        self._client, self._script, self._idle = client, script, idle

    def submit(self) -> str:
        """The job's id."""
        more = {"pool": POOL, "flavor": FLAVOR}
        return self._client.jobs.create(
            request(f"s-{os.urandom(6).hex()}", self._script, "python", **more)
        ).id

    def first(self) -> float:
        """Seconds from the submit to the first line."""
        start = time.time()
        job_id = self.submit()
        self._wait(job_id)
        self._idle()
        lines = self._client.jobs.log(job_id).decode().splitlines()
        return float(next(line for line in lines if line.startswith("first")).split()[1]) - start

    def many(self, count: int) -> None:
        """So many jobs, to the end of all."""
        for job_id in [self.submit() for _ in range(count)]:
            self._wait(job_id)

    def _wait(self, job_id: str) -> None:
        phase = str(self._client.jobs.wait(job_id).phase)
        if phase != "Completed":
            raise RuntimeError(f"job {job_id} is {phase}")


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--jobs", type=int, default=40)
    options = parser.parse_args()
    if lacks := missing():
        sys.exit(f"slurm: {lacks}")
    with ExitStack() as stack:
        # short, because sockets live in it, and open, or munge would not trust them
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ts-bench-")))
        folder.chmod(0o755)
        cluster = stack.enter_context(SlurmCluster.start(folder / "c"))
        script = folder / "code" / "first.py"
        script.parent.mkdir()
        script.write_text(SCRIPT)
        shared = folder / "shared"
        shared.mkdir()
        client = stack.enter_context(service(folder / "home"))
        settings = {"partition": "main", "shared": str(shared), "conf": str(cluster.conf)}
        client.pools.add(POOL, "slurm", {**settings, "python": sys.executable, "build": "server"})
        bare = Bare(cluster, folder / "out", script)
        ours = Ours(client, script, bare.idle)
        before = look_ms(cluster)
        measure(options.rounds, options.jobs, bare, ours).publish_with(before, look_ms(cluster))


class Measured:
    """All times, by system."""

    def __init__(self, rounds: int, jobs: int) -> None:
        self.rounds, self.jobs = rounds, jobs
        self.first: dict[str, list[float]] = {"sbatch": [], "trainshed": []}
        self.many: dict[str, float] = {}

    def publish_with(self, before: float, after: float) -> None:
        """The table; ``before`` and ``after`` are milliseconds of a look."""
        columns = ("system", "submit → first line, ms", "× sbatch", "jobs a second", "× sbatch")
        table = Table("slurm", "On a Slurm cluster of four virtual nodes", columns)
        base_first, base_rate = statistics.median(self.first["sbatch"]), self.jobs / self.many["sbatch"]
        for name, title in (("sbatch", "bare sbatch"), ("trainshed", "trainshed")):
            first, rate = statistics.median(self.first[name]), self.jobs / self.many[name]
            table.add(title, 1000 * first, first / base_first, rate, rate / base_rate)
        ended = 2 * (self.jobs + self.rounds)
        table.notes.append(
            f"Ratios of medians of {self.rounds} submits each, one after the other in turn; then {self.jobs} "
            "trivial jobs at once. All four nodes, Slurm's controller and the service share this machine. "
            f"A look at all jobs took {before:.1f} ms of processor time at first, and {after:.1f} ms with "
            f"{ended} ended ones that Slurm still remembered."
        )
        table.publish()


def measure(rounds: int, jobs: int, bare: Bare, ours: Ours) -> Measured:
    """Both systems in turn; the first round warms up and does not count."""
    found = Measured(rounds, jobs)
    for count in range(rounds + 1):
        for name, first in (("sbatch", bare.first), ("trainshed", ours.first)):
            seconds = first()
            if count:
                found.first[name].append(seconds)
    found.many["sbatch"] = timed(lambda: bare.many(jobs))
    found.many["trainshed"] = timed(lambda: ours.many(jobs))
    return found


def look_ms(cluster: SlurmCluster) -> float:
    """Processor time of one poll as the pool makes it: the command's, and ours for what it says."""

    def used() -> float:
        children, own = resource.getrusage(resource.RUSAGE_CHILDREN), resource.getrusage(resource.RUSAGE_SELF)
        return children.ru_utime + children.ru_stime + own.ru_utime + own.ru_stime

    begun = used()
    for _ in range(LOOKS):
        list(status.parse(cluster.run(*status.UNFINISHED)))
    return 1000 * (used() - begun) / LOOKS


if __name__ == "__main__":
    main()
