"""What is read of jobs from the database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import Select, func, or_, select

from trainshed.core.errors import Code, NotFound
from trainshed.server.db.tables import (
    attempts,
    events,
    jobs,
    resource_samples,
    tasks,
    training_metrics,
)

if TYPE_CHECKING:
    from trainshed.server.db.database import Database

Row = Mapping[Any, Any]


def job_row(db: Database, project_id: str, id_or_name: str) -> Row:
    """A job by id, else by name.

    Raises:
        NotFound: there is none in this project.
    """
    with db.read() as connection:
        query = select(jobs).where(jobs.c.project_id == project_id, jobs.c.id == id_or_name)
        row = connection.execute(query).mappings().first()
        if row is None:
            query = select(jobs).where(jobs.c.project_id == project_id, jobs.c.name == id_or_name)
            row = connection.execute(query).mappings().first()
    if row is None:
        raise NotFound(
            f"there is no training job {id_or_name[:80]!r} in this project", code=Code.JOB_NOT_FOUND
        )
    return row


def row_of(db: Database, job_id: str) -> Row | None:
    """A job by id, of whatever project; None if it is gone."""
    with db.read() as connection:
        return connection.execute(select(jobs).where(jobs.c.id == job_id)).mappings().first()


def name_taken(db: Database, project_id: str, name: str) -> bool:
    """Whether a job of this project has this name."""
    query = select(jobs.c.id).where(jobs.c.project_id == project_id, jobs.c.name == name)
    with db.read() as connection:
        return connection.execute(query).first() is not None


def task_rows(db: Database, job_id: str, attempt: int | None = None) -> Sequence[Row]:
    """Tasks of one attempt, or of all, in order."""
    query = select(tasks).where(tasks.c.job_id == job_id).order_by(tasks.c.attempt, tasks.c.index)
    if attempt is not None:
        query = query.where(tasks.c.attempt == attempt)
    with db.read() as connection:
        return connection.execute(query).mappings().all()


def attempt_rows(db: Database, job_id: str) -> Sequence[Row]:
    """All attempts of a job, in order."""
    query = select(attempts).where(attempts.c.job_id == job_id).order_by(attempts.c.attempt)
    with db.read() as connection:
        return connection.execute(query).mappings().all()


def event_rows(db: Database, job_id: str) -> Sequence[Row]:
    """All events of a job, in the order in which they became known."""
    query = select(events).where(events.c.job_id == job_id).order_by(events.c.id)
    with db.read() as connection:
        return connection.execute(query).mappings().all()


def event_page(
    db: Database,
    job_id: str,
    *,
    offset: int,
    limit: int,
    newest_first: bool,
    since: float | None = None,
    until: float | None = None,
    level: str = "",
    pattern: str = "",
) -> tuple[int, Sequence[Row]]:
    """How many events there are, and one page of them, by time."""
    wanted = select(events).where(events.c.job_id == job_id)
    if since is not None:
        wanted = wanted.where(events.c.time >= since)
    if until is not None:
        wanted = wanted.where(events.c.time <= until)
    if level:
        wanted = wanted.where(func.lower(events.c.level) == level.lower())
    if pattern:
        held = [
            column.contains(pattern, autoescape=True) for column in (events.c.message, events.c.message_zh)
        ]
        wanted = wanted.where(or_(*held))
    order = (events.c.time.desc(), events.c.id.desc()) if newest_first else (events.c.time, events.c.id)
    page: Select[Any] = wanted.order_by(*order).offset(offset).limit(limit)
    with db.read() as connection:
        total = connection.execute(select(func.count()).select_from(wanted.subquery())).scalar_one()
        return total, connection.execute(page).mappings().all()


def sample_rows(db: Database, job_id: str, attempt: int, index: int, limit: int) -> Sequence[Row]:
    """The newest resource samples of a task, oldest first."""
    query = (
        select(resource_samples)
        .where(
            resource_samples.c.job_id == job_id,
            resource_samples.c.attempt == attempt,
            resource_samples.c.index == index,
        )
        .order_by(resource_samples.c.time.desc())
        .limit(limit)
    )
    with db.read() as connection:
        return list(reversed(connection.execute(query).mappings().all()))


def metric_rows(
    db: Database, job_id: str, *, name: str = "", attempt: int | None = None, limit: int
) -> Sequence[Row]:
    """Training metrics of a job, in the order in which they were printed."""
    query = select(training_metrics).where(training_metrics.c.job_id == job_id)
    if name:
        query = query.where(training_metrics.c.name == name)
    if attempt is not None:
        query = query.where(training_metrics.c.attempt == attempt)
    order = (training_metrics.c.attempt, training_metrics.c.index, training_metrics.c.seq)
    with db.read() as connection:
        return connection.execute(query.order_by(*order).limit(limit)).mappings().all()
