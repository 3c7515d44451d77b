"""The Slurm pool on a real cluster, for tests of pools."""

from __future__ import annotations

import os
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from tests.servers.slurm import SlurmCluster
from trainshed.core.resources import Chip, Flavor, Resources
from trainshed.pools.base import TaskKey
from trainshed.pools.slurm import SlurmPool, SlurmSettings
from trainshed.pools.slurm.files import AttemptFiles, prepare_shared
from trainshed.testing.agent_server import Server
from trainshed.testing.pools import PoolBench, eventually


@dataclass
class SlurmBench(PoolBench):
    """Attributes:
    settings: of the pool.
    cluster: that it runs on.
    """

    settings: SlurmSettings | None = None
    cluster: SlurmCluster | None = None

    @classmethod
    def on(cls, cluster: SlurmCluster, server: Server, folder: Path) -> Self:
        """A pool on the partition ``main``, whose jobs have a core and 500 MB of a node."""
        shared = folder / "shared"
        shared.mkdir()
        prepare_shared(shared)
        settings = SlurmSettings("main", str(shared), conf=str(cluster.conf), python=sys.executable)
        flavor = Flavor("cpu-1", Chip.CPU, Resources(1, 500))
        pool = SlurmPool("slurm", settings)
        return cls(pool, server, folder, flavor, settings=settings, cluster=cluster)

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

    def slurm_id(self, key: TaskKey) -> str:
        """Slurm's number of the job."""
        files = AttemptFiles(self.folder / "shared" / "jobs" / key.job_id / str(key.attempt))
        return eventually(files.slurm_id)

    def close(self) -> None:
        super().close()
        assert self.cluster
        self.cluster.recover()
