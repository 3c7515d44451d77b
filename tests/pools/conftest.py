"""The agent's recording server and jobs, and a Slurm cluster, for pools."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from tests.agent.conftest import job, server
from tests.pools.service_bench import Bench
from tests.server.running import running
from tests.servers import slurm
from tests.servers.slurm import SlurmCluster

__all__ = ["cluster", "job", "server"]


@pytest.fixture(scope="session")
def cluster() -> Iterator[SlurmCluster]:
    """One cluster of four nodes for each worker of the tests, started when it is first asked for."""
    if missing := slurm.missing():
        pytest.skip(missing)
    folder = Path(tempfile.mkdtemp(prefix=f"ts-{os.getpid()}-"))
    with SlurmCluster.start(folder) as cluster:
        yield cluster
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def bench(cluster: SlurmCluster, tmp_path_factory: pytest.TempPathFactory) -> Generator[Bench]:
    """A service that has the cluster as its pool ``hpc``."""
    folder = tmp_path_factory.mktemp("slurm")
    with running(folder / "home") as server:
        found = Bench(server, cluster, folder)
        done = found.add("hpc")
        assert done.status_code == 201, done.text
        yield found
        found.close()
