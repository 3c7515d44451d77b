"""The other frameworks that ModelArts users have: a small training each."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.engines.cluster import Cluster, check

pytestmark = [pytest.mark.engine, pytest.mark.timeout(1200)]


@pytest.mark.parametrize(
    ("engine", "framework"),
    [
        ("xgboost", "xgboost"),
        ("lightgbm", "lightgbm"),
        ("mxnet", "mxnet"),
        ("jax", "jax"),
        ("keras-jax", "keras"),
        ("keras-torch", "keras"),
        ("keras-tensorflow", "keras"),
    ],
)
def test_trains(cluster: Callable[..., Cluster], digits: Path, engine: str, framework: str) -> None:
    job = cluster(engine)
    outcomes = job.run("plain_digits.py", f"--data_url={digits}/", f"--with={framework}")
    [report] = check(outcomes, size=1, accuracy=0.9)
    assert report["version"] == job.engine.framework_version
