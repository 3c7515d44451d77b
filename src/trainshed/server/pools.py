"""Opens the pools that a service offers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainshed.pools.local import LocalPool

if TYPE_CHECKING:
    from trainshed.pools.base import Pool
    from trainshed.server.config import Settings


def open_pools(settings: Settings) -> dict[str, Pool]:
    """All pools, by id; ``local`` is always there."""
    local = LocalPool(settings.files.jobs, warm_start=settings.warm_start)
    return {local.id: local}
