"""``trainshed run --pool hpc --nodes 2`` on a real cluster: frameworks meet across nodes, without ssh."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.engines.conftest import digits, presets, shared_environments
from tests.pools.test_slurm_service import Bench
from trainshed.engines.catalogue import Catalogue
from trainshed.engines.environments import Environments

__all__ = ["digits", "presets", "shared_environments"]
pytestmark = [pytest.mark.xdist_group("slurm"), pytest.mark.engine, pytest.mark.timeout(1200)]
SCRIPTS = Path(__file__).parents[1] / "engines" / "scripts"


def reports(printed: str) -> list[dict[str, Any]]:
    """What the ranks said at their end, by rank."""
    found = [json.loads(line) for line in re.findall(r"REPORT (\{.*\})", printed)]
    return sorted(found, key=lambda each: each["rank"])


def nodes_of(bench: Bench, before: set[Path]) -> list[str]:
    """Where the tasks of the job ran that has come since."""
    [job] = set(bench.shared.glob("jobs/*")) - before
    task = json.loads((job / "0" / "worker-0" / "task.json").read_text())
    return [peer["name"] for peer in task["peers"]]


@pytest.mark.parametrize(
    ("engine", "script", "least"),
    [
        ("pytorch", "torch_digits.py", 0.85),
        ("horovod-pytorch", "horovod_torch_digits.py", 0.85),
        ("mpi4py", "mpi_digits.py", 0.85),
        ("tensorflow", "keras_digits.py", 0.8),
    ],
)
def test_two_nodes_train_as_one(
    bench: Bench,
    presets: Catalogue,
    shared_environments: Environments,
    digits: Path,
    engine: str,
    script: str,
    least: float,
) -> None:
    """Every rank takes part, each on a node of its own, and all end with the same weights."""
    shared_environments.ensure(presets.newest(engine))
    before = set(bench.shared.glob("jobs/*"))
    where = ["--pool", "hpc", "--nodes", "2", "--flavor", "cpu-2", "--logs", "all"]
    if engine == "mpi4py" and {each.name for each in Path("/sys/class/net").iterdir()} == {"lo"}:
        pytest.skip("UCX goes from one host name to another by no loopback, and there is no other network")
    variables = ["TF_USE_LEGACY_KERAS=1", "UCX_TLS=tcp,self", "UCX_NET_DEVICES=all"]
    more = [*(f"--env={each}" for each in variables), "-i", f"data_url={digits}"]
    done = bench.run("run", "--engine", engine, *where, *more, str(SCRIPTS / script))
    assert done.returncode == 0, done.stdout + done.stderr
    found = reports(done.stdout)
    assert [(each["rank"], each["size"]) for each in found] == [(0, 2), (1, 2)]
    assert found[0]["checksum"] == pytest.approx(found[1]["checksum"], rel=1e-4)
    assert min(each["accuracy"] for each in found) > least
    assert len(set(nodes_of(bench, before)) & set(bench.cluster.nodes)) == 2
