"""The local pool with real agents and a real zygote."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.agent.conftest import Job
from trainshed.core.resources import Chip, Flavor, Resources
from trainshed.pools.base import AgentState, Gang, TaskKey
from trainshed.pools.local import LocalPool

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

    def wait_for_change(self, timeout: float = 20) -> None:
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


KEY = TaskKey("job-1", 0, 0)


def test_a_job_from_start_to_end(job: Job, pooled: Pooled) -> None:
    job.write("print('hello')")
    pooled.pool.start(gang(job))
    pooled.wait_for_change()
    assert pooled.changed == [KEY]
    assert job.script_log() == b"hello\n"
    assert job.record.outcome["cause"] == "success"
    assert pooled.pool.poll([KEY])[KEY].state is AgentState.GONE
