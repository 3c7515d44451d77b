"""MPI: the ranks of an MPICH job, started by our agents, without mpirun and without ssh.

MPICH finds its peers through a process manager that speaks PMI. Ours is a small program beside
the first node's ranks (``support/pmi_server.py``); every rank is connected to it before its
script starts (``support/pmi_join.py``). So each rank has its own log and exit code, as with
every other launcher, and nothing logs in anywhere. Open MPI needs PMIx instead: engines here
carry MPICH.

A job of one process in all is plain: MPI then is a world of one rank.
"""

from __future__ import annotations

from trainshed.core.task import Interpreter, Layout, ProcessSpec, TaskSpec
from trainshed.engines.launchers import base
from trainshed.engines.launchers.base import World

PROCESS_PER_CARD = True
_JOIN_S = 600


def processes(task: TaskSpec, layout: Layout, interpreter: Interpreter) -> list[ProcessSpec]:
    """The ranks of this node, then on the first one the process manager."""
    world = World.of(task)
    found = [_rank(task, layout, interpreter, world, local) for local in range(world.per_node)]
    if world.distributed and world.node == 0:
        found.append(_manager(task, layout, interpreter, world))
    return found


def ports_needed(nodes: int, processes: int) -> int:
    """One, for the process manager on the first node."""
    del nodes, processes
    return 1


def _rank(task: TaskSpec, layout: Layout, interpreter: Interpreter, world: World, local: int) -> ProcessSpec:
    rank = world.rank(local)
    argv = base.script(task, layout, interpreter, rank=rank, world_size=world.size, local_rank=local)
    forced: dict[str, str] = {}
    if world.distributed:
        manager = f"{task.peers[0].host}:{base.port(task)}"
        argv = (*base.support(interpreter, "pmi_join"), manager, str(_JOIN_S), "--", *argv)
        forced = {
            "TRAINSHED_PMI_KEY": base.secret(task),
            "PMI_RANK": str(rank),
            "PMI_SIZE": str(world.size),
            "MPI_LOCALRANKID": str(local),
            "MPI_LOCALNRANKS": str(world.per_node),
        }
    env = base.environment(task, layout, interpreter, forced, **_network(task))
    return ProcessSpec(rank=rank, argv=argv, env=env, cwd=layout.working_dir, local_rank=local)


def _network(task: TaskSpec) -> dict[str, str]:
    """Stay on the loopback interface where all nodes are on this machine."""
    if not base.on_loopback(task):
        return {}
    return {"FI_TCP_IFACE": "lo", "UCX_NET_DEVICES": "lo"}


def _manager(task: TaskSpec, layout: Layout, interpreter: Interpreter, world: World) -> ProcessSpec:
    where = (task.peers[0].host, str(base.port(task)))
    shape = (str(world.nodes), str(world.per_node))
    argv = (*base.support(interpreter, "pmi_server"), *where, *shape)
    env = base.environment(task, layout, interpreter, {"TRAINSHED_PMI_KEY": base.secret(task)})
    return base.helper(argv, env, layout, local_rank=world.per_node, role="pmi")
