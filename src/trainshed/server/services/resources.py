"""Where a job runs and on what: pool, engine and flavor, given or chosen."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from trainshed.core.algorithm import Algorithm
from trainshed.core.engine import Engine
from trainshed.core.errors import Code, InvalidInput
from trainshed.core.resources import Flavor
from trainshed.engines import made
from trainshed.server.services.constraints import constraints

if TYPE_CHECKING:
    from pathlib import Path

    from trainshed.engines.catalogue import Catalogue
    from trainshed.pools.base import Pool
    from trainshed.server.wire.common import EngineModel

DEFAULT_POOL = "local"


@dataclass(frozen=True, slots=True)
class Resources:
    """Where a job runs and on what."""

    pool: Pool
    engine: Engine
    flavor: Flavor


def pick_pool(pools: Mapping[str, Pool], wanted: str) -> Pool:
    """The pool of this id, or the machine itself.

    Raises:
        InvalidInput: there is none.
    """
    pool = pools.get(wanted or DEFAULT_POOL)
    if pool is None and not wanted and pools:
        pool = next(iter(pools.values()))
    if pool is None:
        known = ", ".join(pools) or "none"
        raise InvalidInput(
            f"there is no pool {(wanted or DEFAULT_POOL)[:80]!r} (there are: {known})", code=Code.POOL_UNKNOWN
        )
    return pool


def pick_engine(
    catalogue: Catalogue, pool: Pool, given: EngineModel | None, algorithm: Algorithm | None, folder: Path
) -> Engine:
    """The engine that the request names or describes, else the algorithm's; a family means its newest.

    Args:
        folder: where engines are kept that are made from a request's requirements.

    Raises:
        InvalidInput: none is named, it is unknown, or the pool does not offer it.
    """
    if given and (given.python or given.requirements):
        engine = made.make(given.python or "", given.requirements or "")
        made.keep(folder, engine)  # again, where it is known: that tells when it was last asked for
        if engine.id not in catalogue:
            catalogue.add(engine)
        return engine
    engine = _named(catalogue, pool, given, algorithm)
    offer = pool.offers(engine)
    if not offer.available:
        raise InvalidInput(
            f"pool {pool.id!r} does not offer engine {engine.id!r}: {offer.reason}",
            code=Code.ENGINE_NOT_OFFERED,
        )
    return engine


def _named(
    catalogue: Catalogue, pool: Pool, given: EngineModel | None, algorithm: Algorithm | None
) -> Engine:
    if given and given.image_url and not given.engine_id and not given.engine_name:
        raise InvalidInput(
            f"pool {pool.id!r} runs no container images: name an engine of the catalogue instead",
            code=Code.ENGINE_NOT_OFFERED,
        )
    if given and given.engine_name and given.engine_version and not given.engine_id:
        return by_version(catalogue, given.engine_name, given.engine_version)
    wanted = (given.engine_id or given.engine_name) if given else ""
    wanted = wanted or (algorithm.engine_id if algorithm else "")
    if not wanted:
        raise InvalidInput(
            "no engine is named: give algorithm.engine.engine_id, such as 'pytorch'",
            code=Code.ENGINE_UNKNOWN,
        )
    return catalogue.newest(wanted[:128], lambda engine: pool.offers(engine).available)


def by_version(catalogue: Catalogue, name: str, version: str) -> Engine:
    """The engine of this family and version, as the v2 API names them.

    Raises:
        InvalidInput: there is none.
    """
    for engine in catalogue:
        if engine.family.lower() == name.lower() and engine.version.lower() == version.lower():
            return engine
    raise InvalidInput(
        f"there is no engine {name[:64]!r} of version {version[:128]!r}; 'trainshed engines list' shows all",
        code=Code.ENGINE_UNKNOWN,
    )


def pick_flavor(pool: Pool, wanted: str, nodes: int, engine: Engine, algorithm: Algorithm | None) -> Flavor:
    """The flavor of this id, or the pool's usual one for engine, algorithm and number of nodes.

    Raises:
        InvalidInput: there is none of this id, or it does not suit them.
    """
    flavors = pool.flavors()
    limits = constraints(algorithm)

    def unsuitable(flavor: Flavor) -> str:
        return _unsuitable(flavor, engine) or limits.refusal(flavor, nodes)

    if wanted:
        return _given(pool, flavors, wanted, unsuitable)
    suitable = [flavor for flavor in flavors if not unsuitable(flavor)]
    if not suitable:
        chips = " or ".join(sorted(limits.chips or {chip.value for chip in engine.chips}))
        raise InvalidInput(
            f"pool {pool.id!r} has no flavor for engine {engine.id!r} on {chips}", code=Code.FLAVOR_UNKNOWN
        )
    return _usual(suitable, nodes)


def _given(pool: Pool, flavors: Sequence[Flavor], wanted: str, unsuitable: Callable[[Flavor], str]) -> Flavor:
    flavor = next((flavor for flavor in flavors if flavor.id == wanted), None)
    if flavor is None:
        known = ", ".join(f.id for f in flavors) or "none"
        raise InvalidInput(
            f"pool {pool.id!r} has no flavor {wanted[:80]!r} (it has: {known})", code=Code.FLAVOR_UNKNOWN
        )
    if reason := unsuitable(flavor):
        raise InvalidInput(f"flavor {flavor.id!r} cannot be used: {reason}", code=Code.FLAVOR_UNKNOWN)
    return flavor


def _usual(flavors: Sequence[Flavor], nodes: int) -> Flavor:
    """One card where there are cards, else the most cores of which two jobs can have as many."""
    enough = [flavor for flavor in flavors if flavor.max_nodes >= nodes] or list(flavors)
    cards = [flavor for flavor in enough if flavor.resources.cards]
    if cards:
        return min(cards, key=lambda flavor: flavor.resources.cards)
    shared = [flavor for flavor in enough if flavor.max_nodes >= 2]
    return max(shared, key=lambda flavor: flavor.resources.cpus) if shared else enough[0]


def _unsuitable(flavor: Flavor, engine: Engine) -> str:
    if flavor.chip not in engine.chips:
        return f"engine {engine.id} runs on {', '.join(chip.value for chip in engine.chips)}"
    if flavor.arch not in engine.archs:
        return f"engine {engine.id} needs {' or '.join(arch.value for arch in engine.archs)}"
    return ""
