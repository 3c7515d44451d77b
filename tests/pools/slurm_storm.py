"""Many jobs at once on a real cluster of four nodes: how each of them ends, and whether that is right.

    python -m tests.pools.slurm_storm [--jobs 1000]         (as root, see tests/servers/slurm.py)

Of every ten jobs seven succeed, two fail with an exit code of their own, and one is cancelled by scancel
while it runs. A job has ended rightly where phase and exit code are those, its whole log is there, and its
script was started once.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
import uuid
from dataclasses import dataclass
from pathlib import Path

from tests.server.running import Running, running
from tests.servers.slurm import SlurmCluster, missing
from trainshed.client import Argument, Client, Connection, JobRequest
from trainshed.core.lifecycle import TERMINAL, Phase
from trainshed.pools.slurm.files import AttemptFiles

SCRIPT = """
import sys, time
wish = sys.argv[1].partition("=")[2]
print("begin", wish, flush=True)
if wish == "wait":
    time.sleep(3600)
print("end", flush=True)
sys.exit(int(wish))
"""
WISHES = ("0", "0", "3", "0", "0", "wait", "0", "4", "0", "0")


@dataclass(frozen=True)
class Expected:
    """How a job is to end."""

    phase: Phase
    code: int | None
    log: list[str]


def expected(wish: str) -> Expected:
    """What becomes of a job that was sent with ``wish``."""
    if wish == "wait":
        return Expected(Phase.TERMINATED, None, ["begin wait"])
    phase = Phase.FAILED if int(wish) else Phase.COMPLETED
    return Expected(phase, int(wish), [f"begin {wish}", "end"])


class Storm:
    """So many jobs in the pool ``hpc`` of a service."""

    def __init__(self, client: Client, cluster: SlurmCluster, folder: Path, shared: Path) -> None:
        self._client, self._cluster, self._shared = client, cluster, shared
        self._code = folder / f"storm-{uuid.uuid4().hex[:8]}"
        self._code.mkdir()
        (self._code / "train.py").write_text(SCRIPT)
        self._jobs: dict[str, str] = {}

    def play(self, count: int, seconds: float) -> list[str]:
        """Send all, see all end; a sentence for each that did not end rightly."""
        for number in range(count):
            self._jobs[self._send(number, WISHES[number % len(WISHES)])] = WISHES[number % len(WISHES)]
        until = time.monotonic() + seconds
        waiting = [job_id for job_id, wish in self._jobs.items() if wish == "wait"]
        unfinished = set(self._jobs)
        while unfinished and time.monotonic() < until:
            waiting = [job_id for job_id in waiting if not self._cancelled(job_id)]
            unfinished -= {
                job_id for job_id in unfinished if self._client.jobs.show(job_id).phase in TERMINAL
            }
            time.sleep(0.5)
        return [
            wrong for job_id, wish in self._jobs.items() if (wrong := self._judge(job_id, expected(wish)))
        ]

    def _send(self, number: int, wish: str) -> str:
        request = JobRequest(
            name=f"s{number}-{uuid.uuid4().hex[:8]}",
            code_dir=f"{self._code.as_uri()}/",
            boot_file="train.py",
            engine="python",
            pool="hpc",
            flavor="cpu-1",
            arguments=(Argument("wish", wish),),
        )
        return self._client.jobs.create(request).id

    def _cancelled(self, job_id: str) -> bool:
        """Cancel a job in Slurm once its script is at work; whether that was done."""
        if b"begin" not in self._client.jobs.log(job_id):
            return False
        self._cluster.run("scancel", AttemptFiles(self._shared / "jobs" / job_id / "0").slurm_id())
        return True

    def _judge(self, job_id: str, wanted: Expected) -> str:
        job = self._client.jobs.show(job_id)
        log = self._client.jobs.log(job_id).decode().splitlines()
        mine = [line for line in log if not line.startswith("[ModelArts Service Log]")]
        code = job.outcome.exit_code if job.outcome and wanted.code is not None else None
        found = Expected(job.phase, code, mine)
        return (
            ""
            if found == wanted and job.attempt == 0
            else f"{job_id}: {found}, {wanted} expected: {job.outcome}"
        )


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--jobs", type=int, default=1000)
    parser.add_argument("--minutes", type=float, default=30)
    options = parser.parse_args()
    if lacks := missing():
        sys.exit(f"slurm_storm: {lacks}")
    with tempfile.TemporaryDirectory(prefix="ts-storm-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "shared").mkdir()
        with SlurmCluster.start(folder / "c") as cluster, running(folder / "home") as server:
            wrong, seconds = _played(cluster, server, folder, options.jobs, 60 * options.minutes)
    rate = options.jobs / seconds
    print(f"{options.jobs} jobs in {seconds:.0f} s, {rate:.1f} a second; {len(wrong)} ended wrongly")
    print(*wrong, sep="\n")
    sys.exit(bool(wrong))


def _played(
    cluster: SlurmCluster, server: Running, folder: Path, jobs: int, patience_s: float
) -> tuple[list[str], float]:
    settings = {"partition": "main", "shared": str(folder / "shared"), "conf": str(cluster.conf)}
    with Client(Connection(server.endpoint, server.project_id, server.ready.token)) as client:
        client.pools.add("hpc", "slurm", {**settings, "python": sys.executable, "build": "server"})
        begun = time.monotonic()
        wrong = Storm(client, cluster, folder, folder / "shared").play(jobs, patience_s)
        seconds = time.monotonic() - begun
    return wrong, seconds


if __name__ == "__main__":
    main()
