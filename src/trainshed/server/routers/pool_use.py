"""How much of the pools is taken."""

from __future__ import annotations

from fastapi import APIRouter

from trainshed.server.context import Caller, Ctx
from trainshed.server.services.pool_use import PoolUse, pool_use
from trainshed.server.wire.base import Int, WireModel

router = APIRouter(tags=["pools"])


class NodeUseModel(WireModel):
    """Ours: what of a node is given to tasks."""

    name: str
    tasks: Int
    cpus: float
    memory_mb: Int
    cards: Int


class PoolUseModel(WireModel):
    """Ours: the jobs of a pool that have not finished, and what they hold of its nodes."""

    pool_id: str
    running: Int
    waiting: Int
    nodes: list[NodeUseModel]


class PoolUseList(WireModel):
    """Ours: all pools."""

    items: list[PoolUseModel]


@router.get("/v2/{project_id}/pool-use", summary="What of the pools is taken")
def show_pool_use(context: Ctx, _: Caller) -> PoolUseList:
    """By jobs of all projects, because they share the pools. Nodes of which nothing is taken are left out."""
    return PoolUseList(items=[_model(pool_id, use) for pool_id, use in pool_use(context).items()])


def _model(pool_id: str, use: PoolUse) -> PoolUseModel:
    nodes = [
        NodeUseModel(
            name=name,
            tasks=node.tasks,
            cpus=node.given.cpus,
            memory_mb=node.given.memory_mb,
            cards=node.given.cards,
        )
        for name, node in sorted(use.nodes.items())
    ]
    return PoolUseModel(pool_id=pool_id, running=use.running, waiting=use.waiting, nodes=nodes)
