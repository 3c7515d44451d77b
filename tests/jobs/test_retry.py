"""Restart rules: every cause has its budget, and every verdict a sentence."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainshed.core.job import RestartPolicy
from trainshed.core.task import Cause, Stage, TaskOutcome
from trainshed.jobs.retry import Budget, Ended, budget_of, decide


def ended(cause: Cause, node: str = "", code: int | None = None) -> Ended:
    return Ended(TaskOutcome(cause, Stage.RUN, exit_code=code), node)


LOST = ended(Cause.INFRASTRUCTURE, "n1")
ERROR = ended(Cause.USER_ERROR, "n1", 1)
HUNG = ended(Cause.HANG, "n2")
PREEMPTED = ended(Cause.PREEMPTED, "n3")


@pytest.mark.parametrize("cause", [Cause.SUCCESS, Cause.STOPPED, Cause.TIMEOUT])
def test_what_ended_as_it_should_is_final(cause: Cause) -> None:
    everything = RestartPolicy(9, 9, True, 9, 9)
    assert not decide(everything, [], ended(cause)).again


def test_an_unknown_end_restarts_nothing() -> None:
    verdict = decide(RestartPolicy(9, 9, True, 9, 9), [], None)
    assert not verdict.again
    assert verdict.reason == "Not started again: nobody knows yet how it ended."


@pytest.mark.parametrize(
    ("policy", "last", "budget"),
    [
        (RestartPolicy(infrastructure=1), LOST, Budget.INFRASTRUCTURE),
        (RestartPolicy(user_error=1), ERROR, Budget.USER_ERROR),
        (RestartPolicy(hang=1), HUNG, Budget.HANG),
        (RestartPolicy(preemption=1), PREEMPTED, Budget.PREEMPTION),
        (RestartPolicy(infrastructure=1, unconditional=True), ERROR, Budget.INFRASTRUCTURE),
        (RestartPolicy(infrastructure=1, unconditional=True), HUNG, Budget.INFRASTRUCTURE),
        (RestartPolicy(infrastructure=1, retry_codes=(1,)), ERROR, Budget.INFRASTRUCTURE),
    ],
)
def test_each_cause_has_its_budget(policy: RestartPolicy, last: Ended, budget: Budget) -> None:
    verdict = decide(policy, [], last)
    assert (verdict.again, verdict.budget, verdict.used, verdict.allowed) == (True, budget, 1, 1)
    assert not decide(policy, [last], last).again


@pytest.mark.parametrize("last", [LOST, ERROR, HUNG, PREEMPTED])
def test_budgets_are_separate(last: Ended) -> None:
    policy = RestartPolicy(infrastructure=1, user_error=1, hang=1, preemption=1)
    others = [each for each in (LOST, ERROR, HUNG, PREEMPTED) if each is not last]
    assert decide(policy, others, last).again


def test_nothing_is_restarted_unless_asked() -> None:
    verdict = decide(RestartPolicy(), [], LOST)
    assert verdict.reason == "Not started again: it has no restarts after a fault of the infrastructure."


def test_a_code_on_the_never_list_goes_before_all() -> None:
    policy = RestartPolicy(9, 9, True, retry_codes=(1,), never_codes=(1,))
    assert "exit code 1" in decide(policy, [], ERROR).reason


def test_waits_double_up_to_the_longest() -> None:
    policy = RestartPolicy(infrastructure=9, backoff_s=10, backoff_max_s=35)
    assert [decide(policy, [LOST] * n, LOST).delay_s for n in range(4)] == [10, 20, 35, 35]
    assert decide(policy, [], LOST).reason.endswith("restart 1 of 9, in 10 s.")


def test_a_preempted_job_does_not_wait() -> None:
    assert decide(RestartPolicy(preemption=1, backoff_s=10), [], PREEMPTED).delay_s == 0


def test_nodes_that_failed_are_avoided_and_those_of_script_errors_are_not() -> None:
    policy = RestartPolicy(9, 9, hang=9)
    assert decide(policy, [LOST, HUNG, LOST], ERROR).avoid == ("n1", "n2")
    assert decide(RestartPolicy(9, avoid_nodes=False), [], LOST).avoid == ()


@given(
    st.builds(
        RestartPolicy,
        st.integers(0, 3),
        st.integers(0, 3),
        st.booleans(),
        st.integers(0, 3),
        st.integers(0, 3),
    ),
    st.lists(st.sampled_from(list(Cause)), min_size=1, max_size=40),
)
def test_restarts_never_exceed_the_budgets(policy: RestartPolicy, causes: list[Cause]) -> None:
    history: list[Ended] = []
    for cause in causes:
        verdict = decide(policy, history, ended(cause))
        assert verdict.reason.endswith(".")
        assert verdict.reason_zh.endswith("。")
        if verdict.again:
            assert verdict.used <= verdict.allowed
            history.append(ended(cause))
    for budget in Budget:
        spent = sum(budget_of(policy, each.outcome) is budget for each in history)
        assert spent <= getattr(policy, budget.value)
