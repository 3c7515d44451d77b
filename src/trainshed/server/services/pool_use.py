"""How much of each pool is taken, and by how many jobs."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from trainshed.core.lifecycle import TERMINAL, Phase
from trainshed.core.resources import Resources
from trainshed.server.db.tables import jobs

if TYPE_CHECKING:
    from trainshed.server.context import Context

_WAITING = (Phase.CREATING.value, Phase.PENDING.value)


@dataclass(slots=True)
class NodeUse:
    """What of a node is given to tasks."""

    tasks: int = 0
    given: Resources = field(default_factory=Resources)


@dataclass(slots=True)
class PoolUse:
    """Jobs of a pool that have not finished, and what they hold of its nodes, by name."""

    running: int = 0
    waiting: int = 0
    nodes: dict[str, NodeUse] = field(default_factory=dict[str, NodeUse])


def pool_use(context: Context) -> dict[str, PoolUse]:
    """By pool; jobs of all projects count, because they share the pools."""
    live = [phase.value for phase in Phase if phase not in TERMINAL]
    query = select(jobs.c.pool_id, jobs.c.flavor_id, jobs.c.phase, jobs.c.placements)
    found = {pool_id: PoolUse() for pool_id in context.pools}
    with context.db.read() as connection:
        rows = connection.execute(query.where(jobs.c.phase.in_(live))).all()
    flavors = {
        (pool.id, flavor.id): flavor.resources for pool in context.pools.values() for flavor in pool.flavors()
    }
    for row in rows:
        use = found.setdefault(row.pool_id, PoolUse())
        if row.placements is None and row.phase in _WAITING:
            use.waiting += 1
        else:
            use.running += 1
            _count(use, row.placements or {}, flavors.get((row.pool_id, row.flavor_id), Resources()))
    return found


def _count(use: PoolUse, placed: dict[str, Any], each: Resources) -> None:
    nodes: defaultdict[str, int] = defaultdict(int)
    for placement in placed.get("nodes", ()):
        nodes[placement["node"]] += 1
    for name, tasks in nodes.items():
        node = use.nodes.setdefault(name, NodeUse())
        node.tasks += tasks
        for _ in range(tasks):
            node.given += each
