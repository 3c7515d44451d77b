"""Real trainings on real engines: accuracy, and that every rank took part."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.engines.cluster import Cluster, check

pytestmark = [pytest.mark.engine, pytest.mark.timeout(1200)]

PYTORCH_18 = "pytorch_1.8.0-cuda_10.2-py_3.7-ubuntu_18.04-x86_64"
TENSORFLOW_21 = "tensorflow_2.1.0-cuda_10.1-py_3.7-ubuntu_18.04-x86_64"

MakeCluster = Callable[..., Cluster]


@pytest.mark.parametrize("engine", ["pytorch", PYTORCH_18])
@pytest.mark.parametrize(("nodes", "processes"), [(1, 1), (1, 2), (2, 1)])
def test_pytorch(cluster: MakeCluster, digits: Path, engine: str, nodes: int, processes: int) -> None:
    job = cluster(engine, nodes=nodes, processes=processes)
    reports = check(job.run("torch_digits.py", f"--data_url={digits}/"), size=nodes * processes)
    assert str(reports[0]["version"]).startswith(job.engine.framework_version)


def test_pytorch_with_declared_rendezvous(cluster: MakeCluster, digits: Path) -> None:
    arguments = (f"--data_url={digits}/", "--init_method=", "--rank=", "--world_size=", "--local_rank=")
    outcomes = cluster("pytorch", nodes=2).run("torch_digits.py", *arguments)
    check(outcomes, size=2)
    assert [o.report["argv"]["rank"] for o in outcomes] == [0, 1]
    assert outcomes[0].report["argv"]["init_method"].startswith("tcp://127.0.0.1:")


@pytest.mark.parametrize("engine", ["tensorflow", TENSORFLOW_21])
@pytest.mark.parametrize("nodes", [1, 2])
def test_keras(cluster: MakeCluster, digits: Path, engine: str, nodes: int) -> None:
    variables = {"TF_USE_LEGACY_KERAS": "1"} if nodes > 1 else {}
    outcomes = cluster(engine, nodes=nodes, variables=variables).run(
        "keras_digits.py", f"--data_url={digits}/"
    )
    reports = check(outcomes, size=nodes)
    assert engine == "tensorflow" or reports[0]["version"] == "2.1.0"


@pytest.mark.parametrize("engine", ["tensorflow", TENSORFLOW_21])
def test_parameter_servers(cluster: MakeCluster, digits: Path, engine: str) -> None:
    declared = ("--job_name=", "--task_index=", "--ps_hosts=", "--worker_hosts=")
    outcomes = cluster(engine, nodes=2).run("ps_digits.py", f"--data_url={digits}/", *declared)
    check(outcomes, size=2, accuracy=0.85)
    assert [outcome.spec.role for outcome in outcomes] == ["worker", "ps", "worker", "ps"]
    assert [outcome.code for outcome in outcomes] == [0, 0, 0, 0]  # the servers ended by themselves
