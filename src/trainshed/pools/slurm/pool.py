"""The pool itself: submits, stops, and knows from the poller how each agent is."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from trainshed.core.engine import Engine
from trainshed.core.errors import Code, Unavailable
from trainshed.core.resources import Chip, Flavor, Node
from trainshed.core.task import Reporting, TaskSpec
from trainshed.core.wire import to_wire
from trainshed.engines import catalogue, launchers
from trainshed.jobs.queue import Why
from trainshed.pools.base import AgentStatus, Gang, Offer, Pool, TaskKey
from trainshed.pools.slurm import inventory, script, status
from trainshed.pools.slurm.builds import Builds
from trainshed.pools.slurm.bundle import bring
from trainshed.pools.slurm.commands import Slurm
from trainshed.pools.slurm.files import AttemptFiles, cannot_write, check_shared, write
from trainshed.pools.slurm.poller import Poller, Tracked
from trainshed.pools.slurm.settings import SlurmSettings

LINGER_S = 30
_PROGRAM = "AGENT"


class SlurmPool(Pool):
    """Jobs on one partition.

    Args:
        pool_id: as people name it.
    """

    kind = "slurm"
    queues = True

    def __init__(self, pool_id: str, settings: SlurmSettings) -> None:
        self.id = pool_id
        self.settings = settings.checked()
        self.builds = settings.build == "node"
        self.slurm = Slurm(settings.partition, settings.conf)
        self._shared = Path(settings.shared)
        self._builds = Builds(settings, self.slurm)
        self._poller = Poller(
            pool_id,
            settings,
            self.slurm,
            changed=self._changed,
            nodes_changed=self._nodes_changed,
            builds=self._builds,
        )
        self._poller.on_build = self._built
        self._start_lock = threading.Lock()
        self._poller.open()

    # -- what there is

    def nodes(self) -> list[Node]:
        return self._poller.nodes

    def flavors(self) -> list[Flavor]:
        return inventory.flavors(self._poller.nodes, self.settings.max_nodes)

    def offers(self, engine: Engine) -> Offer:
        nodes = self._poller.nodes
        if engine.image and not engine.recipe.imports:
            return Offer(False, "is a container image; it needs a pool that runs containers")
        if self.builds and engine.id not in catalogue.presets():
            return Offer(False, "nodes build preset engines only; a pool with build=server has all")
        chips, archs = inventory.chips(nodes), {node.arch for node in nodes}
        if nodes and (chips.isdisjoint(engine.chips) or archs.isdisjoint(engine.archs)):
            wanted = " or ".join(chip.value for chip in engine.chips)
            on = " or ".join(arch.value for arch in engine.archs)
            here = ", ".join(sorted(chip.value for chip in chips))
            has = f"partition {self.settings.partition} has {here} on {', '.join(sorted(archs))}"
            return Offer(False, f"needs {wanted} on {on}; {has}")
        return Offer(True)

    # -- jobs

    def start(self, gang: Gang) -> None:
        """Submit the job, unless it was submitted before."""
        check_shared(self._shared)
        files = AttemptFiles(self._folder(gang.job_id, gang.attempt))
        first = gang.tasks[0]
        tracked = Tracked(
            gang.job_id, gang.attempt, len(gang.tasks), files, first.reporting.endpoint, first.engine_id
        )
        with self._start_lock:
            self._announce(gang.tasks[0].reporting.endpoint)
            tracked.slurm_id = files.slurm_id() or self._find(tracked) or self._submit(gang, files)
        self._poller.track(tracked)

    def _find(self, tracked: Tracked) -> str:
        """A job that was submitted when the service died, before that could be written down."""
        if not tracked.files.folder.exists():
            return ""
        for job in status.parse(self.slurm.run(*status.ALL)):
            if job.key == (tracked.job_id, tracked.attempt):
                tracked.files.submitted(job.id)
                return job.id
        return ""

    def _submit(self, gang: Gang, files: AttemptFiles) -> str:
        if not self._poller.nodes:  # nor does anybody know the job's flavor then
            raise Unavailable(
                "Slurm has not said yet what nodes it has: its controller does not answer",
                code=Code.CLUSTER_UNREACHABLE,
            )
        try:
            agent = bring(self._shared)
            self._prepare(gang, files)
            first = gang.tasks[0]
            gpu = gang.flavor.chip is Chip.GPU
            after = self._builds.needed(first.engine_id, agent, gpu=gpu) if self.builds else ""
            text = script.render(self.settings, self._order(gang, str(agent), after))
            (files.folder / "job.sh").write_text(text, encoding="utf-8")
            slurm_id = self.slurm.run("sbatch", "--parsable", script=text).strip().partition(";")[0]
            files.submitted(slurm_id)
        except OSError as error:
            raise cannot_write(self._shared, error) from error
        return slurm_id

    def plan(self, gang: Gang) -> str:
        """The batch script, word for word."""
        return script.render(self.settings, self._order(gang, str(self._shared / "agents" / _PROGRAM), ""))

    def _order(self, gang: Gang, agent: str, after: str) -> script.Order:
        first = gang.tasks[0]
        return script.Order(
            job_id=gang.job_id,
            attempt=gang.attempt,
            name=first.job_name or gang.job_id,
            folder=str(self._folder(gang.job_id, gang.attempt)),
            agent=agent,
            flavor=gang.flavor,
            nodes=len(gang.tasks),
            priority=gang.priority,
            longest_s=first.auto_stop_s + first.grace_s if first.auto_stop_s else 0,
            avoid=gang.avoid,
            after=after,
        )

    def _prepare(self, gang: Gang, files: AttemptFiles) -> None:
        """Write down what the agents are to do, for our eyes only."""
        files.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        first, nodes = gang.tasks[0], len(gang.tasks)
        job = {
            "nodes": nodes,
            "ports": launchers.ports_needed(first.launcher, nodes, first.processes),
            "srun": script.srun_options(gang.flavor, nodes),
        }
        write(files.folder / "job.json", job)
        for task in gang.tasks:
            root = files.worker(task.index)
            root.mkdir(mode=0o700, exist_ok=True)
            write(root / "task.json", to_wire(self._task(task, files)))

    def _task(self, task: TaskSpec, files: AttemptFiles) -> TaskSpec:
        """A task as it is on the cluster."""
        settings = self.settings
        scratch = f"{settings.scratch}/{task.job_id}/{task.attempt}/{task.name}" if settings.scratch else ""
        endpoint_file = "" if settings.endpoint else str(self._endpoint_file)
        return replace(
            task,
            root=str(files.worker(task.index)),
            reporting=Reporting(
                settings.endpoint or task.reporting.endpoint, task.reporting.token, endpoint_file
            ),
            environments_dir=settings.environments_dir,
            interpreter=None,
            hidden=(*task.hidden, str(self._shared / "jobs")),
            scratch=scratch,
            evidence=str(files.output),
            linger_s=LINGER_S,
            tunnel=settings.tunnel,
        )

    @property
    def _endpoint_file(self) -> Path:
        return self._shared / f"endpoint-{self.id}.json"

    def _announce(self, endpoint: str) -> None:
        """Tell agents of before where the service is now."""
        if not self.settings.endpoint and endpoint != self._poller.endpoint:
            try:
                write(self._endpoint_file, {"endpoint": endpoint})
            except OSError as error:
                raise cannot_write(self._shared, error) from error
            self._poller.endpoint = endpoint

    def stop(self, job_id: str, attempt: int, *, force: bool = False) -> None:
        files = AttemptFiles(self._folder(job_id, attempt))
        nodes = sum(1 for _ in files.folder.glob("worker-*")) if files.folder.is_dir() else 0
        files.ask_to_stop(nodes, force=force)
        self._poller.stop((job_id, attempt), force=force)

    def poll(self, keys: Sequence[TaskKey]) -> dict[TaskKey, AgentStatus]:
        self._poller.look_soon()
        return {key: self._poller.status(key) for key in keys}

    def why(self, job_id: str, attempt: int) -> Why | None:
        return self._poller.why(job_id, attempt)

    def close(self) -> None:
        self._poller.close()

    def _folder(self, job_id: str, attempt: int) -> Path:
        return self._shared / "jobs" / job_id / str(attempt)

    def _built(self, job_id: str, percent: float, line: str) -> None:
        if self.on_build:
            self.on_build(job_id, percent, line)

    def _nodes_changed(self) -> None:
        if self.on_nodes:
            self.on_nodes()

    def _changed(self, key: TaskKey) -> None:
        if self.on_change:
            self.on_change(key)
