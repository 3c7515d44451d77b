"""Every kind of pool passes the same contract."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.servers.slurm import SlurmCluster
from trainshed.core.resources import Chip, Flavor, Resources
from trainshed.pools.base import TaskKey
from trainshed.pools.local import LocalPool
from trainshed.pools.slurm import SlurmPool, SlurmSettings
from trainshed.pools.slurm.files import prepare_shared
from trainshed.testing.agent_server import Server
from trainshed.testing.pools import PoolBench, PoolContract, eventually


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


@dataclass
class SlurmBench(PoolBench):
    settings: SlurmSettings | None = None
    cluster: SlurmCluster | None = None

    def reopen(self) -> None:
        assert self.settings
        self.pool.close()
        self.pool = SlurmPool("slurm", self.settings)
        self.pool.on_change = self.changed.append

    def kill_agent(self, key: TaskKey) -> None:
        mark = f"{self.folder}/shared/jobs/{key.job_id}/".encode()
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                argv = (folder / "cmdline").read_bytes().split(b"\0")
                leader = os.getsid(int(folder.name))
            except OSError:
                continue
            if any(part.startswith(mark[:-1]) for part in argv) and leader != int(folder.name):
                os.kill(int(folder.name), signal.SIGKILL)

    def kill_node(self, key: TaskKey) -> None:
        assert self.cluster
        node = eventually(lambda: self.pool.poll([key])[key].node)
        self.cluster.crash(node)
        self.cluster.run("scontrol", "update", f"nodename={node}", "state=down", "reason=crashed")

    def close(self) -> None:
        super().close()
        assert self.cluster
        self.cluster.recover()


@pytest.mark.xdist_group("slurm")
class TestSlurm(PoolContract):
    @pytest.fixture
    def bench(self, server: Server, tmp_path: Path, cluster: SlurmCluster) -> Iterator[PoolBench]:
        shared = tmp_path / "shared"
        shared.mkdir()
        prepare_shared(shared)
        settings = SlurmSettings("main", str(shared), conf=str(cluster.conf), python=sys.executable)
        flavor = Flavor("cpu-1", Chip.CPU, Resources(1, 500))
        bench = SlurmBench(
            SlurmPool("slurm", settings), server, tmp_path, flavor, settings=settings, cluster=cluster
        )
        yield bench
        bench.close()
