"""Horovod: the ranks of a job on gloo, started by our agents, without horovodrun and without ssh.

Every rank learns its place from ``HOROVOD_*`` variables and meets the others through a key-value
store beside the first node's ranks (``support/rendezvous.py``), a fresh one for each attempt. A
rank waits until that answers, since Horovod itself would give up after a second.

A job of one process in all is plain: Horovod then is a world of one rank.
"""

from __future__ import annotations

from trainshed.core.task import Interpreter, Layout, ProcessSpec, TaskSpec
from trainshed.engines.launchers import base
from trainshed.engines.launchers.base import World

PROCESS_PER_CARD = True
_WAIT_S = 600


def processes(task: TaskSpec, layout: Layout, interpreter: Interpreter) -> list[ProcessSpec]:
    """The ranks of this node, then on the first one the rendezvous."""
    world = World.of(task)
    found = [_rank(task, layout, interpreter, world, local) for local in range(world.per_node)]
    if world.distributed and world.node == 0:
        address = (task.peers[0].host, str(base.port(task)))
        argv = (*base.support(interpreter, "rendezvous"), *address)
        env = base.environment(task, layout, interpreter, {})
        found.append(base.helper(argv, env, layout, local_rank=world.per_node, role="rendezvous"))
    return found


def ports_needed(nodes: int, processes: int) -> int:
    """One, for the rendezvous on the first node."""
    del nodes, processes
    return 1


def _rank(task: TaskSpec, layout: Layout, interpreter: Interpreter, world: World, local: int) -> ProcessSpec:
    rank = world.rank(local)
    argv = base.script(task, layout, interpreter, rank=rank, world_size=world.size, local_rank=local)
    forced: dict[str, str] = {}
    if world.distributed:
        rendezvous = f"{task.peers[0].host}:{base.port(task)}"
        argv = (*base.support(interpreter, "wait_for"), rendezvous, str(_WAIT_S), "--", *argv)
        forced = _variables(task, world, local)
    interface = {"HOROVOD_GLOO_IFACE": "lo"} if base.on_loopback(task) else {}
    defaults = {"HOROVOD_GLOO_TIMEOUT_SECONDS": "120", **interface}
    env = base.environment(task, layout, interpreter, forced, **defaults)
    return ProcessSpec(rank=rank, argv=argv, env=env, cwd=layout.working_dir, local_rank=local)


def _variables(task: TaskSpec, world: World, local: int) -> dict[str, str]:
    """As ``horovod.runner.gloo_run`` sets them."""
    values = {
        "HOROVOD_HOSTNAME": task.peers[task.index].host,
        "HOROVOD_RANK": world.rank(local),
        "HOROVOD_SIZE": world.size,
        "HOROVOD_LOCAL_RANK": local,
        "HOROVOD_LOCAL_SIZE": world.per_node,
        "HOROVOD_CROSS_RANK": world.node,
        "HOROVOD_CROSS_SIZE": world.nodes,
        "HOROVOD_CONTROLLER": "gloo",
        "HOROVOD_CPU_OPERATIONS": "gloo",
        "HOROVOD_GLOO_RENDEZVOUS_ADDR": task.peers[0].host,
        "HOROVOD_GLOO_RENDEZVOUS_PORT": base.port(task),
    }
    return {name: str(value) for name, value in values.items()}
