"""No sequence of events reaches an illegal state; a finished job never changes."""

from __future__ import annotations

from dataclasses import FrozenInstanceError
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainshed.core.errors import Code, Conflict
from trainshed.core.lifecycle import IN_POOL, LEGAL, TERMINAL, JobEvent, JobState, Phase, advance, legal
from trainshed.core.task import Cause, Stage, TaskOutcome

OUTCOMES = st.builds(TaskOutcome, cause=st.sampled_from(list(Cause)), stage=st.sampled_from(list(Stage)))
EVENTS = st.tuples(st.sampled_from(list(JobEvent)), OUTCOMES)
ORDER = [Phase.CREATING, Phase.PENDING, Phase.RUNNING, Phase.TERMINATING]
STEPS = {
    Phase.CREATING: {Phase.PENDING, *TERMINAL},
    Phase.PENDING: {Phase.PENDING, Phase.RUNNING, Phase.TERMINATED},
    Phase.RUNNING: {Phase.PENDING, Phase.TERMINATING, *TERMINAL},
    Phase.TERMINATING: {Phase.TERMINATING, *TERMINAL},
}


def play(events: list[tuple[JobEvent, TaskOutcome]]) -> list[JobState]:
    """All states on the way; refused events leave the state as it was."""
    states = [JobState()]
    for event, outcome in events:
        try:
            states.append(advance(states[-1], event, outcome))
        except Conflict:
            assert not legal(states[-1], event)
    return states


@given(st.lists(EVENTS, max_size=40))
def test_every_step_is_one_of_the_picture(events: list[tuple[JobEvent, TaskOutcome]]) -> None:
    states = play(events)
    for before, after in pairwise(states):
        steps = STEPS[Phase.RUNNING] | {Phase.RUNNING} if before.in_pool else STEPS[before.phase]
        assert after.phase in steps
        given_back = before.in_pool or before.phase is Phase.RUNNING
        assert after.attempt - before.attempt == (after.phase is Phase.PENDING and given_back)


@given(st.lists(EVENTS, max_size=40))
def test_only_a_waiting_job_is_in_the_queue_of_its_pool(events: list[tuple[JobEvent, TaskOutcome]]) -> None:
    assert all(state.phase is Phase.PENDING for state in play(events) if state.in_pool)


@given(st.lists(EVENTS, max_size=40))
def test_a_job_has_an_outcome_exactly_when_it_has_finished(
    events: list[tuple[JobEvent, TaskOutcome]],
) -> None:
    for state in play(events):
        assert (state.outcome is not None) == state.phase.terminal


@given(st.lists(EVENTS, min_size=1, max_size=40))
def test_a_finished_job_never_changes(events: list[tuple[JobEvent, TaskOutcome]]) -> None:
    last = play(events)[-1]
    if last.phase.terminal:
        for event, outcome in events:
            with pytest.raises(Conflict) as raised:
                advance(last, event, outcome)
            assert raised.value.code == Code.JOB_FINISHED


@pytest.mark.parametrize("phase", sorted(TERMINAL))
@pytest.mark.parametrize("event", list(JobEvent))
def test_no_terminal_phase_takes_any_event(phase: Phase, event: JobEvent) -> None:
    assert (phase, event) not in LEGAL
    with pytest.raises(Conflict):
        advance(JobState(phase), event, TaskOutcome(Cause.SUCCESS, Stage.REPORT))


@given(st.lists(EVENTS, max_size=20))
def test_from_everywhere_the_end_can_be_reached(events: list[tuple[JobEvent, TaskOutcome]]) -> None:
    state = play(events)[-1]
    outcome = TaskOutcome(Cause.STOPPED, Stage.RUN)
    for event in (JobEvent.STOP_REQUESTED, JobEvent.ENDED):
        if not state.phase.terminal:
            state = advance(state, event, outcome)
    assert state.phase.terminal


@pytest.mark.parametrize(
    ("cause", "phase"),
    [
        (Cause.SUCCESS, Phase.COMPLETED),
        (Cause.USER_ERROR, Phase.FAILED),
        (Cause.HANG, Phase.FAILED),
        (Cause.TIMEOUT, Phase.TERMINATED),
        (Cause.STOPPED, Phase.TERMINATED),
        (Cause.PREEMPTED, Phase.TERMINATED),
        (Cause.INFRASTRUCTURE, Phase.ABNORMAL),
    ],
)
def test_a_cause_has_its_phase(cause: Cause, phase: Phase) -> None:
    outcome = TaskOutcome(cause, Stage.RUN)
    assert advance(JobState(Phase.RUNNING), JobEvent.ENDED, outcome) == JobState(phase, 0, outcome)


def test_an_end_needs_an_outcome() -> None:
    with pytest.raises(ValueError, match="outcome"):
        advance(JobState(Phase.RUNNING), JobEvent.ENDED)
    with pytest.raises(ValueError, match="outcome"):
        advance(JobState(), JobEvent.PREPARATION_FAILED)


def test_every_legal_transition_has_a_reason_and_is_reached() -> None:
    assert all(reason for reason in (LEGAL | IN_POOL).values())
    outcome = TaskOutcome(Cause.USER_ERROR, Stage.RUN)
    seen, todo = {JobState()}, [JobState()]
    used: set[tuple[bool, Phase, JobEvent]] = set()
    while todo:
        state = todo.pop()
        for event in JobEvent:
            if legal(state, event) and state.attempt < 2:
                used.add((state.in_pool, state.phase, event))
                after = advance(state, event, outcome)
                if after not in seen:
                    seen.add(after)
                    todo.append(after)
    assert used == {(False, *key) for key in LEGAL} | {(True, *key) for key in IN_POOL}


def test_a_state_cannot_be_written_to() -> None:
    with pytest.raises(FrozenInstanceError):
        JobState().attempt = 1  # type: ignore[misc]
