"""TF_CONFIG: TensorFlow's workers, and parameter servers for scripts that want them.

Every worker learns the cluster from ``TF_CONFIG``. Parameter servers are started where the job
declares ``ps_hosts`` (scripts in the style of TensorFlow 1 parse ``--job_name --task_index
--ps_hosts --worker_hosts``), one beside the workers of each node, or as many as the variable
``TRAINSHED_PS_NUM`` says, on the first nodes. Each of those parameters gets its value only
where the job declares it and leaves it empty. A node with a parameter server is done when all
workers of the job have come and gone (``support/ps_guard.py``, ``support/ps_join.py``).

A job of one worker and no parameter server is plain, without ``TF_CONFIG``.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from trainshed.core.errors import Code, InvalidInput
from trainshed.core.resources import Chip
from trainshed.core.task import Interpreter, Layout, ProcessSpec, TaskSpec
from trainshed.engines.launchers import base
from trainshed.engines.launchers.base import World

PROCESS_PER_CARD = False


@dataclass(frozen=True, slots=True)
class _Role:
    """What one process is: ``worker`` or ``ps``, its index among those, and on its node."""

    name: str
    index: int
    local: int

    @property
    def is_rank(self) -> bool:
        return self.name == "worker"


@dataclass(frozen=True, slots=True)
class _Cluster:
    """All addresses, ``host:port``, by index."""

    workers: tuple[str, ...]
    servers: tuple[str, ...]
    guards: tuple[str, ...]

    @property
    def is_one(self) -> bool:
        return len(self.workers) == 1 and not self.servers

    def config(self, role: _Role) -> str:
        cluster = {"worker": list(self.workers)}
        if self.servers:
            cluster["ps"] = list(self.servers)
        return json.dumps({"cluster": cluster, "task": {"type": role.name, "index": role.index}})


def processes(task: TaskSpec, layout: Layout, interpreter: Interpreter) -> list[ProcessSpec]:
    """The workers of this node, then its parameter server if it has one."""
    world = World.of(task)
    cluster = _cluster(task, layout, world)
    found = [
        _process(task, layout, interpreter, cluster, _Role("worker", world.rank(local), local))
        for local in range(world.per_node)
    ]
    if task.index < len(cluster.servers):
        found.append(_process(task, layout, interpreter, cluster, _Role("ps", task.index, world.per_node)))
    return found


def ports_needed(nodes: int, processes: int) -> int:
    """One a worker, and two a node for its parameter server and that one's guard.

    None twice: tasks may share a machine.
    """
    return nodes * (max(1, processes) + 2)


def _cluster(task: TaskSpec, layout: Layout, world: World) -> _Cluster:
    workers = tuple(
        f"{task.peers[rank // world.per_node].host}:{base.port(task, rank)}" for rank in range(world.size)
    )
    nodes = range(_server_count(layout, world))
    servers, guards = (
        tuple(f"{task.peers[node].host}:{base.port(task, first + node)}" for node in nodes)
        for first in (world.size, world.size + world.nodes)
    )
    return _Cluster(workers, servers, guards)


def _server_count(layout: Layout, world: World) -> int:
    told = layout.variables.get("TRAINSHED_PS_NUM", "")
    if not told:
        return world.nodes if base.declares(layout.arguments, "ps_hosts") else 0
    if not told.isdecimal() or int(told) > world.nodes:
        raise InvalidInput(
            f"TRAINSHED_PS_NUM is {told!r}; it must be from 0 to {world.nodes}, the nodes of this job",
            code=Code.ENVIRONMENT_VARIABLE_INVALID,
        )
    return int(told)


def _process(
    task: TaskSpec,
    layout: Layout,
    interpreter: Interpreter,
    cluster: _Cluster,
    role: _Role,
) -> ProcessSpec:
    argv = base.script(
        task,
        layout,
        interpreter,
        job_name=role.name,
        task_index=role.index,
        ps_hosts=",".join(cluster.servers),
        worker_hosts=",".join(cluster.workers),
        num_gpus=len(base.devices(task)) if task.chip is Chip.GPU else 0,
    )
    if not role.is_rank:
        guard = (cluster.guards[role.index], str(len(cluster.workers)))
        argv = (*base.support(interpreter, "ps_guard"), *guard, "--", *argv)
    elif cluster.guards:
        argv = (*base.support(interpreter, "ps_join"), ",".join(cluster.guards), str(role.index), "--", *argv)
    forced = {} if cluster.is_one else {"TF_CONFIG": cluster.config(role), "MA_TASK_NAME": role.name}
    forced |= _own_devices(task, role)
    return ProcessSpec(
        rank=role.index if role.is_rank else -1,
        argv=argv,
        env=base.environment(task, layout, interpreter, forced),
        cwd=layout.working_dir,
        local_rank=role.local,
        role=role.name,
    )


def _own_devices(task: TaskSpec, role: _Role) -> dict[str, str]:
    """Cards are shared out among the workers of a node; a parameter server has none."""
    if task.chip is not Chip.GPU:
        return {}
    mine = base.devices(task)
    share = max(1, len(mine) // max(1, task.processes))
    chosen = mine[role.local * share : (role.local + 1) * share] if role.is_rank else ()
    return {"CUDA_VISIBLE_DEVICES": ",".join(chosen)}
