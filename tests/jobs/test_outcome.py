"""The first that failed is named, whatever order its peers were taken along in."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainshed.core.task import Cause, Stage, TaskOutcome
from trainshed.jobs.outcome import CASCADE_S, first_failure, gang_outcome

GOOD = TaskOutcome(Cause.SUCCESS, Stage.REPORT, exit_code=0)
TAKEN = TaskOutcome(Cause.STOPPED, Stage.RUN, signal=15, failed_at=3.0)


def failed(at: float, message: str = "exit code 1", signal: int = 0) -> TaskOutcome:
    code = None if signal else 1
    return TaskOutcome(Cause.USER_ERROR, Stage.RUN, message, exit_code=code, signal=signal, failed_at=at)


def test_the_first_by_time() -> None:
    assert gang_outcome([failed(20.0), GOOD, failed(10.0)], stopped=False).message == "worker-2: exit code 1"


def test_a_consequence_is_not_named_even_where_its_clock_is_early() -> None:
    tasks = [failed(9.8, "connection closed by peer"), failed(10.0, "ValueError")]
    assert first_failure(tasks, consequences={0}) == (1, tasks[1])


def test_a_killed_process_goes_before_one_that_exited_in_the_same_moment() -> None:
    tasks = [failed(10.0), failed(10.2, "killed", signal=9)]
    assert gang_outcome(tasks, stopped=False).signal == 9


def test_a_terminated_process_does_not() -> None:
    tasks = [failed(10.0, "own"), failed(10.0, "terminated", signal=15)]
    assert gang_outcome(tasks, stopped=False).message == "worker-0: own"


def test_a_failure_long_after_is_not_the_first_even_if_the_first_is_a_consequence() -> None:
    tasks = [failed(10.0, "peer lost"), failed(10.0 + CASCADE_S + 1, "later")]
    assert first_failure(tasks, consequences={0}) == (0, tasks[0])


def test_a_failure_without_a_time_comes_last() -> None:
    assert first_failure([failed(0.0), failed(50.0)]) == (1, failed(50.0))


def test_a_failure_beats_a_stop_of_its_peers() -> None:
    assert gang_outcome([TAKEN, failed(5.0)], stopped=False).cause is Cause.USER_ERROR


def test_a_stop_by_a_person() -> None:
    assert gang_outcome([GOOD, TAKEN], stopped=True) is TAKEN
    assert gang_outcome([GOOD, TAKEN], stopped=False).message == "it was stopped"


def test_success_of_all() -> None:
    assert gang_outcome([GOOD, GOOD], stopped=True) is GOOD


def test_a_message_of_a_single_task_stays_as_it_is() -> None:
    assert gang_outcome([failed(1.0)], stopped=False).message == "exit code 1"


def test_unknown_outcomes_are_left_out_and_no_task_is_no_job() -> None:
    assert first_failure([None, GOOD]) is None
    with pytest.raises(ValueError, match="at least one"):
        gang_outcome([], stopped=False)


@given(
    st.lists(
        st.builds(
            TaskOutcome,
            cause=st.sampled_from(list(Cause)),
            stage=st.just(Stage.RUN),
            signal=st.sampled_from([0, 9, 15]),
            failed_at=st.floats(0, 100),
        ),
        min_size=1,
        max_size=6,
    )
)
def test_a_failed_task_makes_a_failed_job_and_nothing_else_does(tasks: list[TaskOutcome]) -> None:
    outcome = gang_outcome(tasks, stopped=False)
    bad = {t.cause for t in tasks} - {Cause.SUCCESS, Cause.STOPPED}
    assert outcome.cause in bad if bad else outcome.cause in {t.cause for t in tasks}
    shuffled = tasks.copy()
    random.Random(0).shuffle(shuffled)
    assert (gang_outcome(shuffled, stopped=False).cause in bad) == bool(bad)
