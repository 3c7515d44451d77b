"""How much a project may have at once: jobs and cards wait their turn, storage and hours are refused."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sqlalchemy import select, update

from trainshed.core.errors import Code, Forbidden
from trainshed.core.lifecycle import Phase
from trainshed.jobs.queue import Quota
from trainshed.server.db.tables import projects
from trainshed.server.services.messages import LimitsChanged
from trainshed.server.wire.accounts import QuotaAnswer, QuotaModel, QuotaUse, millis

if TYPE_CHECKING:
    from trainshed.server.context import Context
    from trainshed.server.db.database import Database


class Quotas:
    """The limits of all projects, in memory; and the storage that limited projects were found to use."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._lock = threading.Lock()
        self._quotas: Mapping[str, QuotaModel] = {}
        self._bytes: dict[str, tuple[int, float]] = {}
        self.load()

    def load(self) -> None:
        """Read them anew."""
        query = select(projects.c.id, projects.c.quota)
        with self._db.read() as connection:
            rows = connection.execute(query).all()
        self._quotas = {row.id: QuotaModel.model_validate(row.quota) for row in rows if row.quota}

    def of(self, project_id: str) -> QuotaModel:
        """The limits of a project."""
        return self._quotas.get(project_id) or _NONE

    def for_scheduler(self) -> dict[str, Quota]:
        """What the scheduler has to know."""
        return {
            project: Quota(quota.jobs, quota.cards)
            for project, quota in self._quotas.items()
            if quota.jobs is not None or quota.cards is not None
        }

    def with_storage(self) -> list[str]:
        """Projects whose storage is limited."""
        return [project for project, quota in self._quotas.items() if quota.storage_bytes is not None]

    def measured(self, project_id: str, size: int, now: float) -> None:
        """A project's folder buckets hold so many bytes."""
        with self._lock:
            self._bytes[project_id] = (size, now)

    def grew(self, project_id: str, size: int) -> None:
        """So many bytes came on top of what was measured."""
        with self._lock:
            if known := self._bytes.get(project_id):
                self._bytes[project_id] = (known[0] + size, known[1])

    def storage(self, project_id: str) -> tuple[int, float] | None:
        """Bytes in a project's folder buckets and when they were counted; None if they never were."""
        return self._bytes.get(project_id)

    def check_storage(self, project_id: str) -> None:
        """Whether a project may have more stored.

        Raises:
            Forbidden: it has reached its limit.
        """
        if message := self.full(project_id):
            raise Forbidden(message, code=Code.QUOTA_EXCEEDED)

    def full(self, project_id: str) -> str:
        """A sentence if a project has reached its limit of storage; empty if it has not."""
        limit, known = self.of(project_id).storage_bytes, self._bytes.get(project_id)
        if limit is None or known is None or known[0] < limit:
            return ""
        return (
            f"the project stores {known[0]:,} bytes and its quota is {limit:,}: "
            "delete something, or have the quota raised"
        )

    def longest(self, project_id: str, asked_s: int) -> int:
        """How long a job may run, in seconds; 0 for no limit.

        Raises:
            Forbidden: it asks for more than its project may have.
        """
        hours = self.of(project_id).job_hours
        if hours is None:
            return asked_s
        if asked_s > hours * 3600:
            message = f"a job of this project runs for {hours} hours at most: lower auto_stop.duration"
            raise Forbidden(message, code=Code.QUOTA_EXCEEDED)
        return asked_s or hours * 3600


_NONE = QuotaModel.model_validate({})


def answer(context: Context, project_id: str) -> QuotaAnswer:
    """The limits of a project, and what is used of them."""
    used: dict[str, Any] = {"jobs": 0, "cards": 0, "queued": 0}
    flavors = {(pool.id, flavor.id): flavor for pool in context.pools.values() for flavor in pool.flavors()}
    for job in list(context.services.dispatcher.live.values()):
        if job.project_id != project_id:
            continue
        if not job.active:
            used["queued"] += job.state.phase is Phase.PENDING
            continue
        flavor = flavors.get((job.pool_id, job.flavor_id))
        used["jobs"] += 1
        used["cards"] += flavor.resources.cards * job.node_count if flavor else 0
    if known := context.quotas.storage(project_id):
        used |= {"storage_bytes": known[0], "measured_time": millis(known[1])}
    return QuotaAnswer(quota=context.quotas.of(project_id), used=QuotaUse(**used))


def change(context: Context, project_id: str, quota: QuotaModel) -> QuotaAnswer:
    """Limit a project anew."""
    value = quota.model_dump(exclude_none=True) or None
    with context.db.write() as connection:
        connection.execute(update(projects).where(projects.c.id == project_id).values(quota=value))
    context.quotas.load()
    context.services.dispatcher.tell(LimitsChanged())
    context.services.upkeep.measure_soon()
    return answer(context, project_id)
