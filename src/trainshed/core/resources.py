"""Chips, flavors and nodes: what a job asks for and what a pool has."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field


class Chip(enum.StrEnum):
    """What the framework computes on."""

    CPU = "CPU"
    GPU = "GPU"
    ASCEND = "Ascend"


class Arch(enum.StrEnum):
    """Processor architecture, as ``platform.machine()`` names it."""

    X86_64 = "x86_64"
    AARCH64 = "aarch64"


@dataclass(frozen=True, slots=True)
class Resources:
    """An amount of everything that is counted on a node.

    Attributes:
        cpus: processor cores (may be a fraction).
        memory_mb: memory in MiB.
        cards: accelerators.
    """

    cpus: float = 0.0
    memory_mb: int = 0
    cards: int = 0

    def __add__(self, other: Resources) -> Resources:
        return Resources(self.cpus + other.cpus, self.memory_mb + other.memory_mb, self.cards + other.cards)

    def __sub__(self, other: Resources) -> Resources:
        return Resources(self.cpus - other.cpus, self.memory_mb - other.memory_mb, self.cards - other.cards)

    def fits(self, free: Resources) -> bool:
        """Whether ``free`` has room for this."""
        return self.cpus <= free.cpus + 1e-9 and self.memory_mb <= free.memory_mb and self.cards <= free.cards


@dataclass(frozen=True, slots=True)
class Flavor:
    """A resource specification that a pool offers, per node of a job.

    Attributes:
        id: stable id, unique in its pool, e.g. ``cpu-2``.
        chip: what the cards are; ``CPU`` where there are none.
        resources: what one node of the job takes.
        disk_gb: scratch disk in GiB; 0 where it is not limited.
        card_name: product name of a card, for people.
        max_nodes: how many nodes a job of this flavor may have.
    """

    id: str
    chip: Chip
    resources: Resources
    arch: Arch = Arch.X86_64
    disk_gb: int = 0
    card_name: str = ""
    card_memory_mb: int = 0
    max_nodes: int = 1


@dataclass(frozen=True, slots=True)
class Node:
    """One machine of a pool, as the scheduler sees it.

    Attributes:
        name: unique in its pool.
        total: all that may be given to jobs.
        labels: facts to choose by (chip, arch, address).
        ready: whether jobs may be placed on it.
        devices: ids of its cards, in the order of its bus; empty means ``0`` to ``cards - 1``.
    """

    name: str
    total: Resources
    chip: Chip = Chip.CPU
    arch: Arch = Arch.X86_64
    address: str = "127.0.0.1"
    ready: bool = True
    labels: dict[str, str] = field(default_factory=dict[str, str])
    devices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Placement:
    """Where one task goes: the node, and which of its cards (empty on a CPU flavor)."""

    node: str
    devices: tuple[str, ...] = ()
