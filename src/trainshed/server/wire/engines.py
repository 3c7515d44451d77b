"""Engines on the wire: ModelArts' shape, and ours with environment and offer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from trainshed.server.language import say
from trainshed.server.wire.base import Bytes, Int, WireModel
from trainshed.server.wire.common import EngineModel

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trainshed.core.engine import Engine
    from trainshed.engines.environments import EnvironmentState
    from trainshed.pools.base import Offer


class ImageInfo(WireModel):
    """Container images of an engine, for container pools."""

    cpu_image_url: str = ""
    gpu_image_url: str = ""
    image_version: str = ""


class EngineItem(WireModel):
    """An engine as ModelArts lists it."""

    engine_id: str
    engine_name: str
    engine_version: str
    v1_compatible: bool = False
    run_user: str = "1000"
    image_info: ImageInfo = Field(default_factory=ImageInfo)


class EngineItemList(WireModel):
    """All engines, as ModelArts lists them."""

    total: Int
    items: list[EngineItem]


class EnvironmentModel(WireModel):
    """An engine's environment on the service's machine."""

    state: str = Field(description="absent, building, ready or broken")
    percent: float = 0.0
    size: Bytes = 0
    digest: str = ""
    built_at: float = 0.0
    build_seconds: float = 0.0
    used_at: float = 0.0
    error: str = Field(default="", description="Why the last build failed.")
    note: str = ""


class OfferModel(WireModel):
    """Whether a pool can run an engine, and if not why."""

    pool_id: str
    available: bool
    reason: str = ""


class EngineInfo(WireModel):
    """An engine with all that the catalogue says, and whether it can run here."""

    id: str
    family: str
    version: str
    framework: str
    framework_version: str
    python: str
    chips: list[str]
    archs: list[str]
    launcher: str
    system: str = ""
    cuda: str = ""
    image: str = ""
    note: str = ""
    aliases: list[str]
    warm: list[str] = Field(
        default_factory=list[str], description="Modules that a warm start has imported; none: no warm start."
    )
    published: bool
    available: bool
    reason: str = ""
    pools: list[OfferModel]
    environment: EnvironmentModel


class EngineInfoList(WireModel):
    """The catalogue."""

    total: Int
    items: list[EngineInfo]


def engine_item(engine: Engine) -> EngineItem:
    """An engine as ModelArts lists it."""
    return EngineItem(
        engine_id=engine.id,
        engine_name=engine.family,
        engine_version=engine.version,
        image_info=ImageInfo(
            cpu_image_url=engine.image, gpu_image_url=engine.image, image_version=engine.version
        ),
    )


def engine_model(engine: Engine) -> EngineModel:
    """An engine as algorithms and jobs show it."""
    return EngineModel(
        engine_id=engine.id,
        engine_name=engine.family,
        engine_version=engine.version,
        image_url=engine.image,
        v1_compatible=False,
        run_user="1000",
    )


def engine_info(engine: Engine, offers: Sequence[tuple[str, Offer]], state: EnvironmentState) -> EngineInfo:
    """An engine with its offers (by pool) and its environment."""
    available = any(offer.available for _, offer in offers)
    reasons = [offer.reason for _, offer in offers if offer.reason]
    return EngineInfo(
        id=engine.id,
        family=engine.family,
        version=engine.version,
        framework=engine.framework,
        framework_version=engine.framework_version,
        python=state.python_version or engine.recipe.python,
        chips=[chip.value for chip in engine.chips],
        archs=[arch.value for arch in engine.archs],
        launcher=engine.launcher.value,
        system=engine.system,
        cuda=engine.cuda,
        image=engine.image,
        note=engine.note,
        aliases=list(engine.aliases),
        warm=list(engine.warm),
        published=engine.published,
        available=available,
        reason="" if available or not reasons else say(reasons[0]),
        pools=[OfferModel(pool_id=pool, available=o.available, reason=say(o.reason)) for pool, o in offers],
        environment=EnvironmentModel(
            state=state.state.value,
            percent=state.percent,
            size=state.size,
            digest=state.digest,
            built_at=state.built_at,
            build_seconds=state.build_seconds,
            used_at=state.used_at,
            error=say(state.error),
            note=state.note,
        ),
    )
