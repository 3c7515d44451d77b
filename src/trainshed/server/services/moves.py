"""What each thing that happens does to a job. Runs in the dispatcher's thread, does no I/O itself:
a :class:`Turn` collects what is to be written, and what is to be done once it is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from trainshed.core.job import HangAction
from trainshed.core.lifecycle import JobEvent, JobState, Phase, advance
from trainshed.core.resources import Placement
from trainshed.core.task import Cause, EventKind, Stage, TaskEvent, TaskOutcome
from trainshed.core.wire import to_wire
from trainshed.jobs.outcome import gang_outcome
from trainshed.jobs.retry import Ended, Verdict, decide
from trainshed.pools.base import AgentState, AgentStatus, TaskKey
from trainshed.server.services import reports
from trainshed.server.services.board import NOT_PLACED, Board
from trainshed.server.services.changes import Changes
from trainshed.server.services.events import (
    JobEventRow,
    end_event,
    feed_event,
    service_event,
    task_event,
)
from trainshed.server.services.feeds import FeedItem
from trainshed.server.services.live import LiveJob, LiveTask, Placed, failed_on
from trainshed.server.services.messages import HangSeen, Reply, Report, Subscribe
from trainshed.translation import chinese

BUILDING = "Building"
AGENT_LOST = "agent_lost"
SECONDARY = {Phase.CREATING: "Creating", Phase.PENDING: "Queuing"}


@dataclass(slots=True)
class Turn:
    """One turn of the dispatcher.

    Attributes:
        after: what to do once ``changes`` are written, each for a job.
        told: what the followers of jobs get to know then.
        subscribers: who begins to follow a job after that.
        polls: agents to look at, by pool.
    """

    now: float
    changes: Changes = field(default_factory=Changes)
    after: list[tuple[str, Callable[[], None]]] = field(default_factory=list[tuple[str, Callable[[], None]]])
    replies: list[Reply] = field(default_factory=list[Reply])
    subscribers: list[Subscribe] = field(default_factory=list[Subscribe])
    polls: dict[str, list[TaskKey]] = field(default_factory=dict[str, list[TaskKey]])
    told: list[tuple[str, FeedItem]] = field(default_factory=list[tuple[str, FeedItem]])


class Moves:
    """The moves, on one board."""

    def __init__(self, board: Board, stop: Callable[[LiveJob, bool], None]) -> None:
        self._board = board
        self._stop_agents = stop

    # ---- before it runs

    def created(self, turn: Turn, job: LiveJob, warnings: Sequence[tuple[str, str]] = ()) -> None:
        """A job has come that nobody knew."""
        self._board.live[job.id] = job
        self._enter(turn, job, None)
        self.event(turn, job, "created")
        for text, text_zh in warnings:
            self.event(turn, job, "warning", text=text, text_zh=text_zh)

    def building(self, turn: Turn, job: LiveJob) -> None:
        """Its environment has to be built first."""
        job.secondary_phase = BUILDING
        self._changed(turn, job)
        self.event(turn, job, "building", engine=job.engine_id)

    def prepared(self, turn: Turn, job: LiveJob, seconds: float | None = None) -> None:
        """All is ready for it; it queues."""
        if seconds is not None:
            self.event(turn, job, "built", seconds=round(seconds, 3))
        self._enter(turn, job, JobEvent.PREPARED)
        job.queued_at = turn.now
        self.event(turn, job, "queued")
        self._board.enqueue(job)

    def preparation_failed(self, turn: Turn, job: LiveJob, reason: str, code: str) -> None:
        """It can not be made ready."""
        self.event(turn, job, "build_failed", reason=reason)
        outcome = TaskOutcome(Cause.USER_ERROR, Stage.ENVIRONMENT, reason, code, failed_at=turn.now)
        self._finish(turn, job, JobEvent.PREPARATION_FAILED, outcome)

    # ---- placed

    def placed(self, turn: Turn, job: LiveJob, where: Placed, how: str) -> None:
        """It has all its nodes; its agents are started next."""
        self._enter(turn, job, JobEvent.PLACED, secondary="Starting")
        job.started_at = job.started_at or turn.now
        self._give(turn, job, where)
        self.event(turn, job, "started", nodes=how)

    def handed_over(self, turn: Turn, job: LiveJob) -> None:
        """Its pool has a queue of its own; it waits there until the pool or an agent says that it runs."""
        self._enter(turn, job, JobEvent.HANDED_OVER)
        self._give(turn, job, Placed((), (), ()))
        self.event(turn, job, "handed_over", pool=job.pool_id)

    def _give(self, turn: Turn, job: LiveJob, where: Placed) -> None:
        job.placed = where
        job.ending = ""
        job.tasks = [
            LiveTask(index, _node(where.placements, index), where.hosts[index] if where.hosts else "")
            for index in range(job.node_count)
        ]
        turn.changes.placed(job, None if job.state.in_pool else turn.now)

    def _runs(self, turn: Turn, job: LiveJob) -> None:
        """The first sign that a job has left the queue of its pool."""
        if not job.state.in_pool:
            return
        job.reason = ""
        job.started_at = job.started_at or turn.now
        self._enter(turn, job, JobEvent.PLACED, secondary="Starting")
        turn.changes.began(job, turn.now)
        self.event(turn, job, "started", nodes=job.pool_id)

    def not_placed(self, turn: Turn, job: LiveJob, reason: str, *, retry: bool) -> None:
        """The pool could not start its agents."""
        outcome = TaskOutcome(Cause.INFRASTRUCTURE, Stage.PRECHECK, reason, NOT_PLACED, failed_at=turn.now)
        if not retry or job.state.phase is Phase.TERMINATING:
            if job.state.phase is Phase.TERMINATING:
                outcome = TaskOutcome(Cause.STOPPED, Stage.PRECHECK, "stopped before it was started")
            turn.changes.ended(job, outcome, turn.now)
            self._finish(turn, job, JobEvent.ENDED, outcome)
            return
        self.event(turn, job, "unplaced", reason=reason)
        turn.changes.ended(job, outcome, turn.now)
        self._board.release(job)
        self._requeue(turn, job, JobEvent.UNPLACED)

    # ---- while it runs

    def report(self, turn: Turn, message: Report) -> int | None:
        """An agent's events; the next one that is expected of it, or None where its attempt is over.

        Raises:
            TrainshedError: a gap, or an outcome that is none.
        """
        job, task = self._task(message.key)
        if job is None or task is None:
            return None
        new = reports.fresh(message.events, task.next_seq)
        self._runs(turn, job)
        outcomes = {event.seq: reports.outcome_of(event) for event in new if _finishes(event)}
        for event in new:
            self._task_event(turn, job, task, event)
            if event.seq in outcomes and task.outcome is None:
                task.outcome, task.ended_at = outcomes[event.seq], event.time
        if new:
            task.next_seq = new[-1].seq + 1
            turn.changes.task(job, task)
        task.heard_at = turn.now
        self._settle(turn, job, task)
        return task.next_seq

    def polled(self, turn: Turn, statuses: dict[TaskKey, AgentStatus]) -> None:
        """What a pool knows about agents. Only an agent that is gone means anything."""
        for key, status in statuses.items():
            job, task = self._task(key)
            if job is None or task is None or task.outcome:
                continue
            if status.state is AgentState.RUNNING:
                self._runs(turn, job)
            if status.node and status.node != task.node:
                task.node = task.host = status.node
                turn.changes.task(job, task)
            if status.state is AgentState.WAITING and status.reason and job.reason != status.reason:
                job.reason = status.reason
                self._changed(turn, job)
            if status.state is not AgentState.GONE:
                continue
            self.event(turn, job, "lost", task=task.name, reason=status.reason or "no reason is known")
            along = bool(job.ending) and status.cause in (None, Cause.STOPPED)
            stopped = job.stop_requested_at is not None or along
            stage = Stage(task.stage) if task.stage else Stage.PRECHECK
            task.outcome = lost(status, stopped=stopped, stage=stage, time=turn.now)
            task.ended_at = turn.now
            turn.changes.task(job, task)
            self._settle(turn, job, task)

    def stop(self, turn: Turn, job: LiveJob, user: str, *, force: bool) -> None:
        """A person wants it to end."""
        if job.stop_requested_at is None:
            self.event(turn, job, "stop", user=user)
            job.stop_requested_at = turn.now
            job.reason = f"stopped by {user}"
        job.forced = job.forced or force
        if job.active:
            if job.state.phase is not Phase.TERMINATING:
                self._enter(turn, job, JobEvent.STOP_REQUESTED)
            turn.after.append((job.id, lambda: self._stop_agents(job, force)))
            return
        outcome = TaskOutcome(Cause.STOPPED, Stage.PRECHECK, f"stopped by {user} before it ran")
        self._finish(turn, job, JobEvent.STOP_REQUESTED, outcome)

    def hang(self, turn: Turn, seen: HangSeen) -> None:
        """What is thought of it has changed; what is to be done about it, its agents are told."""
        job = self._board.live.get(seen.job_id)
        if job is None or job.attempt != seen.attempt or job.state.phase is not Phase.RUNNING:
            return
        job.reason = "" if seen.kind == "hang_over" else seen.reason
        self._changed(turn, job)
        self.event(
            turn, job, seen.kind, reason=seen.reason, reason_zh=seen.reason_zh, rank=seen.rank, **_done(seen)
        )

    def priority(self, turn: Turn, job: LiveJob, priority: int) -> bool:
        """Change the priority of a job that does not run yet; whether that is so."""
        if job.active:
            return False
        job.priority = priority
        scheduler = self._board.schedulers.get(job.pool_id)
        if scheduler is not None and job.state.phase is Phase.PENDING:
            scheduler.set_priority(job.id, priority)
            self._board.unsettled.add(job.pool_id)
        turn.changes.job(job)
        self.event(turn, job, "priority", priority=priority)
        return True

    def resume(self, turn: Turn, job: LiveJob) -> None:
        """After a restart of the server: go on ending a gang of which one task has failed."""
        for task in job.tasks:
            if task.outcome:
                self._settle(turn, job, task)

    # ---- the parts

    def event(self, turn: Turn, job: LiveJob, kind: str, **facts: object) -> None:
        """Something that the service says about a job."""
        self._record(turn, service_event(job.id, job.attempt, kind, turn.now, **facts))

    def _record(self, turn: Turn, row: JobEventRow) -> None:
        turn.changes.events.append(row)
        job_id = str(row.fields["job_id"])
        if job_id in self._board.feeds:
            turn.told.append((job_id, FeedItem("event", feed_event(row.fields))))

    def _task(self, key: TaskKey) -> tuple[LiveJob | None, LiveTask | None]:
        job = self._board.live.get(key.job_id)
        if job is None or not job.active or job.attempt != key.attempt:
            return None, None
        return job, job.tasks[key.index] if 0 <= key.index < len(job.tasks) else None

    def _task_event(self, turn: Turn, job: LiveJob, task: LiveTask, event: TaskEvent) -> None:
        task.started_at = event.time if task.started_at is None else task.started_at
        if event.kind is not EventKind.NOTE:
            task.stage = event.stage.value
        if event.kind is EventKind.FAILED and event.stage is Stage.RUN:
            task.failing = True
        if job.secondary_phase == "Starting" and job.state.phase is Phase.RUNNING:
            job.secondary_phase = "Running"
            self._changed(turn, job)
        row = task_event(job.id, job.attempt, task.name, event)
        if event.kind is not EventKind.PROGRESS:
            self._record(turn, row)
        elif job.id in self._board.feeds:
            turn.told.append((job.id, FeedItem("progress", feed_event(row.fields))))

    def _settle(self, turn: Turn, job: LiveJob, task: LiveTask) -> None:
        """After something about ``task`` is known: end its peers, or the job."""
        if job.ended:
            self._end_attempt(turn, job)
            return
        bad = task.failing or (task.outcome is not None and task.outcome.cause is not Cause.SUCCESS)
        if bad and not job.ending and job.node_count > 1:
            job.ending = task.name
            if job.state.phase is not Phase.TERMINATING:
                self.event(turn, job, "stopping_peers", task=task.name)
                turn.after.append((job.id, lambda: self._stop_agents(job, False)))

    def _end_attempt(self, turn: Turn, job: LiveJob) -> None:
        ends = [task.outcome for task in job.tasks if task.outcome]
        outcome = gang_outcome(ends, stopped=job.stop_requested_at is not None)
        turn.changes.ended(job, outcome, turn.now)
        if job.stop_requested_at is None and job.spec and job.state.phase is not Phase.TERMINATING:
            last = Ended(outcome, failed_on(job.tasks))
            verdict = decide(job.spec.restart, job.history, last)
            if verdict.again:
                job.history.append(last)
                self._restart(turn, job, verdict, outcome)
                return
        self._finish(turn, job, JobEvent.ENDED, outcome)

    def _restart(self, turn: Turn, job: LiveJob, verdict: Verdict, outcome: TaskOutcome) -> None:
        self.event(
            turn,
            job,
            "restarted",
            reason=f"{verdict.reason} {outcome.message}".strip(),
            reason_zh=f"{verdict.reason_zh}{chinese(outcome.message)}",
            budget=verdict.budget.value if verdict.budget else None,
        )
        self._board.release(job)
        job.avoid = verdict.avoid
        if verdict.delay_s > 0:
            self._board.held_until[job.id] = turn.now + verdict.delay_s
        self._requeue(turn, job, JobEvent.RESTARTED)

    def _requeue(self, turn: Turn, job: LiveJob, event: JobEvent) -> None:
        job.placed, job.tasks, job.ending = None, [], ""
        self._enter(turn, job, event)
        job.queued_at = turn.now
        self._board.enqueue(job)

    def _enter(
        self,
        turn: Turn,
        job: LiveJob,
        event: JobEvent | None,
        outcome: TaskOutcome | None = None,
        *,
        secondary: str = "",
    ) -> None:
        """Go through the table of legal moves, and tell."""
        if event is not None:
            job.state = advance(job.state, event, outcome)
        job.secondary_phase = secondary or SECONDARY.get(job.state.phase, job.state.phase.value)
        self._changed(turn, job)

    def _changed(self, turn: Turn, job: LiveJob) -> None:
        turn.changes.job(job)
        if job.id in self._board.feeds:
            turn.told.append((job.id, FeedItem("phase", phase_of(job))))

    def _finish(self, turn: Turn, job: LiveJob, event: JobEvent, outcome: TaskOutcome) -> None:
        job.ended_at = turn.now
        job.reason = outcome.message
        self._record(
            turn, end_event(job.id, job.attempt, _end_phase(job.state, event, outcome), outcome, turn.now)
        )
        self._enter(turn, job, event, outcome)
        self._board.release(job)


_DOING = {
    HangAction.WAIT: ("It goes on.", "作业继续运行。"),
    HangAction.NOTIFY: ("It goes on.", "作业继续运行。"),
    HangAction.RESTART: ("It is ended, to be started again.", "正在结束作业以便重启。"),
    HangAction.STOP: ("It is ended.", "正在结束作业。"),
}


def _done(seen: HangSeen) -> dict[str, str]:
    doing, doing_zh = _DOING[seen.action]
    return {"doing": doing, "doing_zh": doing_zh}


def _end_phase(state: JobState, event: JobEvent, outcome: TaskOutcome) -> str:
    return advance(state, event, outcome).phase.value


def lost(status: AgentStatus, *, stopped: bool, stage: Stage, time: float) -> TaskOutcome:
    """The outcome of a task whose agent is gone for good and did not say how it ended."""
    if stopped:
        return TaskOutcome(Cause.STOPPED, stage, "stopped at once, before it could report", failed_at=time)
    if status.cause is not None:
        return TaskOutcome(status.cause, stage, status.reason, code=AGENT_LOST, failed_at=time)
    why = f"the agent is gone: {status.reason}" if status.reason else "the agent is gone"
    return TaskOutcome(Cause.INFRASTRUCTURE, stage, why, code=AGENT_LOST, failed_at=time)


def phase_of(job: LiveJob) -> dict[str, Any]:
    """Where a job is, for its followers."""
    outcome = job.state.outcome
    return {
        "phase": job.state.phase.value,
        "secondary_phase": job.secondary_phase,
        "attempt": job.attempt,
        "reason": job.reason,
        "outcome": to_wire(outcome) if outcome else None,
    }


def _finishes(event: TaskEvent) -> bool:
    return event.kind is EventKind.FINISHED


def _node(placements: tuple[Placement, ...], index: int) -> str:
    return placements[index].node if placements else ""
