"""A short storm in each world. ``make chaos`` plays longer ones."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.chaos.plan import FAULTS, Plan
from tests.chaos.storm import can_mount, storm

SEED = int(os.environ.get("CHAOS_SEED", "1"))
JOBS, SECONDS = 20, 6.0


@pytest.mark.timeout(600)
@pytest.mark.parametrize("world", FAULTS)
def test_nothing_is_lost(world: str, tmp_path: Path) -> None:
    if world == "disk" and not can_mount():
        pytest.skip("only root may make a small disk")
    plan = Plan.make(world, SEED, JOBS, SECONDS)
    report = storm(plan, tmp_path)
    assert not report.problems, "\n".join([*report.problems, str(plan), str(report.faults)])
    assert sum(report.faults.values()) >= 2
