"""Whether a job hangs: a verdict over samples of all its ranks, without a look into the script.

A rank is *alive* while its log grows, its processes read or write, come and go, use processor time or
wait for it, or its main thread is woken by the network (what sockets carry is not among a process's
bytes). A job hangs when no rank is alive over a whole window, unless the ranks sleep by a timer of
their own. Where the accelerators' use is known, one that stands still at nothing or at everything
while the processor spins counts as not alive too: that is how collectives wait on cards.

What was not seen counts for nothing: with a gap in the samples there is no verdict.
"""

from __future__ import annotations

import enum
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise


class Wait(enum.StrEnum):
    """What the main thread of a rank was doing when it was looked at."""

    RUNNING = "running"
    SLEEP = "sleep"
    LOCK = "lock"
    NETWORK = "network"
    DISK = "disk"
    STOPPED = "stopped"
    ENDED = "ended"
    UNKNOWN = ""


@dataclass(frozen=True, slots=True)
class RankSample:
    """One look at one rank: counters over all its processes, since its start.

    Attributes:
        time: seconds, of a clock that all samples of the job share.
        cpu_s: processor time in seconds, of ended children too.
        io_bytes: bytes read and written, by whatever means.
        log_bytes: size of its log.
        accelerator: use of its cards in per cent, -1 where unknown or none.
        processes: how many processes it has.
        wakeups: how often its main thread has given up the processor and got it back.
    """

    time: float
    rank: int
    cpu_s: float
    io_bytes: int
    log_bytes: int
    accelerator: float = -1.0
    processes: int = 1
    wait: Wait = Wait.UNKNOWN
    wakeups: int = 0


@dataclass(frozen=True, slots=True)
class HangPolicy:
    """How long and how quiet.

    Attributes:
        window_s: how long no rank may be alive before the job is suspected.
        confirm_s: how much longer before it is called hung.
        start_s: nothing is suspected in the first seconds of a job.
        busy_cores: processor use from which a rank is alive, in cores.
        busy_bytes_s: reading and writing from which it is, in bytes a second.
        busy_wakeups_s: wake-ups a second from which a main thread that waits for the network is.
        flat_points: a card's use within so many points stands still.
    """

    window_s: float = 1800.0
    confirm_s: float = 600.0
    start_s: float = 300.0
    busy_cores: float = 0.05
    busy_bytes_s: float = 200.0
    busy_wakeups_s: float = 0.5
    flat_points: float = 3.0


class State(enum.StrEnum):
    """What is thought of the job."""

    UNKNOWN = "unknown"
    HEALTHY = "healthy"
    SUSPECT = "suspect"
    HUNG = "hung"


@dataclass(frozen=True, slots=True)
class HangVerdict:
    """The verdict.

    Attributes:
        quiet_s: how long no rank has been alive.
        odd_rank: the rank that differs from the others or went quiet first; -1 where none stands out.
        reason: one sentence; ``reason_zh`` in Chinese.
    """

    state: State
    quiet_s: float = 0.0
    odd_rank: int = -1
    reason: str = ""
    reason_zh: str = ""


_WAITS = {
    Wait.SLEEP: ("sleeps by a timer", "在定时休眠"),
    Wait.LOCK: ("waits for a lock or another thread", "在等待锁或其他线程"),
    Wait.NETWORK: ("waits for the network", "在等待网络"),
    Wait.DISK: ("waits for a disk", "在等待磁盘"),
    Wait.STOPPED: ("was stopped by a signal", "被信号暂停"),
    Wait.ENDED: ("has ended", "已结束"),
    Wait.RUNNING: ("spins", "在空转"),
    Wait.UNKNOWN: ("stands still", "停滞"),
}


def verdict(
    samples: Sequence[RankSample], ranks: Sequence[int], policy: HangPolicy, now: float
) -> HangVerdict:
    """What the samples of a job say at ``now``.

    Args:
        samples: of all ranks, from the start or from before the last ``window_s + confirm_s``
            seconds, in any order.
        ranks: the numbers of those that count.

    >>> quiet = [RankSample(float(t), 0, 5.0, 10, 10, wait=Wait.LOCK) for t in range(0, 100, 5)]
    >>> verdict(quiet, [0], HangPolicy(window_s=60, confirm_s=30, start_s=0), now=95.0).state.value
    'hung'
    """
    by_rank = [sorted((s for s in samples if s.rank == r), key=lambda s: s.time) for r in ranks]
    if not all(by_rank):
        return _unknown("not every rank has been seen", "并非所有 rank 都有采样")
    first = min(series[0].time for series in by_rank)
    if now - first < min(policy.start_s, policy.window_s) or now - first < policy.start_s:
        return HangVerdict(State.HEALTHY, 0.0, -1, "The job has only just started.", "作业刚刚启动。")
    if any(_gap(series, now, policy) for series in by_rank):
        return _unknown("there is a gap in what is known of a rank", "某个 rank 的采样中断")
    last_alive = [_last_alive(series, policy) for series in by_rank]
    quiet = now - max(last_alive)
    if quiet < policy.window_s:
        return _alive(last_alive, by_rank, policy, now, quiet)
    return _judge(by_rank, last_alive, policy, quiet)


def _gap(series: Sequence[RankSample], now: float, policy: HangPolicy) -> bool:
    since = max(now - policy.window_s, series[0].time)
    times = [since, *(sample.time for sample in series if sample.time > since), now]
    longest = max(later - earlier for earlier, later in pairwise(times))
    return longest > policy.window_s / 3


