"""The scripts are run again, really, and explained again: no record is trusted for ever."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.diagnosis.measure import is_right
from tests.diagnosis.running import Case, cases, evidence, python, run
from trainshed.diagnosis import diagnose


@pytest.mark.parametrize("case", [case for case in cases() if case.plain], ids=lambda case: case.id)
def test_a_script_fails_as_recorded(case: Case, tmp_path: Path) -> None:
    diagnosis = diagnose(evidence(run(case, tmp_path / "run")))
    assert diagnosis
    assert is_right(case, diagnosis), f"{diagnosis.rule} of rank {diagnosis.rank}: {diagnosis.cause}"


@pytest.mark.engine
@pytest.mark.parametrize("name", ["peer_raises", "peer_killed", "gloo_timeout", "rendezvous_timeout"])
def test_ranks_that_lose_each_other(name: str, tmp_path: Path) -> None:
    case = next(case for case in cases() if case.id == f"communication/{name}")
    if python(case.engine) is None:
        pytest.skip("the engine is not built here")
    diagnosis = diagnose(evidence(run(case, tmp_path / "run")))
    assert diagnosis
    assert is_right(case, diagnosis), f"{diagnosis.rule} of rank {diagnosis.rank}: {diagnosis.cause}"
