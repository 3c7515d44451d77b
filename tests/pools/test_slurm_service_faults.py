"""Faults of a real cluster as people see them: phase, cause and words of the job, through the service."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.engines.conftest import digits, presets, shared_environments
from tests.pools.slurm_storm import Storm
from tests.pools.test_slurm_service import Bench
from tests.server.running import running
from tests.servers.slurm import SlurmCluster
from trainshed.client import Argument, Client, Connection, Job, JobRequest
from trainshed.core.lifecycle import Phase
from trainshed.engines.catalogue import Catalogue
from trainshed.engines.environments import Environments
from trainshed.pools.slurm.files import AttemptFiles
from trainshed.testing.pools import eventually

__all__ = ["digits", "presets", "shared_environments"]
pytestmark = [pytest.mark.xdist_group("slurm"), pytest.mark.timeout(1200)]

PATIENCE_S = 300
RESUMES = Path(__file__).parents[1] / "engines" / "scripts" / "torch_resume_digits.py"
ON = "import time\nprint('on', flush=True)\ntime.sleep(600)"
UNTIL_TOLD = """
import os, time
print("on", flush=True)
while not os.path.exists({word!r}):
    time.sleep(0.05)
print("off", flush=True)
"""
ONCE = """
import os, time
print("on", flush=True)
if not os.path.exists({word!r}):
    open({word!r}, "w").close()
    time.sleep(600)
