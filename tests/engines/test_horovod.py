"""Horovod without horovodrun: our rendezvous, our ranks; they train and agree."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.engines.cluster import Cluster, check

pytestmark = [pytest.mark.engine, pytest.mark.timeout(1200)]

MakeCluster = Callable[..., Cluster]
ON_TENSORFLOW_21 = "horovod_0.20.0-tensorflow_2.1.0-cuda_10.1-py_3.7-ubuntu_18.04-x86_64"
ON_PYTORCH_18 = "horovod_0.22.1-pytorch_1.8.0-cuda_10.2-py_3.7-ubuntu_18.04-x86_64"


@pytest.mark.parametrize("engine", ["horovod-pytorch", ON_PYTORCH_18])
@pytest.mark.parametrize(("nodes", "processes"), [(1, 2), (2, 1)])
def test_on_pytorch(cluster: MakeCluster, digits: Path, engine: str, nodes: int, processes: int) -> None:
    job = cluster(engine, nodes=nodes, processes=processes)
    outcomes = job.run("horovod_torch_digits.py", f"--data_url={digits}/")
    reports = check(outcomes, size=nodes * processes, accuracy=0.9)
    assert [r["local_rank"] for r in reports] == list(range(processes)) * nodes
    assert {r["local_size"] for r in reports} == {processes}
    assert outcomes[-1].spec.role == "rendezvous" or nodes > 1


@pytest.mark.parametrize("engine", ["horovod-tensorflow", ON_TENSORFLOW_21])
@pytest.mark.parametrize(("nodes", "processes"), [(1, 2), (2, 1)])
def test_on_tensorflow(cluster: MakeCluster, digits: Path, engine: str, nodes: int, processes: int) -> None:
    job = cluster(engine, nodes=nodes, processes=processes)
    outcomes = job.run("horovod_tf_digits.py", f"--data_url={digits}/")
    check(outcomes, size=nodes * processes, accuracy=0.9)


def test_alone(cluster: MakeCluster, digits: Path) -> None:
    outcomes = cluster("horovod-pytorch").run("horovod_torch_digits.py", f"--data_url={digits}/")
    check(outcomes, size=1, accuracy=0.9)
    assert len(outcomes) == 1
