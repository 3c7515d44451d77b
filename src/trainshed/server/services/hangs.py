"""Watches whether jobs hang: samples of all ranks, the verdict, stacks, and what is done about it.

Agents send what their ranks do with every heartbeat. One thread judges all ranks of a job together
(``jobs.hang``), has the stacks of all ranks taken at the first suspicion, tells the dispatcher, and
orders the end of a job that is to be restarted. Samples are kept in memory: after a restart of the
server they are gathered anew, and until then nothing is suspected. What was found is kept beside
the attempt's logs.
"""

from __future__ import annotations

import json
import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

from trainshed.core.job import HangAction, HangRules
from trainshed.core.task import Cause, Stage
from trainshed.jobs.hang import HangPolicy, HangVerdict, RankSample, State, verdict
from trainshed.pools.base import TaskKey
from trainshed.server.services.logs import LogStore
from trainshed.server.services.messages import HangSeen

if TYPE_CHECKING:
    from trainshed.server.config import Settings
    from trainshed.server.context import Context
    from trainshed.server.services.live import LiveJob

FILE = "hang.json"
SUSPECTED, ASKED = "suspected", "asked"
MOST_CHECKS = 5
STACKS_S = 60.0
_FASTEST_S, _SLOWEST_S = 0.2, 30.0
_OVER = (Stage.OUTPUTS.value, Stage.REPORT.value)

Command = dict[str, Any]
Json = dict[str, Any]
_log = logging.getLogger("trainshed.server")


def policy_of(rules: HangRules, settings: Settings) -> HangPolicy:
    """What counts as a hang for a job."""
    return HangPolicy(
        window_s=rules.window_s or float(settings.hang_window_s),
        confirm_s=rules.confirm_s or float(settings.hang_confirm_s),
        start_s=rules.start_s or float(settings.hang_start_s),
    )


def look_s(policy: HangPolicy) -> float:
    """How often agents look, in seconds: often enough for the verdict's stretches."""
    return round(min(_SLOWEST_S, max(_FASTEST_S, policy.window_s / 40)), 3)


def path_of(context: Context, job_id: str, attempt: int) -> Path:
    """Where what is known of an attempt's hang is kept."""
    return LogStore(context.log_root).path(job_id, attempt, "worker-0").with_name(FILE)