"""
GREEDY = "import time\nprint('on', flush=True)\nkept = bytearray(b'x') * (1500 << 20)\ntime.sleep(600)"


@dataclass
class Faulty(Bench):
    """A service with a pool on a cluster to which bad things are done, and a client of it."""

    client: Client

    def start(self, script: str, **more: Any) -> str:
        """The id of a job whose script has said that it is on."""
        code = self.folder / uuid.uuid4().hex
        code.mkdir()
        (code / "train.py").write_text(script)
        job_id = self.create(code, **{"engine": "python", "flavor": "cpu-1", **more})
        self.until_log(job_id, b"on\n")
        return job_id

    def create(self, code: Path, **more: Any) -> str:
        fields: dict[str, Any] = {"boot_file": "train.py", "pool": "hpc", **more}
        name = f"f-{uuid.uuid4().hex[:12]}"
        request = JobRequest(name=name, code_dir=f"{code.as_uri()}/", **fields)
        return self.client.jobs.create(request).id

    def until_log(self, job_id: str, text: bytes, attempt: int = 0) -> None:
        eventually(lambda: text in self.client.jobs.log(job_id, attempt=attempt), PATIENCE_S)

    def log(self, job_id: str, attempt: int = 0) -> list[str]:
        """What the script printed in one attempt."""
        lines = self.client.jobs.log(job_id, attempt=attempt).decode().splitlines()
        return [line for line in lines if not line.startswith("[ModelArts Service Log]")]

    def end(self, job_id: str) -> Job:
        return self.client.jobs.wait(job_id, PATIENCE_S)

    def events(self, job_id: str) -> str:
        """What people are told of the job."""
        return "\n".join(event.message for event in self.client.jobs.events(job_id))

    def slurm_id(self, job_id: str, attempt: int = 0) -> str:
        return eventually(AttemptFiles(self.shared / "jobs" / job_id / str(attempt)).slurm_id)

    def node_of(self, job_id: str, index: int = 0, attempt: int = 0) -> str:
        """Where a task was told that it runs."""
        file = self.shared / "jobs" / job_id / str(attempt) / f"worker-{index}" / "task.json"
        return json.loads(file.read_text())["peers"][index]["name"]


@pytest.fixture(scope="module")
def service(cluster: SlurmCluster, tmp_path_factory: pytest.TempPathFactory) -> Generator[Faulty]:
    folder = tmp_path_factory.mktemp("slurm-faults")
    with (
        running(folder / "home") as server,
        Client(Connection(server.endpoint, server.project_id, server.ready.token)) as client,
    ):
        found = Faulty(server, cluster, folder, client)
        done = found.add("hpc")
        assert done.status_code == 201, done.text
        yield found
        found.close()


@pytest.fixture
def bench(service: Faulty) -> Generator[Faulty]:
    yield service
    service.close()


@pytest.fixture
def word() -> Generator[Path]:
    """A file that scripts see in their sandboxes, too; not there yet."""
    path = Path(f"/dev/shm/ts-word-{uuid.uuid4().hex}")
    yield path
    path.unlink(missing_ok=True)


def ends(job: Job, phase: Phase, cause: str, words: str) -> None:
    assert job.outcome is not None
    assert (job.phase, job.outcome.cause) == (phase, cause), job.outcome
    assert words in job.outcome.message


def test_the_controller_is_killed_and_comes_back(bench: Faulty, word: Path) -> None:
    job_id = bench.start(UNTIL_TOLD.format(word=str(word)))
    bench.cluster.save()
    bench.cluster.kill_controller()
    try:
        word.touch()
        ends(bench.end(job_id), Phase.COMPLETED, "success", "")
    finally:
        bench.cluster.start_controller()
    assert bench.log(job_id) == ["on", "off"]


def test_only_slurms_daemon_of_a_node_dies(bench: Faulty, word: Path) -> None:
    job_id = bench.start(UNTIL_TOLD.format(word=str(word)), restarts=1)
    node, slurm_id = bench.node_of(job_id), bench.slurm_id(job_id)
    bench.cluster.kill_daemon(node)
    bench.cluster.run("scontrol", "update", f"nodename={node}", "state=down", "reason=silent")
    shown = ("scontrol", "--oneliner", "show", "job", slurm_id)
    eventually(lambda: "NODE_FAIL" in bench.cluster.run(*shown))
    word.touch()
    job = bench.end(job_id)
    ends(job, Phase.COMPLETED, "success", "")
    assert (job.attempt, bench.log(job_id)) == (0, ["on", "off"])


def test_preemption_without_a_restart(bench: Faulty) -> None:
    job_id = bench.start(ON)
    urgent(bench)
    ends(bench.end(job_id), Phase.TERMINATED, "preempted", "make room")


def test_preemption_with_a_restart(bench: Faulty, word: Path) -> None:
    again = {"fault-tolerance/preemption-retry-num": "1"}
    job_id = bench.start(ONCE.format(word=str(word)), annotations=again)
    urgent(bench)
    job = bench.end(job_id)
    ends(job, Phase.COMPLETED, "success", "")
    assert job.attempt == 1
    assert "Started again after a preemption" in bench.events(job_id)


def urgent(bench: Faulty) -> None:
    """A job that needs all nodes, of those who go first."""
    where = ("--partition=urgent", "--nodes=4", "--exclusive", "--output=/dev/null")
    bench.cluster.run("sbatch", *where, "--wrap=true")


def test_an_administrator_requeues_it(bench: Faulty, word: Path) -> None:
    """The restart is ours, as a new attempt; what Slurm would run again is cancelled."""
    job_id = bench.start(ONCE.format(word=str(word)), restarts=1)
    slurm_id = bench.slurm_id(job_id)
    bench.cluster.run("scontrol", "update", f"jobid={slurm_id}", "requeue=1")
    bench.cluster.run("scontrol", "requeue", slurm_id)
    job = bench.end(job_id)
    ends(job, Phase.COMPLETED, "success", "")
    assert job.attempt == 1
    assert "requeued" in bench.events(job_id)
    assert [bench.log(job_id, attempt) for attempt in (0, 1)] == [["on"], ["on"]]


def test_scancel_behind_our_back(bench: Faulty) -> None:
    job_id = bench.start(ON, restarts=1)
    bench.cluster.run("scancel", bench.slurm_id(job_id))
    ends(bench.end(job_id), Phase.TERMINATED, "stopped", "cancelled in Slurm")


def test_more_memory_than_the_flavor_has(bench: Faulty) -> None:
    job_id = bench.start(GREEDY, restarts=1)
    ends(bench.end(job_id), Phase.FAILED, "user_error", "memory")
    found = bench.client.jobs.diagnosis(job_id)
    assert found is not None
    assert "memory" in found.cause


def test_slurms_own_time_limit(bench: Faulty) -> None:
    job_id = bench.start(ON, restarts=1)
    bench.cluster.run("scontrol", "update", f"jobid={bench.slurm_id(job_id)}", "timelimit=1")
    ends(bench.end(job_id), Phase.TERMINATED, "timeout", "time limit")


def test_many_jobs_at_once_all_end_rightly(bench: Faulty) -> None:
    """``python -m tests.pools.slurm_storm`` does it with a thousand."""
    assert Storm(bench.client, bench.cluster, bench.folder, bench.shared).play(20, PATIENCE_S) == []


@pytest.mark.engine
def test_a_node_crashes_and_training_goes_on_elsewhere(
    bench: Faulty, presets: Catalogue, shared_environments: Environments, digits: Path, tmp_path: Path
) -> None:
    """From the last checkpoint, on other nodes, to the same loss as without the crash."""
    shared_environments.ensure(presets.newest("pytorch"))

    def train(name: str, *halt: Argument) -> str:
        return bench.create(
            RESUMES.parent,
            boot_file=RESUMES.name,
            engine="pytorch",
            flavor="cpu-1",
            nodes=2,
            restarts=1,
            inputs={"data_url": f"{digits.as_uri()}/"},
            outputs={"train_url": f"{(tmp_path / name).as_uri()}/"},
            predownload=frozenset(["train_url"]),
            arguments=halt,
        )

    whole = train("whole")
    ends(bench.end(whole), Phase.COMPLETED, "success", "")
    broken = train("broken", Argument("halt", "1"))
    bench.until_log(broken, b"epoch 1 ")
    node = bench.node_of(broken, index=1)
    bench.cluster.crash(node)
    bench.cluster.run("scontrol", "update", f"nodename={node}", "state=down", "reason=crashed")
    job = bench.end(broken)
    ends(job, Phase.COMPLETED, "success", "")
    assert job.attempt == 1
    assert node not in {bench.node_of(broken, index, attempt=1) for index in range(2)}
    assert "a node of the job failed" in bench.events(broken)
    first, second = (report(bench, each, attempt) for each, attempt in ((whole, 0), (broken, 1)))
    assert (first["first"], second["first"]) == (0, 2)
    assert second["loss"] == pytest.approx(first["loss"], abs=1e-6)


def report(bench: Faulty, job_id: str, attempt: int) -> dict[str, Any]:
    """What rank 0 said at its end."""
    found = re.search(r"REPORT (\{.*\})", "\n".join(bench.log(job_id, attempt)))
    assert found
    return json.loads(found[1])
