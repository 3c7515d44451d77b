"""Adding, testing and removing pools; for administrators of the service."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Path, Response

from trainshed.pools.slurm.check import Finding
from trainshed.server.context import Ctx, Somebody
from trainshed.server.services import pool_admin
from trainshed.server.wire.pools import PoolDetail, PoolRequest, PoolTest, finding_model

router = APIRouter(tags=["pools"])
PoolName = Annotated[str, Path(max_length=64, examples=["hpc"])]


@router.post("/v1/pools", summary="Add a pool", status_code=201)
def create_pool(context: Ctx, who: Somebody, body: PoolRequest) -> PoolDetail:
    """After trying it out: where jobs could not run there, it says why and adds nothing."""
    who.principal.record.update(name=body.name, partition=body.settings.partition)
    row, findings = pool_admin.add(context, body.name, body.settings.model_dump())
    return _detail(row, findings)


@router.get("/v1/pools/{pool}", summary="One pool that was added")
def show_pool(context: Ctx, pool: PoolName) -> PoolDetail:
    """Its settings."""
    return _detail(pool_admin.find(context, pool))


@router.post("/v1/pools/{pool}/test", summary="Test a pool")
def test_pool(context: Ctx, pool: PoolName) -> PoolTest:
    """Whether jobs can run there now; runs a small job of its own on a node."""
    findings = pool_admin.test(context, pool)
    return PoolTest(
        usable=all(finding.ok is not False for finding in findings),
        findings=[finding_model(finding) for finding in findings],
    )


@router.delete("/v1/pools/{pool}", summary="Remove a pool", status_code=204)
def delete_pool(context: Ctx, pool: PoolName) -> Response:
    """Only while it has no unfinished jobs."""
    pool_admin.remove(context, pool)
    return Response(status_code=204)


def _detail(row: Mapping[str, Any], findings: Sequence[Finding] = ()) -> PoolDetail:
    return PoolDetail(
        name=row["name"],
        kind=row["kind"],
        settings=row["settings"],
        create_time=int(row["created_at"] * 1000),
        findings=[finding_model(finding) for finding in findings],
    )
