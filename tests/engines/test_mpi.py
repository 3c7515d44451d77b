"""MPI without mpirun: ranks that our own process manager brings together."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.engines.cluster import Cluster, check

pytestmark = [pytest.mark.engine, pytest.mark.timeout(1200)]

MakeCluster = Callable[..., Cluster]
MINDSPORE_13 = "mindspore_1.3.0-cuda_10.1-py_3.7-ubuntu_1804-x86_64"


@pytest.mark.parametrize(("nodes", "processes"), [(1, 1), (1, 2), (2, 1), (2, 2)])
def test_mpi4py(cluster: MakeCluster, digits: Path, nodes: int, processes: int) -> None:
    job = cluster("mpi4py", nodes=nodes, processes=processes)
    check(job.run("mpi_digits.py", f"--data_url={digits}/"), size=nodes * processes, accuracy=0.9)


@pytest.mark.parametrize("engine", ["mpi", MINDSPORE_13])
@pytest.mark.parametrize(("nodes", "processes"), [(1, 2), (2, 1)])
def test_mindspore(cluster: MakeCluster, digits: Path, engine: str, nodes: int, processes: int) -> None:
    job = cluster(engine, nodes=nodes, processes=processes)
    reports = check(
        job.run("mindspore_digits.py", f"--data_url={digits}/"), size=nodes * processes, accuracy=0.9
    )
    assert reports[0]["version"] == job.engine.framework_version


def test_a_rank_that_dies_ends_the_others(cluster: MakeCluster, digits: Path) -> None:
    outcomes = cluster("mpi4py", processes=2).run("mpi_digits.py", f"--data_url={digits}/nowhere/")
    assert any(outcome.code not in (0, -15) for outcome in outcomes)
    assert "FileNotFoundError" in outcomes[0].text + outcomes[1].text
