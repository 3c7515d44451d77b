"""Horovod: the ranks of a job on gloo, started by our agents, without horovodrun and without ssh.

Every rank learns its place from ``HOROVOD_*`` variables and meets the others through a key-value
store beside the first node's ranks (``support/rendezvous.py``), a fresh one for each attempt. A
rank waits until that answers, since Horovod itself would give up after a second.

A job of one process in all is plain: Horovod then is a world of one rank.

Elastic, where the job says with how few workers it goes on: Horovod's own driver leads the job beside the
first node's workers (``support/horovod_driver.py``), and a program of ours on each node starts the workers
there as the driver says (``support/horovod_host.py``), without ssh. Each worker is alone on a host of its
own to Horovod: ``local_rank`` is 0 in all, and each sees only its own card.
"""

from __future__ import annotations

import json

from trainshed.core.resources import Chip
from trainshed.core.task import Interpreter, Layout, ProcessSpec, TaskSpec
from trainshed.engines.launchers import base
from trainshed.engines.launchers.base import World

PROCESS_PER_CARD = True
_WAIT_S = 600
_SECRET = "TRAINSHED_ELASTIC_SECRET"  # noqa: S105 the name of a variable


def processes(task: TaskSpec, layout: Layout, interpreter: Interpreter) -> list[ProcessSpec]:
    """The ranks of this node, then on the first one the rendezvous."""
    world = World.of(task)
    if task.min_workers:
        return _elastic(task, layout, interpreter, world)
    found = [_rank(task, layout, interpreter, world, local) for local in range(world.per_node)]
    if world.distributed and world.node == 0:
        address = (task.peers[0].host, str(base.port(task)))
        argv = (*base.support(interpreter, "rendezvous"), *address)
        env = base.environment(task, layout, interpreter, {})
        found.append(base.helper(argv, env, layout, local_rank=world.per_node, role="rendezvous"))
    return found


def ports_needed(nodes: int, processes: int) -> int:
    """Both on the first node: for the rendezvous, and for the hosts of an elastic job."""
    del nodes, processes
    return 2


def least_workers(nodes: int) -> int:
    """One in all."""
    del nodes
    return 1


def resize(task: TaskSpec, workers: int) -> tuple[str, bytes]:
    """A word to the driver, at its rendezvous."""
    url = f"http://{task.peers[0].host}:{base.port(task)}/trainshed/workers"
    return url, json.dumps({"workers": workers}).encode()


def _elastic(task: TaskSpec, layout: Layout, interpreter: Interpreter, world: World) -> list[ProcessSpec]:
    """What starts the workers of this node, then on the first one the driver."""
    first, here = task.peers[0].host, task.peers[task.index]
    # those that are no neighbours of a worker that died notice it after this time
    defaults = {**_defaults(task), "HOROVOD_GLOO_TIMEOUT_SECONDS": "60"}
    env = base.environment(task, layout, interpreter, {_SECRET: base.secret(task)}, **defaults)
    cards = ",".join(here.devices) if len(here.devices) >= world.per_node and task.chip is Chip.GPU else ""
    starter = ProcessSpec(
        rank=world.rank(0),
        argv=(
            *base.support(interpreter, "horovod_host"),
            *(f"{first}:{base.port(task, 1)}", str(world.node), str(world.per_node), cards, "--"),
            *base.script(task, layout, interpreter),
        ),
        env=env,
        cwd=layout.working_dir,
        role="host",
    )
    if world.node:
        return [starter]
    ports = (str(base.port(task)), str(base.port(task, 1)))
    argv = (interpreter.python, "-I", base.support_file("horovod_driver"), first, *ports)
    argv = (*argv, str(world.nodes), str(world.per_node), str(task.min_workers))
    return [starter, base.helper(argv, env, layout, local_rank=1, role="driver")]


def _defaults(task: TaskSpec) -> dict[str, str]:
    interface = {"HOROVOD_GLOO_IFACE": "lo"} if base.on_loopback(task) else {}
    return {"HOROVOD_GLOO_TIMEOUT_SECONDS": "120", **interface}


def _rank(task: TaskSpec, layout: Layout, interpreter: Interpreter, world: World, local: int) -> ProcessSpec:
    rank = world.rank(local)
    argv = base.script(task, layout, interpreter, rank=rank, world_size=world.size, local_rank=local)
    forced: dict[str, str] = {}
    if world.distributed:
        rendezvous = f"{task.peers[0].host}:{base.port(task)}"
        argv = (*base.support(interpreter, "wait_for"), rendezvous, str(_WAIT_S), "--", *argv)
        forced = _variables(task, world, local)
    env = base.environment(task, layout, interpreter, forced, **_defaults(task))
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
