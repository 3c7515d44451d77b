"""What a job would run, exactly: the launcher's own answer, for a task on each node."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from trainshed.core.errors import Code, InvalidInput, Unavailable
from trainshed.core.lifecycle import JobState
from trainshed.core.resources import Placement
from trainshed.core.secrets import masked
from trainshed.core.task import Interpreter, Peer, TaskSpec
from trainshed.core.wire import to_wire
from trainshed.jobs.queue import QueueEntry, Unit
from trainshed.jobs.scheduler import Scheduler
from trainshed.pools.base import Gang
from trainshed.server.services import gangs
from trainshed.server.services.gangs import GangMaker
from trainshed.server.services.job_spec import Resolved, resolve
from trainshed.server.services.live import LiveJob, Placed

if TYPE_CHECKING:
    from trainshed.core.engine import Engine
    from trainshed.server.context import Context, Principal
    from trainshed.server.wire.jobs import JobRequest

JOB_ID = "00000000-0000-0000-0000-000000000000"
FIRST_PORT = 20_000
SECONDS = 60


def plan(context: Context, caller: Principal, request: JobRequest) -> dict[str, Any]:
    """What :func:`jobs.create` would start for this request, on an idle pool.

    Raises:
        TrainshedError: something in the request is wrong.
    """
    found = resolve(context, caller, request)
    ready = context.environments.lookup(found.engine)
    interpreter = ready or _promised(context, found.engine)
    gang = _gang(context, caller, found, interpreter)
    if not gang.placements:
        gang = _somewhere(gang)
    processes, start = _processes(gang)
    return {
        "name": found.name,
        "pool": found.spec.pool_id,
        "flavor": found.flavor.id,
        "engine": found.engine.id,
        "interpreter": interpreter.python,
        "environment": "ready" if ready else "absent",
        "start": start,
        "priority": found.spec.priority,
        "warnings": [text for text, _ in found.warnings],
        "script": context.pools[found.spec.pool_id].plan(gang),
        "tasks": [_task(*pair) for pair in zip(gang.tasks, processes, strict=True)],
    }


def _promised(context: Context, engine: Engine) -> Interpreter:
    """The interpreter as it will be once the environment is built."""
    folder = context.environments.state(engine).folder
    return Interpreter(f"{folder}/bin/python", engine.recipe.python, dict(engine.recipe.variables))


def _gang(context: Context, caller: Principal, found: Resolved, interpreter: Interpreter) -> Gang:
    spec = found.spec
    placements = _placements(context, found)
    nodes = context.pools[spec.pool_id].nodes() if placements else []
    count = gangs.ports_needed(spec, found.engine, found.flavor)
    hosts = gangs.hosts(placements, nodes)
    job = LiveJob(
        id=JOB_ID,
        project_id=caller.project_id,
        name=found.name,
        pool_id=spec.pool_id,
        flavor_id=spec.flavor_id,
        engine_id=spec.engine_id,
        node_count=spec.node_count,
        priority=spec.priority,
        created_at=context.clock.now(),
        state=JobState(),
        spec=spec,
        placed=Placed(placements, hosts, tuple(range(FIRST_PORT, FIRST_PORT + count))),
    )
    maker = GangMaker(context, context.services.tokens)
    return maker.gang(job, found.engine, found.flavor, interpreter)


def _somewhere(gang: Gang) -> Gang:
    """The same with names for nodes that nobody knows before its pool has chosen them."""
    peers = tuple(Peer(f"NODE{index}", name=f"NODE{index}") for index in range(len(gang.tasks)))
    return replace(gang, tasks=tuple(replace(task, peers=peers) for task in gang.tasks))


def _placements(context: Context, found: Resolved) -> tuple[Placement, ...]:
    """Where the job would go if nothing else ran; nowhere for a pool that queues by itself."""
    pool, flavor = context.pools[found.spec.pool_id], found.flavor
    if pool.queues:
        return ()
    scheduler = Scheduler(pool.nodes())
    unit = Unit(flavor.resources, flavor.chip, flavor.arch)
    scheduler.submit(QueueEntry(JOB_ID, unit, 0.0, found.spec.node_count))
    decisions = scheduler.place(0.0)
    if not decisions:
        raise InvalidInput(
            f"pool {pool.id!r} has no room for {found.spec.node_count} nodes of flavor {flavor.id!r}",
            code=Code.TOO_MANY_NODES,
        )
    return decisions[0].placements


def _processes(gang: Gang) -> tuple[list[list[dict[str, Any]]], str]:
    """The processes of each task and how they start.

    By the agent's own code, which is no part of the server.
    """
    tasks = json.dumps([to_wire(task) for task in gang.tasks])
    argv = [sys.executable, "-m", "trainshed.agent.preview"]
    done = subprocess.run(argv, input=tasks, capture_output=True, text=True, timeout=SECONDS, check=False)
    if done.returncode:
        said = done.stderr.strip().splitlines()
        raise Unavailable(f"the plan could not be made: {said[-1] if said else done.returncode}")
    answer = json.loads(done.stdout)
    if "error" in answer:
        raise InvalidInput(answer["error"]["message"], code=answer["error"]["code"])
    return answer["tasks"], answer["start"]


def _task(task: TaskSpec, processes: list[dict[str, Any]]) -> dict[str, Any]:
    peer = task.peers[task.index]
    return {
        "task": task.name,
        "node": peer.name,
        "host": peer.host,
        "devices": list(peer.devices),
        "processes": [
            {
                "rank": process["rank"],
                "local_rank": process["local_rank"],
                "role": process["role"],
                "command": shlex.join(process["argv"]),
                "argv": process["argv"],
                "env": masked(dict(sorted(process["env"].items()))),
                "cwd": process["cwd"],
            }
            for process in processes
        ],
    }
