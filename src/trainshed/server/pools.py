"""The pools that a service offers: the machine itself, and those that an administrator added."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from trainshed.core.errors import Code, InvalidInput
from trainshed.core.wire import from_wire
from trainshed.pools.local import LocalPool
from trainshed.pools.slurm import SlurmPool, SlurmSettings
from trainshed.server.db.tables import pools

if TYPE_CHECKING:
    from collections.abc import ItemsView, ValuesView

    from trainshed.pools.base import Pool
    from trainshed.server.config import Settings
    from trainshed.server.db.database import Database


class Pools(Mapping[str, "Pool"]):
    """Pools by id. Whoever goes through them sees those that were there at the beginning."""

    def __init__(self, found: Iterable[Pool] = ()) -> None:
        self._now = {pool.id: pool for pool in found}

    def __getitem__(self, pool_id: str) -> Pool:
        return self._now[pool_id]

    def __iter__(self) -> Iterator[str]:
        return iter(self._now)

    def __len__(self) -> int:
        return len(self._now)

    def values(self) -> ValuesView[Pool]:
        return self._now.values()

    def items(self) -> ItemsView[str, Pool]:
        return self._now.items()

    def add(self, pool: Pool) -> None:
        """One more."""
        self._now = {**self._now, pool.id: pool}

    def remove(self, pool_id: str) -> Pool:
        """One less; it is not closed."""
        found = self._now[pool_id]
        self._now = {other: pool for other, pool in self._now.items() if other != pool_id}
        return found


def open_pools(settings: Settings, db: Database) -> Pools:
    """All pools; ``local`` is always there.

    Raises:
        Unavailable: the database does not answer.
    """
    with db.read() as connection:
        rows = connection.execute(select(pools).order_by(pools.c.name)).mappings().all()
    local = LocalPool(settings.files.jobs, warm_start=settings.warm_start)
    slurm = [SlurmPool(row["name"], slurm_settings(settings, row["settings"])) for row in rows]
    return Pools([local, *slurm])


def slurm_settings(settings: Settings, given: Mapping[str, Any]) -> SlurmSettings:
    """A Slurm pool's settings, checked, as far as that can be without a look at the cluster.

    Raises:
        InvalidInput: they make no sense.
    """
    found = from_wire(SlurmSettings, dict(given)).checked()
    if found.build == "server":
        ours = str(settings.environments_dir)
        if found.environments not in ("", ours):
            raise InvalidInput(
                f"environments is {found.environments!r}; the service builds them in {ours}: "
                "leave it out, or start the service with TRAINSHED_ENVIRONMENTS set to that folder",
                code=Code.FIELD_INVALID,
            )
        found = replace(found, environments=ours)
    return found
