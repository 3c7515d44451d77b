"""What the dispatcher knows: live jobs, queues, ports, pools. Changed by its thread alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from trainshed.core.job import JobSpec
from trainshed.core.lifecycle import TERMINAL, Phase
from trainshed.core.resources import Flavor
from trainshed.core.task import TaskOutcome
from trainshed.core.wire import from_wire
from trainshed.jobs.queue import QueueEntry, Quota, RunningGang, Unit
from trainshed.jobs.retry import Ended, avoided
from trainshed.jobs.scheduler import Scheduler
from trainshed.server.db.tables import attempts, jobs, tasks
from trainshed.server.services.feeds import JobFeed
from trainshed.server.services.live import LiveJob, LiveTask, failed_on, live_job, live_task
from trainshed.server.services.ports import Ports

if TYPE_CHECKING:
    from trainshed.pools.base import Pool
    from trainshed.server.db.database import Database

NOT_PLACED = "not_placed"

_LIVE = [phase.value for phase in Phase if phase not in TERMINAL]
_COLUMNS = [
    *(column for column in jobs.c if column.name not in ("spec", "extra", "annotations", "description")),
    jobs.c.spec["auto_stop_s"].as_integer().label("auto_stop_s"),
    jobs.c.spec["grace_s"].as_integer().label("grace_s"),
    jobs.c.spec["preemptible"].as_boolean().label("preemptible"),
]


@dataclass(slots=True)
class Board:
    """Everything that is live.

    Attributes:
        live: jobs that have not finished, by id.
        schedulers: by pool; none for a pool that queues by itself.
        paused_until: pools that could not start something lately, and when they are tried again.
        building: engine id → jobs in *Creating* that wait for its environment.
        unsettled: pools whose queue may move now.
        held_until: jobs that wait a while before they are started again, and until when.
        stranded: jobs that wait for a flavor which their pool has no longer.
        quotas: of projects that are limited.
    """

    pools: Mapping[str, Pool]
    live: dict[str, LiveJob] = field(default_factory=dict[str, LiveJob])
    schedulers: dict[str, Scheduler] = field(default_factory=dict[str, Scheduler])
    ports: Ports = field(default_factory=Ports)
    feeds: dict[str, JobFeed] = field(default_factory=dict[str, JobFeed])
    building: dict[str, set[str]] = field(default_factory=dict[str, set[str]])
    paused_until: dict[str, float] = field(default_factory=dict[str, float])
    failures: dict[str, int] = field(default_factory=dict[str, int])
    unsettled: set[str] = field(default_factory=set[str])
    flavors: dict[tuple[str, str], Flavor] = field(default_factory=dict[tuple[str, str], Flavor])
    stranded: set[str] = field(default_factory=set[str])
    held_until: dict[str, float] = field(default_factory=dict[str, float])
    quotas: dict[str, Quota] = field(default_factory=dict[str, Quota])

    def limit(self, quotas: Mapping[str, Quota]) -> None:
        """These projects are limited from now on, and no others."""
        before, self.quotas = self.quotas, dict(quotas)
        for scheduler in self.schedulers.values():
            for project in before.keys() | quotas.keys():
                scheduler.set_quota(project, quotas.get(project))
        self.unsettled.update(self.pools)

    def held_outside(self, pool_id: str, project: str) -> tuple[int, int]:
        """Jobs and cards that a project holds in all other pools."""
        others = [s.held(project) for other, s in self.schedulers.items() if other != pool_id]
        queueing = {pool.id for pool in self.pools.values() if pool.queues and pool.id != pool_id}
        if queueing:
            others += [self.held_by(job) for job in self._running(queueing, project)]
        return sum(jobs for jobs, _ in others), sum(cards for _, cards in others)

    def held_by(self, job: LiveJob) -> tuple[int, int]:
        """One job, and its cards."""
        flavor = self.flavor(job)
        return 1, flavor.resources.cards * job.node_count if flavor else 0

    def _running(self, pool_ids: set[str], project: str) -> list[LiveJob]:
        return [
            job
            for job in self.live.values()
            if job.active and job.project_id == project and job.pool_id in pool_ids
        ]

    def within_quota(self, waiting: list[LiveJob]) -> list[LiveJob]:
        """Those of these jobs that a pool which queues by itself may have, in their order."""
        left: dict[str, tuple[int, int]] = {}
        found: list[LiveJob] = []
        for job in sorted(waiting, key=lambda job: (-job.priority, job.created_at)):
            quota = self.quotas.get(job.project_id)
            if quota is None:
                found.append(job)
                continue
            jobs, cards = left.get(job.project_id) or self.held_outside("", job.project_id)
            more_jobs, more_cards = self.held_by(job)
            over_cards = quota.cards is not None and more_cards > 0 and cards + more_cards > quota.cards
            if over_cards or (quota.jobs is not None and jobs >= quota.jobs):
                left[job.project_id] = (jobs, cards)
                continue
            left[job.project_id] = (jobs + more_jobs, cards + more_cards)
            found.append(job)
        return found

    def refresh(self) -> None:
        """Ask the pools what they have now."""
        self.flavors.clear()
        for pool in self.pools.values():
            for flavor in pool.flavors():
                self.flavors[(pool.id, flavor.id)] = flavor
            if pool.queues:
                continue
            scheduler = self.schedulers.get(pool.id)
            if scheduler is None:
                scheduler = self.schedulers[pool.id] = Scheduler(pool.nodes())
                for project, quota in self.quotas.items():
                    scheduler.set_quota(project, quota)
            else:
                scheduler.set_nodes(pool.nodes())
            self.unsettled.add(pool.id)
        stranded, self.stranded = self.stranded, set()
        for job_id in stranded & self.live.keys():
            self.enqueue(self.live[job_id])

    def load(self, db: Database) -> None:
        """Take everything up again that the database says is live."""
        with db.read() as connection:
            rows = connection.execute(select(*_COLUMNS).where(jobs.c.phase.in_(_LIVE))).mappings().all()
            self.live = {row["id"]: live_job(row) for row in rows}
            active = [job.id for job in self.live.values() if job.active]
            again = [job.id for job in self.live.values() if job.attempt]
            task_rows: list[Mapping[Any, Any]] = []
            earlier: list[Mapping[Any, Any]] = []
            for part in _parts(active):
                query = select(tasks).where(tasks.c.job_id.in_(part)).order_by(tasks.c.index)
                task_rows += connection.execute(query).mappings()
            ended: list[Mapping[Any, Any]] = []
            for part in _parts(again):
                query = select(attempts).where(attempts.c.job_id.in_(part)).order_by(attempts.c.attempt)
                ended += connection.execute(query).mappings()
                before = select(tasks).where(tasks.c.job_id.in_(part)).order_by(tasks.c.index)
                earlier += connection.execute(before.where(tasks.c.outcome.is_not(None))).mappings()
        for row in task_rows:
            job = self.live[row["job_id"]]
            if row["attempt"] == job.attempt:
                job.tasks.append(live_task(row))
        gangs: dict[tuple[str, int], list[LiveTask]] = {}
        for row in earlier:
            gangs.setdefault((row["job_id"], row["attempt"]), []).append(live_task(row))
        for row in ended:
            self._remember(row, gangs.get((row["job_id"], row["attempt"]), []))
        self.read_specs(db, [*active, *(job_id for job_id in again if self.live[job_id].history)])
        for job_id in again:
            self._avoid(self.live[job_id])

    def _remember(self, row: Mapping[Any, Any], gang: list[LiveTask]) -> None:
        job, outcome = self.live[row["job_id"]], row["outcome"]
        if row["attempt"] < job.attempt and outcome and outcome.get("code") != NOT_PLACED:
            job.history.append(Ended(from_wire(TaskOutcome, outcome), failed_on(gang)))

    def _avoid(self, job: LiveJob) -> None:
        if job.spec is not None:
            job.avoid = avoided(job.spec.restart, job.history)

    def read_specs(self, db: Database, job_ids: list[str]) -> None:
        """Give these jobs their spec again, where they have put it away."""
        wanted = [job_id for job_id in job_ids if self.live[job_id].spec is None]
        for part in _parts(wanted):
            with db.read() as connection:
                rows = connection.execute(select(jobs.c.id, jobs.c.spec).where(jobs.c.id.in_(part))).all()
            for row in rows:
                self.live[row.id].spec = from_wire(JobSpec, row.spec)

    def flavor(self, job: LiveJob) -> Flavor | None:
        """The flavor of a job; None where its pool has it no longer."""
        return self.flavors.get((job.pool_id, job.flavor_id))

    def enqueue(self, job: LiveJob) -> None:
        """Put a job into its pool's queue."""
        scheduler, flavor = self.schedulers.get(job.pool_id), self.flavor(job)
        self.unsettled.add(job.pool_id)
        if flavor is None:
            self.stranded.add(job.id)
            return
        if scheduler is None:
            return
        entry = QueueEntry(
            job_id=job.id,
            unit=_unit(flavor),
            submitted=job.created_at,
            node_count=job.node_count,
            priority=job.priority,
            duration=job.duration,
            project=job.project_id,
            preemptible=job.preemptible,
            paused=job.id in self.held_until,
            avoid=job.avoid,
        )
        scheduler.submit(entry)

    def wake(self, now: float) -> None:
        """Let pools and jobs go on whose time to wait is over."""
        for pool_id in [pool_id for pool_id, until in self.paused_until.items() if until <= now]:
            del self.paused_until[pool_id]
            self.unsettled.add(pool_id)
        for job_id in [job_id for job_id, until in self.held_until.items() if until <= now]:
            del self.held_until[job_id]
            if (job := self.live.get(job_id)) is not None:
                scheduler = self.schedulers.get(job.pool_id)
                if scheduler is not None:
                    scheduler.set_paused(job_id, False)
                self.unsettled.add(job.pool_id)

    def adopt(self, job: LiveJob) -> None:
        """Count the nodes and ports of a job that was placed before this server started."""
        assert job.placed is not None
        self.ports.hold(job.id, job.placed.ports)
        scheduler, flavor = self.schedulers.get(job.pool_id), self.flavor(job)
        if scheduler is not None and flavor is not None and job.placed.placements:
            ends = job.started_at + job.duration if job.duration and job.started_at else None
            gang = RunningGang(
                job_id=job.id,
                unit=_unit(flavor),
                placements=job.placed.placements,
                ends=ends,
                project=job.project_id,
                preemptible=job.preemptible,
                priority=job.priority,
            )
            scheduler.adopt(gang)

    def release(self, job: LiveJob) -> None:
        """A job holds nothing any more and waits for nothing."""
        self.ports.release(job.id)
        self.stranded.discard(job.id)
        self.held_until.pop(job.id, None)
        scheduler = self.schedulers.get(job.pool_id)
        if scheduler is not None:
            scheduler.withdraw(job.id)
            scheduler.release(job.id)
            self.unsettled.add(job.pool_id)
        if self.quotas:
            self.unsettled.update(self.pools)
        waiting = self.building.get(job.engine_id)
        if waiting is not None:
            waiting.discard(job.id)


def _unit(flavor: Flavor) -> Unit:
    """What one task takes of a node."""
    return Unit(flavor.resources, flavor.chip, flavor.arch)


def _parts(ids: list[str], size: int = 500) -> list[list[str]]:
    return [ids[at : at + size] for at in range(0, len(ids), size)]
