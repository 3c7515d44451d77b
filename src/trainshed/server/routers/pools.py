"""Pools and flavors: what jobs may run on."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Query

from trainshed.core.errors import Code, InvalidInput
from trainshed.core.resources import Flavor
from trainshed.server.context import Caller, Context, Ctx
from trainshed.server.wire.flavors import (
    FlavorList,
    FlavorMaximum,
    PoolList,
    ResourceFlavorList,
    flavor_model,
    pool_model,
    resource_flavor,
)

router = APIRouter(tags=["pools"])

Selector = Annotated[str, Query(max_length=1024)]


@router.get("/v2/{project_id}/pools", summary="Pools", response_model_exclude_none=True)
def list_pools(context: Ctx, _: Caller, status: Annotated[str, Query(max_length=32)] = "") -> PoolList:
    """All pools; with ``status=failed`` or ``creating`` none, because a pool here is always ready."""
    since = datetime.fromtimestamp(context.opened_at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    pools = context.pools.values() if status in ("", "created") else ()
    return PoolList(items=[pool_model(pool, since) for pool in pools])


@router.get("/v2/{project_id}/training-job-flavors", summary="Flavors", response_model_exclude_none=True)
def show_training_job_flavors(
    context: Ctx, _: Caller, flavor_type: Annotated[str, Query(max_length=32)] = ""
) -> FlavorList:
    """What a job may ask for, pool by pool."""
    found = [
        flavor_model(pool.id, flavor)
        for pool in context.pools.values()
        for flavor in pool.flavors()
        if flavor_type.lower() in ("", flavor.chip.value.lower())
    ]
    return FlavorList(total_count=len(found), flavors=found)


@router.get("/v2/{project_id}/training-pool-flavors", summary="The most that a node gives to a flavor")
def show_training_flavor_max_available_resource(
    context: Ctx,
    _: Caller,
    flavor_id: Annotated[str, Query(max_length=128)],
    pool_id: Annotated[str, Query(max_length=128)],
) -> FlavorMaximum:
    flavor = find_flavor(context, pool_id, flavor_id)
    return FlavorMaximum(
        cpu_core_num=max(1, int(flavor.resources.cpus)), mem_size=max(1, flavor.resources.memory_mb // 1024)
    )


@router.get("/v1/{project_id}/resourceflavors", summary="Kinds of machines", response_model_exclude_none=True)
def list_resource_flavors(
    context: Ctx, _: Caller, limit: Annotated[int, Query(ge=0, le=500)] = 500
) -> ResourceFlavorList:
    """The flavors of all pools, in the words of the resource API."""
    flavors = {flavor.id: flavor for pool in context.pools.values() for flavor in pool.flavors()}
    return ResourceFlavorList(items=[resource_flavor(flavor) for flavor in list(flavors.values())[:limit]])


def find_flavor(context: Context, pool_id: str, flavor_id: str) -> Flavor:
    """A flavor by pool and id.

    Raises:
        InvalidInput: there is no such pool or flavor.
    """
    pool = context.pools.get(pool_id)
    if pool is None:
        known = ", ".join(context.pools) or "none"
        raise InvalidInput(f"there is no pool {pool_id[:64]!r} (there are: {known})", code=Code.POOL_UNKNOWN)
    for flavor in pool.flavors():
        if flavor.id == flavor_id:
            return flavor
    known = ", ".join(flavor.id for flavor in pool.flavors())
    raise InvalidInput(
        f"pool {pool_id!r} has no flavor {flavor_id[:64]!r} (it has: {known})", code=Code.FLAVOR_UNKNOWN
    )
