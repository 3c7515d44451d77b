"""Every kind of pool passes the same contract."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.pools.slurm_bench import SlurmBench
from tests.servers.slurm import SlurmCluster
from trainshed.core.resources import Chip, Flavor, Resources
from trainshed.pools.base import TaskKey
from trainshed.pools.local import LocalPool
from trainshed.testing.agent_server import Server
from trainshed.testing.pools import PoolBench, PoolContract


class LocalBench(PoolBench):
    def reopen(self) -> None:
        self.pool.close()
        self.pool = LocalPool(self.folder / "jobs")
        self.pool.on_change = self.changed.append

    def kill_agent(self, key: TaskKey) -> None:
        lock = self.folder / "jobs" / key.job_id / str(key.attempt) / f"worker-{key.index}" / "agent.lock"
        os.kill(int(json.loads(lock.read_text())["pid"]), signal.SIGKILL)


class TestLocal(PoolContract):
    @pytest.fixture
    def bench(self, server: Server, tmp_path: Path) -> Iterator[PoolBench]:
        flavor = Flavor("cpu-1", Chip.CPU, Resources(1, 1000))
        bench = LocalBench(LocalPool(tmp_path / "jobs"), server, tmp_path, flavor)
        yield bench
        bench.close()


@pytest.mark.xdist_group("slurm")
class TestSlurm(PoolContract):
    @pytest.fixture
    def bench(self, server: Server, tmp_path: Path, cluster: SlurmCluster) -> Iterator[PoolBench]:
        bench = SlurmBench.on(cluster, server, tmp_path)
        yield bench
        bench.close()