def _last_alive(series: Sequence[RankSample], policy: HangPolicy) -> float:
    """When the rank was last seen to do something: the end of the last stretch in which it did.

    Counters are compared over stretches of a tenth of the window, so that a heartbeat does not count
    and a burst between two looks does.
    """
    stretch = policy.window_s / 10
    alive = series[0].time
    start = 0
    for end in range(1, len(series)):
        while start + 1 < end and series[end].time - series[start + 1].time >= stretch:
            start += 1
        if _moved(series[start : end + 1], policy):
            alive = series[end].time
    return alive


def _moved(part: Sequence[RankSample], policy: HangPolicy) -> bool:
    before, after = part[0], part[-1]
    seconds = max(after.time - before.time, 1e-9)
    if after.log_bytes != before.log_bytes or len({sample.processes for sample in part}) > 1:
        return True
    if (after.io_bytes - before.io_bytes) / seconds >= policy.busy_bytes_s:
        return True
    on_network = after.wait is Wait.NETWORK and before.wait in (Wait.NETWORK, Wait.RUNNING)
    if on_network and (after.wakeups - before.wakeups) / seconds >= policy.busy_wakeups_s:
        return True
    # a thread that could run but gets no processor, on a full node, is alive as well
    busy = (after.cpu_s - before.cpu_s) / seconds >= policy.busy_cores
    runnable = any(sample.wait is Wait.RUNNING for sample in part)
    return (busy or runnable) and not _stands_still(part, policy)


def _stands_still(part: Sequence[RankSample], policy: HangPolicy) -> bool:
    """Whether the cards stand still at nothing or everything, so that a busy processor only spins."""
    use = [sample.accelerator for sample in part]
    if min(use) < 0 or max(use) - min(use) > policy.flat_points:
        return False
    return max(use) <= 5.0 or min(use) >= 95.0


def _alive(
    last_alive: Sequence[float],
    by_rank: Sequence[Sequence[RankSample]],
    policy: HangPolicy,
    now: float,
    quiet: float,
) -> HangVerdict:
    """Somebody is alive; say who is alone in that."""
    waiting = [now - at >= policy.window_s for at in last_alive]
    if len(by_rank) > 1 and sum(waiting) == len(by_rank) - 1:
        odd = by_rank[waiting.index(False)][0].rank
        return HangVerdict(
            State.HEALTHY,
            0.0,
            odd,
            f"All ranks but rank {odd} wait; it still works.",
            f"除 rank {odd} 仍在工作外，其他 rank 均在等待。",
        )
    return HangVerdict(State.HEALTHY, max(quiet, 0.0), -1, "The job is alive.", "作业正常。")


def _judge(
    by_rank: Sequence[Sequence[RankSample]],
    last_alive: Sequence[float],
    policy: HangPolicy,
    quiet: float,
) -> HangVerdict:
    waits = [_usual_wait(series, policy) for series in by_rank]
    if all(wait in (Wait.SLEEP, Wait.ENDED) for wait in waits):
        return HangVerdict(
            State.HEALTHY,
            quiet,
            -1,
            "Every rank sleeps by a timer of its own.",
            "所有 rank 均在自行定时休眠。",
        )
    # a rank that sleeps may wake up: give it the time twice
    patience = policy.window_s + policy.confirm_s
    if Wait.SLEEP in waits:
        patience *= 2
    index = _odd(waits, last_alive)
    odd = by_rank[index][0].rank if index >= 0 else -1
    state = State.HUNG if quiet >= patience else State.SUSPECT
    what, what_zh = _WAITS[waits[max(index, 0)]]
    who, who_zh = (f"rank {odd}", f"rank {odd}") if odd >= 0 else ("each rank", "各 rank")
    minutes = f"{quiet / 60:.0f} min" if quiet >= 120 else f"{quiet:.0f} s"
    minutes_zh = f"{quiet / 60:.0f} 分钟" if quiet >= 120 else f"{quiet:.0f} 秒"
    return HangVerdict(
        state,
        quiet,
        odd,
        f"No rank has done anything for {minutes}; {who} {what}.",
        f"所有 rank 已有 {minutes_zh}没有任何动作；{who_zh} {what_zh}。",
    )


def _usual_wait(series: Sequence[RankSample], policy: HangPolicy) -> Wait:
    """What the rank did at most of the looks in the last window."""
    since = series[-1].time - policy.window_s
    return Counter(sample.wait for sample in series if sample.time >= since).most_common(1)[0][0]


_ODDEST = (
    Wait.STOPPED,
    Wait.ENDED,
    Wait.SLEEP,
    Wait.DISK,
    Wait.RUNNING,
    Wait.LOCK,
    Wait.NETWORK,
    Wait.UNKNOWN,
)


def _odd(waits: Sequence[Wait], last_alive: Sequence[float]) -> int:
    """The one rank that waits in another way, else the one that went quiet well before the others."""
    if len(waits) < 2:
        return -1
    usual, count = Counter(waits).most_common(1)[0]
    if count == len(waits) - 1 and count > 1:
        return next(rank for rank, wait in enumerate(waits) if wait is not usual)
    if len(waits) == 2 and waits[0] is not waits[1]:
        return min((0, 1), key=lambda rank: _ODDEST.index(waits[rank]))
    first, second = sorted(last_alive)[:2]
    return last_alive.index(first) if second > first else -1


def _unknown(why: str, why_zh: str) -> HangVerdict:
    return HangVerdict(State.UNKNOWN, 0.0, -1, f"There is no verdict: {why}.", f"暂无结论：{why_zh}。")
