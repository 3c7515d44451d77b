"""Flavors and pools on the wire."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from pydantic import Field

from trainshed.core.resources import Chip, Flavor, Node
from trainshed.server.wire.base import Int, WireModel

if TYPE_CHECKING:
    from trainshed.pools.base import Pool


class CpuModel(WireModel):
    """Processor cores."""

    arch: str
    core_num: Int


class CardModel(WireModel):
    """Accelerators of one kind."""

    unit_num: Int
    product_name: str = ""
    memory: str = ""


class NpuModel(WireModel):
    """Ascend cards; the API has their number as text."""

    unit_num: str
    product_name: str = ""
    memory: str = ""


class SizeModel(WireModel):
    """An amount with its unit."""

    size: Int
    unit: str = "GB"


class FlavorInfo(WireModel):
    """What one node of a flavor has."""

    max_num: Int
    cpu: CpuModel
    memory: SizeModel
    gpu: CardModel | None = None
    npu: NpuModel | None = None
    disk: SizeModel | None = None


class Billing(WireModel):
    """There is none: nobody pays."""

    code: str = "free"
    unit_num: Int = 0


class FlavorModel(WireModel):
    """A resource specification of a pool."""

    pool_id: str
    flavor_id: str = Field(examples=["cpu-2"])
    flavor_name: str
    max_num: Int
    flavor_type: str = Field(description="CPU, GPU or Ascend")
    billing: Billing = Field(default_factory=Billing)
    flavor_info: FlavorInfo
    attributes: dict[str, str] = Field(default_factory=dict[str, str])


class FlavorDetail(WireModel):
    """A flavor as a job shows it."""

    flavor_type: str
    billing: Billing = Field(default_factory=Billing)
    flavor_info: FlavorInfo


class FlavorList(WireModel):
    """All flavors of all pools."""

    total_count: Int
    flavors: list[FlavorModel]


class FlavorMaximum(WireModel):
    """The most that one node gives to a job of a flavor."""

    cpu_core_num: Int
    mem_size: Int


def flavor_info(flavor: Flavor) -> FlavorInfo:
    """What one node of ``flavor`` has; whole numbers, because the official client reads no others."""
    cards = flavor.resources.cards
    memory = f"{math.ceil(flavor.card_memory_mb / 1024)}GB" if flavor.card_memory_mb else ""
    gpu = flavor.chip is Chip.GPU
    return FlavorInfo(
        max_num=flavor.max_nodes,
        cpu=CpuModel(arch=flavor.arch.value, core_num=max(1, int(flavor.resources.cpus))),
        memory=SizeModel(size=max(1, flavor.resources.memory_mb // 1024)),
        gpu=CardModel(unit_num=cards, product_name=flavor.card_name, memory=memory) if gpu else None,
        npu=NpuModel(unit_num=str(cards), product_name=flavor.card_name, memory=memory)
        if flavor.chip is Chip.ASCEND
        else None,
        disk=SizeModel(size=flavor.disk_gb) if flavor.disk_gb else None,
    )


def flavor_detail(flavor: Flavor) -> FlavorDetail:
    """A flavor as a job shows it."""
    return FlavorDetail(flavor_type=flavor.chip.value, flavor_info=flavor_info(flavor))


def flavor_model(pool_id: str, flavor: Flavor) -> FlavorModel:
    """A flavor as the list of flavors shows it."""
    resources = flavor.resources
    exact = {"cpu": f"{resources.cpus:g}", "memory_mb": str(resources.memory_mb)}
    return FlavorModel(
        pool_id=pool_id,
        flavor_id=flavor.id,
        flavor_name=flavor.id,
        max_num=flavor.max_nodes,
        flavor_type=flavor.chip.value,
        flavor_info=flavor_info(flavor),
        attributes=exact,
    )


class PoolNode(WireModel):
    """Ours: one machine of a pool."""

    name: str
    ready: bool
    chip: str
    arch: str
    cpus: float
    memory_mb: Int
    cards: Int


class PoolMetadata(WireModel):
    """Names a pool."""

    name: str
    creationTimestamp: str  # noqa: N815
    labels: dict[str, str] = Field(default_factory=dict[str, str])
    annotations: dict[str, str] = Field(default_factory=dict[str, str])


class PoolResource(WireModel):
    """Machines of one flavor."""

    flavor: str
    count: Int
    maxCount: Int  # noqa: N815
    azs: list[dict[str, Any]] = Field(default_factory=list[dict[str, Any]])


class PoolSpec(WireModel):
    """What a pool is made of."""

    type: str = Field(examples=["local"])
    scope: list[str]
    resources: list[PoolResource]
    jobFlavors: list[str]  # noqa: N815


class PoolResources(WireModel):
    """What of a pool can be used."""

    available: PoolResource | None = None


class PoolScope(WireModel):
    """What a pool is for."""

    scopeType: str  # noqa: N815
    state: str


class PoolStatus(WireModel):
    """How a pool is."""

    phase: str = Field(examples=["Running"])
    message: str = ""
    resources: PoolResources = Field(default_factory=PoolResources)
    scope: list[PoolScope] = Field(default_factory=list[PoolScope])


class PoolModel(WireModel):
    """A place where jobs run."""

    apiVersion: str = "v2"  # noqa: N815
    kind: str = "Pool"
    metadata: PoolMetadata
    spec: PoolSpec
    status: PoolStatus
    nodes: list[PoolNode] = Field(default_factory=list[PoolNode], description="Ours: its machines.")


class PoolList(WireModel):
    """All pools."""

    apiVersion: str = "v2"  # noqa: N815
    kind: str = "PoolList"
    items: list[PoolModel]


def pool_model(pool: Pool, since: str) -> PoolModel:
    """A pool as the list of pools shows it.

    Args:
        since: when the service opened it, as ``2026-01-31T23:59:59Z``.
    """
    nodes = pool.nodes()
    ready = sum(node.ready for node in nodes)
    flavors = [flavor.id for flavor in pool.flavors()]
    resources = [PoolResource(flavor=flavor, count=ready, maxCount=len(nodes)) for flavor in flavors]
    return PoolModel(
        metadata=PoolMetadata(
            name=pool.id,
            creationTimestamp=since,
            labels={"os.modelarts/name": pool.id, "os.modelarts/workspace.id": "0"},
        ),
        spec=PoolSpec(type=pool.kind, scope=["Train"], resources=resources, jobFlavors=flavors),
        status=PoolStatus(
            phase="Running",
            resources=PoolResources(available=resources[0] if resources else None),
            scope=[PoolScope(scopeType="Train", state="Enabled")],
        ),
        nodes=[_node(node) for node in nodes],
    )


def _node(node: Node) -> PoolNode:
    return PoolNode(
        name=node.name,
        ready=node.ready,
        chip=node.chip.value,
        arch=node.arch.value,
        cpus=node.total.cpus,
        memory_mb=node.total.memory_mb,
        cards=node.total.cards,
    )


class ResourceFlavorMetadata(WireModel):
    """Names a resource flavor."""

    name: str
    labels: dict[str, str]
    annotations: dict[str, str] = Field(default_factory=dict[str, str])


class ResourceFlavorCard(WireModel):
    """Accelerators of a resource flavor; all text."""

    type: str
    size: str
    memory: str


class ResourceFlavorSpec(WireModel):
    """What a resource flavor has; all text."""

    type: str
    cpuArch: str  # noqa: N815
    cpu: str
    memory: str
    gpu: ResourceFlavorCard | None = None
    npu: ResourceFlavorCard | None = None
    jobFlavors: list[str]  # noqa: N815


class ResourceFlavorStatus(WireModel):
    """Whether a resource flavor can be had."""

    phase: dict[str, str]


class ResourceFlavor(WireModel):
    """A kind of machine."""

    apiVersion: str = "v1"  # noqa: N815
    kind: str = "ResourceFlavor"
    metadata: ResourceFlavorMetadata
    spec: ResourceFlavorSpec
    status: ResourceFlavorStatus


class ResourceFlavorList(WireModel):
    """All kinds of machines."""

    apiVersion: str = "v1"  # noqa: N815
    kind: str = "ResourceFlavorList"
    items: list[ResourceFlavor]


def resource_flavor(flavor: Flavor) -> ResourceFlavor:
    """A flavor as the list of resource flavors shows it."""
    card = ResourceFlavorCard(
        type=flavor.card_name, size=str(flavor.resources.cards), memory=f"{flavor.card_memory_mb}Mi"
    )
    return ResourceFlavor(
        metadata=ResourceFlavorMetadata(name=flavor.id, labels={"os.modelarts/scope": "Train"}),
        spec=ResourceFlavorSpec(
            type=flavor.chip.value,
            cpuArch="arm64" if flavor.arch.value == "aarch64" else "x86",
            cpu=f"{flavor.resources.cpus:g}",
            memory=f"{flavor.resources.memory_mb}Mi",
            gpu=card if flavor.chip is Chip.GPU else None,
            npu=card if flavor.chip is Chip.ASCEND else None,
            jobFlavors=[flavor.id],
        ),
        status=ResourceFlavorStatus(phase={"default": "normal"}),
    )
