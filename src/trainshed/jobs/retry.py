"""Whether a job that ended is started again, when, and without which nodes; with the reason."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass

from trainshed.core.job import RestartPolicy
from trainshed.core.task import Cause, TaskOutcome


class Budget(enum.StrEnum):
    """What a restart is counted against."""

    INFRASTRUCTURE = "infrastructure"
    USER_ERROR = "user_error"
    HANG = "hang"
    PREEMPTION = "preemption"


_WORDS = {
    Budget.INFRASTRUCTURE: ("a fault of the infrastructure", "基础设施故障"),
    Budget.USER_ERROR: ("an error of the script", "脚本错误"),
    Budget.HANG: ("a hang", "作业卡死"),
    Budget.PREEMPTION: ("a preemption", "被抢占"),
}
_BUDGETS = {
    Cause.INFRASTRUCTURE: Budget.INFRASTRUCTURE,
    Cause.USER_ERROR: Budget.USER_ERROR,
    Cause.HANG: Budget.HANG,
    Cause.PREEMPTED: Budget.PREEMPTION,
}
_FINAL = {
    Cause.SUCCESS: ("it has succeeded", "作业已成功"),
    Cause.STOPPED: ("it was stopped by a person", "作业被用户停止"),
    Cause.TIMEOUT: ("it has reached its maximum duration", "作业达到最长运行时间"),
}


@dataclass(frozen=True, slots=True)
class Ended:
    """One attempt that is over.

    Attributes:
        node: where the first failing task ran, or "".
    """

    outcome: TaskOutcome
    node: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether the job is started again.

    Attributes:
        delay_s: how long to wait first.
        reason: one sentence; ``reason_zh`` in Chinese.
        budget: what the restart counts against, None where nothing was to be counted.
        used, allowed: restarts of that budget, this one included, and how many there may be.
        avoid: nodes to leave out where others will do.
    """

    again: bool
    reason: str
    reason_zh: str
    delay_s: float = 0.0
    budget: Budget | None = None
    used: int = 0
    allowed: int = 0
    avoid: tuple[str, ...] = ()


def budget_of(policy: RestartPolicy, outcome: TaskOutcome) -> Budget | None:
    """What a restart after ``outcome`` counts against; None if such an end is final."""
    budget = _BUDGETS.get(outcome.cause)
    if budget is Budget.USER_ERROR and outcome.exit_code in policy.retry_codes:
        return Budget.INFRASTRUCTURE
    if budget is not None and policy.unconditional and budget is not Budget.PREEMPTION:
        return Budget.INFRASTRUCTURE
    return budget


def decide(policy: RestartPolicy, history: Sequence[Ended], last: Ended | None) -> Verdict:
    """Whether to start again after ``last``.

    Args:
        history: the attempts before it that ended and were followed by another; a start that the
            pool could not make is none of them.
        last: the attempt that has just ended; None if how it ended could not be found out, which
            restarts nothing.

    >>> from trainshed.core.task import Stage
    >>> lost = Ended(TaskOutcome(Cause.INFRASTRUCTURE, Stage.RUN), "node-7")
    >>> verdict = decide(RestartPolicy(infrastructure=2, backoff_s=10), [lost], lost)
    >>> verdict.again, verdict.delay_s, verdict.avoid
    (True, 20.0, ('node-7',))
    >>> decide(RestartPolicy(infrastructure=2), [lost, lost], lost).reason
    'Not started again: all 2 restarts after a fault of the infrastructure are used up.'
    """
    if last is None:
        return _no("nobody knows yet how it ended", "尚不清楚作业如何结束")
    outcome = last.outcome
    if outcome.exit_code is not None and outcome.exit_code in policy.never_codes:
        return _no(
            f"exit code {outcome.exit_code} is one that it is never to be started again after",
            f"退出码 {outcome.exit_code} 被设置为不重启",
        )
    budget = budget_of(policy, outcome)
    if budget is None:
        return _no(*_FINAL[outcome.cause])
    allowed = _allowed(policy, budget)
    used = sum(budget_of(policy, ended.outcome) is budget for ended in history)
    if used >= allowed:
        return _used_up(budget, used, allowed)
    delay = _delay(policy, budget, len(history))
    return Verdict(
        again=True,
        reason=f"Started again after {_WORDS[budget][0]}: restart {used + 1} of {allowed}{_wait(delay)}.",
        reason_zh=f"因{_WORDS[budget][1]}重启：第 {used + 1} 次，共 {allowed} 次{_wait_zh(delay)}。",
        delay_s=delay,
        budget=budget,
        used=used + 1,
        allowed=allowed,
        avoid=avoided(policy, [*history, last]),
    )


def _allowed(policy: RestartPolicy, budget: Budget) -> int:
    return {
        Budget.INFRASTRUCTURE: policy.infrastructure,
        Budget.USER_ERROR: policy.user_error,
        Budget.HANG: policy.hang,
        Budget.PREEMPTION: policy.preemption,
    }[budget]


def _delay(policy: RestartPolicy, budget: Budget, restarts: int) -> float:
    """Seconds: doubles with every restart so far. A preempted job did nothing wrong and waits for none."""
    if budget is Budget.PREEMPTION or policy.backoff_s <= 0:
        return 0.0
    return min(policy.backoff_max_s, policy.backoff_s * 2.0 ** min(restarts, 30))


def avoided(policy: RestartPolicy, ended: Sequence[Ended]) -> tuple[str, ...]:
    """Nodes where an attempt met a fault of the infrastructure or hung, newest first."""
    if not policy.avoid_nodes:
        return ()
    faults = (Cause.INFRASTRUCTURE, Cause.HANG)
    nodes = [each.node for each in reversed(ended) if each.node and each.outcome.cause in faults]
    return tuple(dict.fromkeys(nodes))


def _used_up(budget: Budget, used: int, allowed: int) -> Verdict:
    words, words_zh = _WORDS[budget]
    if allowed:
        why, why_zh = (
            f"all {allowed} restarts after {words} are used up",
            f"{words_zh}的 {allowed} 次重启已用完",
        )
    else:
        why, why_zh = f"it has no restarts after {words}", f"未设置{words_zh}后的重启"
    return Verdict(
        again=False,
        reason=f"Not started again: {why}.",
        reason_zh=f"不再重启：{why_zh}。",
        budget=budget,
        used=used,
        allowed=allowed,
    )


def _no(why: str, why_zh: str) -> Verdict:
    return Verdict(again=False, reason=f"Not started again: {why}.", reason_zh=f"不再重启：{why_zh}。")


def _wait(delay: float) -> str:
    return f", in {delay:g} s" if delay else ""


def _wait_zh(delay: float) -> str:
    return f"，{delay:g} 秒后" if delay else ""
