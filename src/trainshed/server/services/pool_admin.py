"""Pools are added, after they were tried out, and removed, by administrators of the service."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError

from trainshed.core.errors import Code, Conflict, NotFound, TrainshedError
from trainshed.core.names import check_name
from trainshed.pools.slurm import SlurmPool
from trainshed.pools.slurm.check import Finding, check
from trainshed.pools.slurm.commands import refusal
from trainshed.server.db.tables import pools
from trainshed.server.pools import slurm_settings
from trainshed.server.services.messages import AddPool, RemovePool, ThreadReply

if TYPE_CHECKING:
    from trainshed.server.context import Context

Row = Mapping[str, Any]


def find(context: Context, name: str) -> Row:
    """A pool that was added.

    Raises:
        NotFound: there is none of this name.
    """
    with context.db.read() as connection:
        row = connection.execute(select(pools).where(pools.c.name == name)).mappings().first()
    if row is None:
        known = (
            "the machine itself, which has no settings" if name in context.pools else "no pool that was added"
        )
        raise NotFound(f"{name[:64]!r} is {known}", code=Code.POOL_UNKNOWN)
    return dict(row)


def add(context: Context, name: str, given: Mapping[str, Any]) -> tuple[Row, list[Finding]]:
    """Try out a partition, and offer it from now on.

    Raises:
        InvalidInput: the settings make no sense, or jobs could not run there; nothing was added.
        Unavailable: the cluster does not answer; nothing was added.
        Conflict: the name is taken.
    """
    check_name(name, "pool name")
    if name in context.pools:
        raise _taken(name)
    settings = slurm_settings(context.settings, given)
    findings = check(settings, context.endpoint, str(context.settings.files.buckets))
    if failed := next((finding for finding in findings if finding.ok is False), None):
        raise refusal(failed.code, f"pool {name!r} was not added: {failed.what}: {failed.detail}")
    row = {
        "name": name,
        "kind": SlurmPool.kind,
        "settings": dict(given),
        "created_at": context.clock.now(),
    }
    try:
        with context.db.write() as connection:
            connection.execute(pools.insert().values(row))
    except IntegrityError:
        raise _taken(name) from None
    pool = SlurmPool(name, settings)
    reply = ThreadReply()
    context.services.dispatcher.tell(AddPool(pool, reply))
    reply.wait()
    return row, findings


def test(context: Context, name: str) -> list[Finding]:
    """Try out a pool once more.

    Raises:
        NotFound: there is none of this name.
    """
    settings = slurm_settings(context.settings, find(context, name)["settings"])
    return check(settings, context.endpoint, str(context.settings.files.buckets))


def remove(context: Context, name: str) -> None:
    """Offer a pool no longer. What jobs left there stays.

    Raises:
        NotFound: there is none of this name.
        Conflict: it has jobs that have not finished.
    """
    find(context, name)
    reply = ThreadReply()
    context.services.dispatcher.tell(RemovePool(name, reply))
    pool, driver = reply.wait()
    driver.close()
    try:
        with context.db.write() as connection:
            connection.execute(delete(pools).where(pools.c.name == name))
    except TrainshedError:
        context.services.dispatcher.tell(AddPool(pool))
        raise
    pool.close()


def _taken(name: str) -> Conflict:
    return Conflict(
        f"there is a pool {name!r} already: choose another name, or remove that one first",
        code=Code.NAME_TAKEN,
    )
