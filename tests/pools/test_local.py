"""The local pool with real agents and a real zygote."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.agent.conftest import Job, eventually
from trainshed.agent import processes
from trainshed.core.engine import Engine, LauncherName, Recipe
from trainshed.core.errors import Unavailable
from trainshed.core.resources import Arch, Chip, Flavor, Resources
from trainshed.pools import _agents
from trainshed.pools._machine import Card, Machine, parse_npu_smi
from trainshed.pools.base import AgentState, Gang, TaskKey
from trainshed.pools.local import LocalPool
from trainshed.testing.agent_server import JOB

SLEEP = "import signal, time\nsignal.signal(15, signal.SIG_IGN)\nprint('on', flush=True)\ntime.sleep(600)"
COUNT = "import time\nfor i in range(100):\n    print(i, flush=True)\n    time.sleep(0.02)"
FLAVOR = Flavor("cpu-1", Chip.CPU, Resources(1, 1000))


class Pooled:
    """A pool, and the changes that it told of."""

    def __init__(self, folder: Path) -> None:
        self.pool = LocalPool(folder / "jobs")
        self.changed: list[TaskKey] = []
        self.told = threading.Condition()
        self.pool.on_change = self._on_change

    def _on_change(self, key: TaskKey) -> None:
        with self.told:
            self.changed.append(key)
            self.told.notify_all()

    def wait_for_change(self, timeout: float = 90) -> None:
        with self.told:
            assert self.told.wait_for(lambda: self.changed, timeout)


@pytest.fixture
def pooled(tmp_path: Path) -> Iterator[Pooled]:
    pooled = Pooled(tmp_path)
    yield pooled
    pooled.pool.close()


def gang(*jobs: Job) -> Gang:
    spec = jobs[0].spec
    return Gang(spec.job_id, spec.attempt, FLAVOR, tuple(j.spec for j in jobs))


KEY = TaskKey(JOB, 0, 0)


def agent_of(job: Job) -> int:
    return int(json.loads((job.root / "agent.lock").read_text())["pid"])


def test_a_killed_agent_has_a_successor(job: Job, pooled: Pooled) -> None:
    job.write(COUNT)
    pooled.pool.start(gang(job))
    job.server.wait(job.script_log)
    os.kill(agent_of(job), signal.SIGKILL)
    job.server.wait(lambda: job.record.outcome)
    assert job.script_log() == b"".join(b"%d\n" % i for i in range(100))
    eventually(lambda: pooled.pool.poll([KEY])[KEY].state is AgentState.GONE)


def test_an_agent_that_cannot_live_is_given_up(job: Job, pooled: Pooled) -> None:
    job.write("print('never')")
    job.root.mkdir(parents=True)
    (job.root / "journal.jsonl").mkdir()
    pooled.pool.start(gang(job))
    pooled.wait_for_change()
    status = eventually(lambda: s if (s := pooled.pool.poll([KEY])[KEY]).state is AgentState.GONE else None)
    assert "died 8 times" in status.reason
    assert "Is a directory" in status.reason


def test_a_pool_after_a_restart_replaces_dead_agents(job: Job, tmp_path: Path) -> None:
    job.write(COUNT)
    first = Pooled(tmp_path)
    first.pool.start(gang(job))
    job.server.wait(job.script_log)
    agent = agent_of(job)
    first.pool.close()
    os.kill(agent, signal.SIGKILL)
    second = Pooled(tmp_path)
    try:
        second.pool.stop(JOB, 0)
        job.server.wait(lambda: job.record.outcome)
        assert job.record.outcome["cause"] == "stopped"
        second.wait_for_change(120)
        assert job.left() == []
    finally:
        second.pool.close()


def test_agents_outlive_the_zygote_and_it_comes_back(job: Job, pooled: Pooled) -> None:
    job.write(COUNT)
    pooled.pool.start(gang(job))
    job.server.wait(job.script_log)
    zygote = pooled.pool._zygote._process
    assert zygote is not None
    zygote.kill()
    zygote.wait()
    pooled.wait_for_change(120)
    assert job.record.outcome["cause"] == "success"
    job.set(job_id="job-2", root=str(job.root.parents[2] / "job-2" / "0" / "worker-0"))
    pooled.pool.start(gang(job))
    job.server.wait(lambda: job.server.task("job-2").outcome)


def test_a_gang_starts_as_a_whole_or_not_at_all(job: Job, pooled: Pooled, tmp_path: Path) -> None:
    job.write(SLEEP)
    (tmp_path / "jobs" / JOB / "0").mkdir(parents=True)
    (tmp_path / "jobs" / JOB / "0" / "worker-1").write_text("in the way")
    tasks = (job.spec, replace(job.spec, index=1, root=str(job.root.with_name("worker-1"))))
    with pytest.raises(Unavailable):
        pooled.pool.start(Gang(JOB, 0, FLAVOR, tasks))
    eventually(lambda: not job.left())
    assert not job.root.exists()


def test_a_start_again_that_cannot_be_written_takes_nothing_back(job: Job, pooled: Pooled) -> None:
    """A service that could not write what it knew starts everything again: a full disk must not undo that."""
    job.write("print('once')")
    pooled.pool.start(gang(job))
    job.server.wait(lambda: job.record.outcome)
    eventually(lambda: pooled.pool.poll([KEY])[KEY].state is AgentState.GONE)
    before = (job.root / "log" / "task.log").read_bytes()
    assert b"once" in before
    for name in ("task.new", "journal.new"):
        (job.root / name).mkdir()
    second = replace(job.spec, index=1, root=str(job.root.with_name("worker-1")))
    job.root.with_name("worker-1").write_text("in the way")
    with pytest.raises(Unavailable):
        pooled.pool.start(Gang(JOB, 0, FLAVOR, (job.spec, second)))
    pooled.pool.start(gang(job))
    assert (job.root / "log" / "task.log").read_bytes() == before
    assert [event["kind"] for event in job.record.events].count("finished") == 1


def test_an_agent_that_was_given_up_is_not_started_afresh(job: Job, pooled: Pooled) -> None:
    job.write("print('never')")
    job.root.mkdir(parents=True)
    (job.root / "journal.jsonl").mkdir()
    pooled.pool.start(gang(job))
    eventually(lambda: pooled.pool.poll([KEY])[KEY].state is AgentState.GONE)
    (job.root / "task.new").mkdir()
    pooled.pool.start(gang(job))
    assert pooled.pool.poll([KEY])[KEY].state is AgentState.GONE
    assert (job.root / "task.json").exists()


def test_a_start_takes_the_room_that_the_agent_needs(job: Job, tmp_path: Path) -> None:
    _agents.reserve(tmp_path)
    lock = tmp_path / "agent.lock"
    reserved = lock.stat().st_size
    with lock.open("r+b") as file:
        processes.write_identity(file.fileno(), delivered=False)
    assert lock.stat().st_size == reserved
    _agents.reserve(tmp_path)
    assert _agents.find(tmp_path).process is not None


def test_what_this_machine_offers(pooled: Pooled) -> None:
    [node] = pooled.pool.nodes()
    flavors = {f.id: f for f in pooled.pool.flavors()}
    assert flavors["cpu-1"].resources.cpus == 1
    assert flavors["cpu-1"].max_nodes == min(8, node.total.cpus)
    for flavor in flavors.values():
        assert flavor.resources.fits(node.total)


def test_a_machine_with_cards(tmp_path: Path) -> None:
    cards = tuple(Card(str(i), "H200", 140_000) for i in range(4))
    machine = Machine(64, 512_000, Arch.X86_64, Chip.GPU, cards)
    pool = LocalPool(tmp_path, machine=machine)
    try:
        flavors = {f.id: f for f in pool.flavors()}
        assert [f for f in flavors if f.startswith("gpu")] == ["gpu-1", "gpu-2", "gpu-4"]
        assert flavors["gpu-2"].resources == Resources(32, 256_000, 2)
        assert flavors["gpu-2"].max_nodes == 2
        assert pool.nodes()[0].devices == ("0", "1", "2", "3")
        recipe = Recipe("3.7")
        arm = Engine("e", "F", "", "f", "1", LauncherName.ASCEND, recipe, (Chip.ASCEND,), (Arch.AARCH64,))
        offer = pool.offers(arm)
        assert not offer.available
        assert offer.reason == "needs Ascend on aarch64; this machine has H200 on x86_64"
    finally:
        pool.close()


NPU_SMI = """
+------------------------------------------------------------------------------------------------+
| npu-smi 23.0.0                   Version: 23.0.0                                                |
+---------------------------+---------------+----------------------------------------------------+
| NPU   Name                | Health        | Power(W)    Temp(C)           Hugepages-Usage(page)|
| Chip                      | Bus-Id        | AICore(%)   Memory-Usage(MB)  HBM-Usage(MB)        |
+===========================+===============+====================================================+
| 0     910B                | OK            | 66.7        38                0    / 0             |
| 0                         | 0000:C1:00.0  | 0           651  / 15137      4     / 32768        |
+===========================+===============+====================================================+
| 1     910B                | Alarm         | 66.7        38                0    / 0             |
| 0                         | 0000:01:00.0  | 0           651  / 15137      4     / 32768        |
+===========================+===============+====================================================+
"""


def test_ascend_cards_are_counted_where_they_are_well() -> None:
    assert parse_npu_smi(NPU_SMI) == (Card("0", "Ascend 910B", 32768),)