def stored(context: Context, job_id: str, attempt: int) -> Json | None:
    """What is kept of an attempt: state, reason, odd rank, and the stacks; None where nothing is."""
    try:
        return json.loads(path_of(context, job_id, attempt).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


@dataclass(frozen=True, slots=True)
class _Looks:
    job: LiveJob
    key: TaskKey
    samples: tuple[RankSample, ...]


@dataclass(frozen=True, slots=True)
class _Ask:
    job: LiveJob
    number: int
    why: str


@dataclass(frozen=True, slots=True)
class _Stacks:
    key: TaskKey
    number: int
    ranks: tuple[Json, ...]


@dataclass(slots=True)
class _Case:
    """One attempt of a job that is watched."""

    job: LiveJob
    attempt: int
    rules: HangRules
    policy: HangPolicy
    record: Json
    samples: dict[tuple[int, int], deque[RankSample]] = field(
        default_factory=dict[tuple[int, int], "deque[RankSample]"]
    )
    state: State = State.HEALTHY
    hung: HangVerdict | None = None
    judged_at: float = 0.0
    asked_at: float = 0.0
    waiting: dict[int, set[int]] = field(default_factory=dict[int, set[int]])
    ending: bool = False


class HangWatch:
    """The thread, and how the rest of the server speaks to it."""

    def __init__(self, context: Context, tell: Callable[[HangSeen], None]) -> None:
        self._context, self._tell = context, tell
        self._inbox: SimpleQueue[_Looks | _Ask | _Stacks | None] = SimpleQueue()
        self._cases: dict[str, _Case] = {}
        self._orders: dict[tuple[str, int], dict[int, list[Command]]] = {}
        self._swept_at = 0.0
        self._thread = threading.Thread(target=self._run, name="hangs", daemon=True)
        self._thread.start()

    # ---- from other threads

    def heard(self, job: LiveJob, index: int, samples: Sequence[RankSample]) -> None:
        """An agent says what its ranks do; times are by ``time.monotonic`` of this machine."""
        self._inbox.put(_Looks(job, TaskKey(job.id, job.attempt, index), tuple(samples)))

    def orders(self, job: LiveJob, index: int) -> list[Command]:
        """What the agent of this task is to do."""
        return self._orders.get((job.id, job.attempt), {}).get(index, [])

    def ask(self, job: LiveJob, why: str = ASKED) -> int:
        """Have the stacks of all ranks taken; the number that they will be kept by."""
        number = time.time_ns() // 1_000_000
        self._inbox.put(_Ask(job, number, why))
        return number

    def stacks(self, key: TaskKey, number: int, ranks: Sequence[Json]) -> None:
        """An agent sends the stacks that were asked for."""
        self._inbox.put(_Stacks(key, number, tuple(ranks)))

    def close(self) -> None:
        """End."""
        self._inbox.put(None)
        self._thread.join(timeout=10)

    # ---- the thread

    def _run(self) -> None:
        while (message := self._inbox.get()) is not None:
            try:
                self._work_out(message)
            except Exception:
                _log.exception("the hang watch stumbled over %s", type(message).__name__)

    def _work_out(self, message: _Looks | _Ask | _Stacks) -> None:
        now = time.monotonic()
        match message:
            case _Looks():
                if case := self._case(message.job):
                    self._take(case, message, now)
            case _Ask():
                if case := self._case(message.job):
                    self._order_stacks(case, message.number, message.why, now)
            case _Stacks():
                self._keep(message)
        if now - self._swept_at > _SLOWEST_S:
            self._swept_at = now
            self._sweep()

    def _case(self, job: LiveJob) -> _Case | None:
        """The case of the job's present attempt."""
        case, spec = self._cases.get(job.id), job.spec
        if case is not None and case.attempt == job.attempt:
            return case
        if spec is None or not job.active:
            return None
        attempt = job.attempt
        record = stored(self._context, job.id, attempt) or {"state": "", "checks": []}
        policy = policy_of(spec.hang, self._context.settings)
        case = self._cases[job.id] = _Case(job, attempt, spec.hang, policy, record)
        return case

    def _sweep(self) -> None:
        """Forget what has ended."""
        over = [i for i, c in self._cases.items() if not c.job.active or c.job.attempt != c.attempt]
        for job_id in over:
            case = self._cases.pop(job_id)
            self._orders.pop((job_id, case.attempt), None)

    def _take(self, case: _Case, message: _Looks, now: float) -> None:
        kept = 2 * (case.policy.window_s + case.policy.confirm_s) + case.policy.window_s
        for sample in message.samples:
            series = case.samples.setdefault((message.key.index, sample.rank), deque())
            series.append(sample)
            while series[0].time < now - kept:
                series.popleft()
        if now - case.judged_at >= look_s(case.policy):
            case.judged_at = now
            self._judge(case, now)

    def _judge(self, case: _Case, now: float) -> None:
        tasks = [t for t in case.job.tasks if t.outcome is None and t.stage not in _OVER]
        indexes = {task.index for task in tasks}
        keys = sorted((rank, index) for index, rank in case.samples if index in indexes)
        if not keys or {index for _, index in keys} != indexes or case.ending:
            return
        samples = [sample for rank, index in keys for sample in case.samples[(index, rank)]]
        found = verdict(samples, sorted({rank for rank, _ in keys}), case.policy, now)
        if found.state is State.HEALTHY and case.state is not State.HEALTHY:
            self._over(case, found)
        if found.state in (State.SUSPECT, State.HUNG):
            if case.state is State.HEALTHY:
                self._suspect(case, found, now)
            if found.state is State.HUNG:
                self._hangs(case, found, now)

    def _suspect(self, case: _Case, found: HangVerdict, now: float) -> None:
        case.state = State.SUSPECT
        self._write_verdict(case, found)
        self._order_stacks(case, time.time_ns() // 1_000_000, SUSPECTED, now)
        self._say(case, "hang_suspected", found)

    def _hangs(self, case: _Case, found: HangVerdict, now: float) -> None:
        if case.state is not State.HUNG:
            case.state, case.hung = State.HUNG, found
            self._write_verdict(case, found)
            if case.rules.action is not HangAction.WAIT:
                self._say(case, "hung", found)
        stacks_are_in = not any(case.waiting.values()) or now - case.asked_at > STACKS_S
        if case.rules.action in (HangAction.RESTART, HangAction.STOP) and stacks_are_in and case.hung:
            self._end(case, case.hung)

    def _over(self, case: _Case, found: HangVerdict) -> None:
        case.state, case.hung = State.HEALTHY, None
        self._write_verdict(case, replace(found, odd_rank=-1))
        self._say(case, "hang_over", found)

    def _say(self, case: _Case, kind: str, found: HangVerdict) -> None:
        action = case.rules.action
        seen = HangSeen(
            case.job.id, case.attempt, kind, found.reason, found.reason_zh, found.odd_rank, action
        )
        self._tell(seen)

    def _end(self, case: _Case, found: HangVerdict) -> None:
        """Order the end of the attempt; only the task with the odd rank names a rank."""
        case.ending = True
        odd = {index for index, rank in case.samples if rank == found.odd_rank}
        stop = {"kind": "stop", "cause": Cause.HANG.value, "reason": found.reason}
        self._orders[(case.job.id, case.attempt)] = {
            index: [{**stop, "rank": found.odd_rank if index in odd else -1}]
            for index in range(case.job.node_count)
        }

    # ---- stacks

    def _order_stacks(self, case: _Case, number: int, why: str, now: float) -> None:
        waiting = {task.index for task in case.job.tasks if task.outcome is None}
        case.waiting[number], case.asked_at = waiting, now
        check = {"id": number, "time": self._context.clock.now(), "why": why, "waiting": sorted(waiting)}
        case.record["checks"] = [*case.record["checks"], {**check, "ranks": []}][-MOST_CHECKS:]
        self._write(case)
        self._order_waiting(case)

    def _order_waiting(self, case: _Case) -> None:
        if case.ending:
            return
        orders: dict[int, list[Command]] = {}
        for number, waiting in case.waiting.items():
            for index in waiting:
                orders.setdefault(index, []).append({"kind": "stacks", "id": number})
        self._orders[(case.job.id, case.attempt)] = orders

    def _keep(self, message: _Stacks) -> None:
        case = self._cases.get(message.key.job_id)
        index = message.key.index
        if case is None or index not in case.waiting.get(message.number, ()):
            return
        case.waiting[message.number].discard(index)
        for check in case.record["checks"]:
            if check["id"] == message.number:
                ranks = [*check["ranks"], *({"task": index, **rank} for rank in message.ranks)]
                check["ranks"] = sorted(ranks, key=lambda rank: (rank["rank"], rank["task"]))
                check["waiting"] = sorted(case.waiting[message.number])
        if not case.waiting[message.number]:
            del case.waiting[message.number]
        self._write(case)
        self._order_waiting(case)

    def _write_verdict(self, case: _Case, found: HangVerdict) -> None:
        case.record |= {
            "state": found.state.value,
            "reason": found.reason,
            "reason_zh": found.reason_zh,
            "odd_rank": found.odd_rank,
            "quiet_s": round(found.quiet_s, 1),
            "time": self._context.clock.now(),
            "action": case.rules.action.value,
        }
        self._write(case)

    def _write(self, case: _Case) -> None:
        path = path_of(self._context, case.job.id, case.attempt)
        half = path.with_name(f".{FILE}")
        with suppress(OSError):  # a full disk: the verdict stands all the same
            path.parent.mkdir(parents=True, exist_ok=True)
            half.write_text(json.dumps(case.record, ensure_ascii=False), encoding="utf-8")
            os.replace(half, path)  # noqa: PTH105 atomic
