"""The Ascend launcher drives MindSpore and TensorFlow 1.15, here on the CPU: the script's way through."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.engines.cluster import Cluster, check
from trainshed.core.engine import LauncherName

pytestmark = [pytest.mark.engine, pytest.mark.timeout(1200)]

MakeCluster = Callable[..., Cluster]
TENSORFLOW_115 = "tensorflow_1.15-cann_5.0.2-py_3.7-euler_2.8.3-aarch64"


@pytest.mark.parametrize(
    ("engine", "script", "nodes", "processes"),
    [("mpi", "mindspore_digits.py", 2, 1), (TENSORFLOW_115, "ascend_tf1_digits.py", 1, 2)],
)
def test_ranks_find_their_table(
    cluster: MakeCluster, digits: Path, engine: str, script: str, nodes: int, processes: int
) -> None:
    job = cluster(engine, nodes=nodes, processes=processes, launcher=LauncherName.ASCEND)
    reports = check(job.run(script, f"--data_url={digits}/"), size=nodes * processes, accuracy=0.85)
    assert [report["device"] for report in reports] == [str(i) for i in range(processes)] * nodes
    for report in reports:
        table = report["table"]
        ranks = [d["rank_id"] for server in table["server_list"] for d in server["device"]]
        assert table["status"] == "completed"
        assert table["server_count"] == str(nodes)
        assert ranks == [str(rank) for rank in range(nodes * processes)]
