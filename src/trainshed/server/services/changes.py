"""What one turn of the dispatcher changes, written in one transaction.

Every update of a job insists on the phase and attempt that the database is believed to have, so
that nothing overwrites what another writer has done.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, bindparam, update
from sqlalchemy.dialects import postgresql, sqlite

from trainshed.core.lifecycle import Phase
from trainshed.core.task import TaskOutcome
from trainshed.core.wire import to_wire
from trainshed.server.db.database import Database
from trainshed.server.db.tables import attempts, events, jobs, tasks
from trainshed.server.services.events import JobEventRow
from trainshed.server.services.live import LiveJob, LiveTask, task_columns


class OutpacedError(Exception):
    """Another writer has moved a job meanwhile; what is in memory is no longer true."""


@dataclass(slots=True)
class NewJob:
    """A job to be inserted.

    Attributes:
        stored: the columns that it got beside ``row``.
        taken: whether its name turned out to be taken; then it was not inserted.
        warnings: what is likely to go wrong with it, in English and in Chinese.
    """

    job: LiveJob
    row: dict[str, Any]
    stored: dict[str, Any] = field(default_factory=dict[str, Any])
    taken: bool = False
    warnings: tuple[tuple[str, str], ...] = ()


@dataclass(slots=True)
class Changes:
    """Everything that one turn has changed in memory and not yet in the database."""

    new_jobs: list[NewJob] = field(default_factory=list[NewJob])
    dirty_jobs: dict[str, LiveJob] = field(default_factory=dict[str, LiveJob])
    new_attempts: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    begun_attempts: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    ended_attempts: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    new_tasks: dict[tuple[str, int, int], LiveTask] = field(
        default_factory=dict[tuple[str, int, int], LiveTask]
    )
    dirty_tasks: dict[tuple[str, int, int], LiveTask] = field(
        default_factory=dict[tuple[str, int, int], LiveTask]
    )
    events: list[JobEventRow] = field(default_factory=list[JobEventRow])

    def __bool__(self) -> bool:
        return bool(self.new_jobs or self.dirty_jobs or self.dirty_tasks or self.events)

    def touched(self) -> list[LiveJob]:
        """All jobs of this turn."""
        return [*(new.job for new in self.new_jobs), *self.dirty_jobs.values()]

    def job(self, job: LiveJob) -> None:
        """``job`` has changed."""
        self.dirty_jobs[job.id] = job

    def task(self, job: LiveJob, task: LiveTask) -> None:
        """``task`` of the present attempt has changed."""
        self.dirty_tasks[(job.id, job.attempt, task.index)] = task

    def placed(self, job: LiveJob, now: float | None) -> None:
        """A new attempt of ``job`` begins ``now``, with its tasks; None where its pool will say when."""
        self.job(job)
        self.new_attempts.append(
            {"job_id": job.id, "attempt": job.attempt, "started_at": now, "ended_at": None}
            | {"outcome": None}
        )
        for task in job.tasks:
            self.new_tasks[(job.id, job.attempt, task.index)] = task

    def began(self, job: LiveJob, now: float) -> None:
        """The present attempt of ``job`` has left the queue of its pool."""
        self.begun_attempts.append({"b_job": job.id, "b_attempt": job.attempt, "started_at": now})

    def ended(self, job: LiveJob, outcome: TaskOutcome, now: float) -> None:
        """The present attempt of ``job`` is over."""
        self.ended_attempts.append(
            {"b_job": job.id, "b_attempt": job.attempt, "ended_at": now, "outcome": to_wire(outcome)}
        )

    def commit(self, db: Database, now: float) -> None:
        """Write all of it, or nothing.

        Raises:
            OutpacedError: another writer has moved one of the jobs.
            Unavailable: the database does not answer.
        """
        with db.write() as connection:
            self._insert_jobs(connection, db.dialect, now)
            self._write_attempts(connection)
            self._write_tasks(connection)
            self._update_jobs(connection, now)
            if self.events:
                connection.execute(events.insert(), [event.fields for event in self.events])
        for job in self.dirty_jobs.values():
            job.stored = (job.state.phase, job.attempt)

    def _insert_jobs(self, connection: Connection, dialect: str, now: float) -> None:
        for new in self.new_jobs:
            new.stored = new.job.columns(now)
            if connection.execute(_INSERT[dialect], {**new.row, **new.stored}).first() is None:
                new.taken = True
                self._forget(new.job.id)
            self.dirty_jobs.pop(new.job.id, None)
            new.job.stored = (new.job.state.phase, new.job.attempt)

    def _forget(self, job_id: str) -> None:
        """Drop all that this turn did with a job that could not be inserted."""
        self.events = [event for event in self.events if event.fields["job_id"] != job_id]
        self.new_tasks = {key: task for key, task in self.new_tasks.items() if key[0] != job_id}
        self.new_attempts = [row for row in self.new_attempts if row["job_id"] != job_id]

    def _update_jobs(self, connection: Connection, now: float) -> None:
        rows: list[dict[str, Any]] = []
        for job in self.dirty_jobs.values():
            phase, attempt = job.stored or (Phase.CREATING, 0)
            expected = {"b_id": job.id, "b_phase": phase.value, "b_attempt": attempt}
            rows.append(job.columns(now) | expected)
        if rows and connection.execute(_UPDATE_JOB, rows).rowcount not in (len(rows), -1):
            raise OutpacedError

    def _write_attempts(self, connection: Connection) -> None:
        if self.new_attempts:
            connection.execute(attempts.insert(), self.new_attempts)
        if self.begun_attempts:
            connection.execute(_BEGIN_ATTEMPT, self.begun_attempts)
        if self.ended_attempts:
            connection.execute(_END_ATTEMPT, self.ended_attempts)

    def _write_tasks(self, connection: Connection) -> None:
        if self.new_tasks:
            connection.execute(tasks.insert(), [_new_task(*entry) for entry in self.new_tasks.items()])
        if self.dirty_tasks:
            connection.execute(
                _UPDATE_TASK,
                [
                    task_columns(task) | {"b_job": job_id, "b_attempt": attempt, "b_index": index}
                    for (job_id, attempt, index), task in self.dirty_tasks.items()
                ],
            )


def _new_task(key: tuple[str, int, int], task: LiveTask) -> dict[str, Any]:
    job_id, attempt, index = key
    named = {"job_id": job_id, "attempt": attempt, "index": index, "node": task.node, "host": task.host}
    return named | task_columns(task)


_INSERT = {
    "sqlite": sqlite.insert(jobs)
    .on_conflict_do_nothing(index_elements=["project_id", "name"])
    .returning(jobs.c.id),
    "postgresql": postgresql.insert(jobs)
    .on_conflict_do_nothing(index_elements=["project_id", "name"])
    .returning(jobs.c.id),
}

_JOB_COLUMNS = (
    "phase",
    "attempt",
    "outcome",
    "secondary_phase",
    "reason",
    "priority",
    "placements",
    "stop_requested_at",
    "queued_at",
    "started_at",
    "ended_at",
    "updated_at",
)
_UPDATE_JOB = (
    update(jobs)
    .where(
        jobs.c.id == bindparam("b_id"),
        jobs.c.phase == bindparam("b_phase"),
        jobs.c.attempt == bindparam("b_attempt"),
    )
    .values({name: bindparam(name) for name in _JOB_COLUMNS})
)
_UPDATE_TASK = (
    update(tasks)
    .where(
        tasks.c.job_id == bindparam("b_job"),
        tasks.c.attempt == bindparam("b_attempt"),
        tasks.c.index == bindparam("b_index"),
    )
    .values(
        {
            name: bindparam(name)
            for name in ("stage", "next_seq", "heard_at", "started_at", "ended_at", "outcome")
        }
    )
)
_THIS_ATTEMPT = update(attempts).where(
    attempts.c.job_id == bindparam("b_job"), attempts.c.attempt == bindparam("b_attempt")
)
_BEGIN_ATTEMPT = _THIS_ATTEMPT.values(started_at=bindparam("started_at"))
_END_ATTEMPT = _THIS_ATTEMPT.values(ended_at=bindparam("ended_at"), outcome=bindparam("outcome"))
