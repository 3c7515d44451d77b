"""From a placed job to what its agents are given."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from trainshed.core.engine import Engine
from trainshed.core.job import JobSpec
from trainshed.core.resources import Flavor, Node, Placement
from trainshed.core.task import Interpreter, Peer, Reporting, TaskSpec
from trainshed.engines import launchers
from trainshed.jobs.retry import avoided
from trainshed.pools.base import Gang
from trainshed.server.services.hangs import look_s, policy_of
from trainshed.server.services.live import LiveJob
from trainshed.server.services.tokens import JobTokens

if TYPE_CHECKING:
    from trainshed.server.context import Context

LOOPBACK = "127."


def processes(spec: JobSpec, engine: Engine, flavor: Flavor) -> int:
    """How many processes each node of the job runs."""
    return launchers.processes_per_node(engine.launcher, flavor.resources.cards, spec.processes)


def ports_needed(spec: JobSpec, engine: Engine, flavor: Flavor) -> int:
    """How many ports the job's launcher wants."""
    return launchers.ports_needed(engine.launcher, spec.node_count, processes(spec, engine, flavor))


def hosts(placements: Sequence[Placement], nodes: Sequence[Node]) -> tuple[str, ...]:
    """The address at which each task is reached by the others.

    Tasks that share a node which is this machine get loopback addresses of their own, so that
    they are as far apart as on several machines.

    >>> hosts([Placement("local"), Placement("local")], [Node("local", Resources())])
    ('127.0.0.1', '127.0.0.2')
    """
    address = {node.name: node.address for node in nodes}
    shared = Counter(placement.node for placement in placements)
    found: list[str] = []
    for index, placement in enumerate(placements):
        host = address.get(placement.node, placement.node)
        apart = host.startswith(LOOPBACK) and shared[placement.node] > 1
        found.append(f"127.0.{(index + 1) >> 8}.{(index + 1) & 255}" if apart else host)
    return tuple(found)


class GangMaker:
    """Makes the gang of a placed job; the same one again after a restart of the server."""

    def __init__(self, context: Context, tokens: JobTokens) -> None:
        self._context = context
        self._tokens = tokens

    def gang(self, job: LiveJob, engine: Engine, flavor: Flavor, interpreter: Interpreter | None) -> Gang:
        """All tasks of the present attempt. The job has its spec and its place."""
        assert job.spec is not None
        assert job.placed is not None
        placed = job.placed
        common = self._common(job, engine, flavor, interpreter)
        tasks = tuple(self._task(index, job, common) for index in range(job.node_count))
        avoid = avoided(job.spec.restart, job.history)
        return Gang(job.id, job.attempt, flavor, tasks, placed.placements, job.priority, avoid)

    def _common(
        self,
        job: LiveJob,
        engine: Engine,
        flavor: Flavor,
        interpreter: Interpreter | None,
    ) -> TaskSpec:
        spec, placed = job.spec, job.placed
        assert spec is not None
        assert placed is not None
        settings = self._context.settings
        token = self._tokens.make(job.id, job.attempt)
        devices = zip(placed.hosts, placed.placements, strict=True)
        return TaskSpec(
            job_id=job.id,
            job_name=job.name,
            attempt=job.attempt,
            index=0,
            root="",
            code_dir=spec.code_dir,
            boot_file=spec.boot_file,
            engine_id=engine.id,
            family=engine.family,
            launcher=engine.launcher,
            reporting=Reporting(self._context.endpoint, token, str(settings.files.endpoint)),
            peers=tuple(Peer(host, place.devices, place.node) for host, place in devices),
            ports=placed.ports,
            command=spec.command,
            chip=flavor.chip,
            processes=processes(spec, engine, flavor),
            min_workers=spec.min_workers,
            cpus=flavor.resources.cpus,
            memory_mb=flavor.resources.memory_mb,
            disk_gb=flavor.disk_gb,
            inputs=spec.inputs,
            outputs=spec.outputs,
            parameters=spec.parameters,
            environments=spec.environments,
            working_dir=spec.working_dir,
            local_code_dir=spec.local_code_dir,
            log_uri=spec.log_uri,
            environments_dir=str(settings.environments_dir),
            buckets=self._context.buckets.config(job.project_id),
            interpreter=interpreter,
            grace_s=spec.grace_s,
            auto_stop_s=spec.auto_stop_s,
            sandbox=settings.sandbox,
            hidden=(str(settings.home),),
            metric_regexes=spec.metric_regexes,
            warm_start=spec.warm_start,
            look_s=look_s(policy_of(spec.hang, settings)),
            warm_modules=engine.warm,
        )

    def _task(self, index: int, job: LiveJob, common: TaskSpec) -> TaskSpec:
        folder = self._context.settings.files.jobs / job.id / str(job.attempt) / f"worker-{index}"
        return replace(common, index=index, root=str(folder))
