"""Engines with what is known of them here: who offers them, and their environments."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from trainshed.core.errors import Code, InvalidInput, NotFound
from trainshed.engines.environments import State
from trainshed.server.wire.engines import EngineInfo, engine_info

if TYPE_CHECKING:
    from trainshed.core.engine import Engine
    from trainshed.pools.base import Offer
    from trainshed.server.context import Context


def offers(context: Context, engine: Engine) -> list[tuple[str, Offer]]:
    """What each pool says to ``engine``, by pool."""
    return [(pool.id, pool.offers(engine)) for pool in context.pools.values()]


def offered(context: Context, engine: Engine) -> bool:
    """Whether any pool can run ``engine``."""
    return any(offer.available for _, offer in offers(context, engine))


def find(context: Context, name: str) -> Engine:
    """An engine by id; or the newest of a family or alias, of those that run here where there are any.

    Raises:
        NotFound: nothing goes by that name.
    """
    try:
        candidates = context.catalogue.named(name)
        if name not in context.catalogue and any(offered(context, engine) for engine in candidates):
            return context.catalogue.newest(name, lambda engine: offered(context, engine))
        return context.catalogue.newest(name)
    except InvalidInput as error:
        raise NotFound(error.message, code=error.code) from None


def describe(context: Context, engine: Engine) -> EngineInfo:
    """An engine with its offers and its environment as it is now."""
    info = engine_info(engine, offers(context, engine), context.environments.state(engine))
    if info.environment.state == State.ABSENT and context.services.preparation.building(engine.id):
        info.environment.state = State.BUILDING.value
    return info


def build(context: Context, engine: Engine) -> EngineInfo:
    """Have the environment built, if it is not there; returns at once.

    Raises:
        InvalidInput: no pool can run the engine.
    """
    answers = offers(context, engine)
    if not any(offer.available for _, offer in answers):
        reasons = "; ".join(offer.reason for _, offer in answers if offer.reason) or "no pool has its chip"
        message = f"engine {engine.id} does not run here: {reasons}"
        raise InvalidInput(message, code=Code.ENGINE_NOT_OFFERED)
    if context.environments.lookup(engine) is None:
        context.services.preparation.request(engine)
    return describe(context, engine)


def build_log(context: Context, engine: Engine) -> Path:
    """Where the log of the last build lies; it may not exist."""
    return Path(context.environments.state(engine).log)
