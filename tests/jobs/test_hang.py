"""The hang verdict: over recorded samples of real scripts, and rule by rule."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.jobs.hang_measure import Recording, alarms, recordings

from trainshed.jobs.hang import HangPolicy, HangVerdict, RankSample, State, Wait, verdict

RECORDINGS = recordings()
POLICY = HangPolicy(window_s=60.0, confirm_s=30.0, start_s=10.0)


@pytest.mark.parametrize("recording", RECORDINGS, ids=lambda r: f"{r.kind}-{r.name}")
def test_a_recorded_script(recording: Recording) -> None:
    """No alarm for one that works, however silent; an alarm for one that hangs."""
    found = alarms(recording)
    if recording.kind == "healthy":
        assert found == []
    else:
        assert found
        assert found[0][1].reason.endswith(".")
        assert found[0][1].reason_zh.endswith("。")


def test_the_healthy_scripts_are_many_and_of_many_kinds() -> None:
    healthy = [recording.name for recording in RECORDINGS if recording.kind == "healthy"]
    assert len(healthy) >= 90
    assert len({name.rsplit("-", 1)[0] for name in healthy}) >= 15


def series(
    rank: int = 0, wait: Wait = Wait.LOCK, until: float = 200.0, **per_second: float
) -> list[RankSample]:
    """Looks every five seconds; what is named grows by so much a second."""
    return [
        RankSample(
            float(t),
            rank,
            cpu_s=t * per_second.get("cpu_s", 0.0),
            io_bytes=int(t * per_second.get("io_bytes", 0.0)),
            log_bytes=int(t * per_second.get("log_bytes", 0.0)),
            accelerator=per_second.get("accelerator", -1.0),
            wakeups=int(t * per_second.get("wakeups", 0.0)),
            wait=wait,
        )
        for t in range(0, int(until) + 1, 5)
    ]


def judge(*ranks: list[RankSample], now: float = 200.0, policy: HangPolicy = POLICY) -> HangVerdict:
    return verdict([sample for each in ranks for sample in each], range(len(ranks)), policy, now)


@pytest.mark.parametrize(
    "alive",
    [
        {"cpu_s": 0.9},
        {"io_bytes": 5000.0},
        {"log_bytes": 1.0},
        {"cpu_s": 1.0, "accelerator": 50.0},
        {"wakeups": 3.0, "wait": Wait.NETWORK},
        {"wait": Wait.RUNNING},
        {"wait": Wait.SLEEP},
    ],
)
def test_what_makes_a_rank_alive(alive: dict[str, float]) -> None:
    assert judge(series(**alive)).state is State.HEALTHY  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "still",
    [
        {},
        {"cpu_s": 0.001, "io_bytes": 20.0},
        {"cpu_s": 1.0, "accelerator": 100.0, "wait": Wait.RUNNING},
        {"cpu_s": 1.0, "accelerator": 0.0, "wait": Wait.RUNNING},
        {"wakeups": 3.0},
        {"wait": Wait.NETWORK},
        {"wait": Wait.STOPPED},
    ],
)
def test_what_does_not(still: dict[str, float]) -> None:
    assert judge(series(**still)).state is State.HUNG  # type: ignore[arg-type]


def test_first_suspected_then_hung() -> None:
    samples = series()
    states = [judge([s for s in samples if s.time <= t], now=float(t)).state for t in (5, 55, 65, 85, 95)]
    assert states == [State.HEALTHY, State.HEALTHY, State.SUSPECT, State.SUSPECT, State.HUNG]


def test_one_rank_alive_keeps_the_job_alive_and_is_named() -> None:
    found = judge(series(0), series(1, cpu_s=1.0), series(2))
    assert (found.state, found.odd_rank) == (State.HEALTHY, 1)


def test_the_rank_that_waits_in_another_way_is_named() -> None:
    found = judge(series(0), series(1, Wait.DISK), series(2))
    assert (found.state, found.odd_rank) == (State.HUNG, 1)
    assert found.reason == "No rank has done anything for 3 min; rank 1 waits for a disk."


def test_the_rank_that_went_quiet_first_is_named() -> None:
    late = [replace(s, log_bytes=min(s.log_bytes, 60)) for s in series(0, log_bytes=1.0)]
    early = [replace(s, log_bytes=min(s.log_bytes, 20)) for s in series(1, log_bytes=1.0)]
    found = judge(late, early)
    assert (found.state, found.odd_rank) == (State.HUNG, 1)


def test_a_rank_that_sleeps_beside_waiting_ones_gets_more_time() -> None:
    ranks = (series(0), series(1, Wait.SLEEP), series(2))
    assert judge(*([s for s in each if s.time <= 120] for each in ranks), now=120.0).state is State.SUSPECT
    found = judge(*ranks)
    assert (found.state, found.odd_rank) == (State.HUNG, 1)


def test_a_gap_gives_no_verdict() -> None:
    holey = [s for s in series() if not 100 < s.time < 180]
    assert judge(holey).state is State.UNKNOWN
    assert judge(series(until=100.0)).state is State.UNKNOWN
    assert verdict(series(), range(2), POLICY, 200.0).state is State.UNKNOWN
    assert verdict([], range(1), POLICY, 200.0).state is State.UNKNOWN


def test_a_burst_between_two_looks_counts() -> None:
    samples = [replace(s, io_bytes=100_000 if s.time >= 150 else 0) for s in series()]
    found = judge(samples)
    assert found.state is State.HEALTHY
    assert found.quiet_s <= 50


def test_children_that_come_and_go_are_work() -> None:
    samples = [replace(s, processes=1 + int(s.time) % 2) for s in series()]
    assert judge(samples).state is State.HEALTHY


def test_a_job_that_has_just_started_is_let_be() -> None:
    policy = replace(POLICY, start_s=500.0)
    assert judge(series(), policy=policy).state is State.HEALTHY
