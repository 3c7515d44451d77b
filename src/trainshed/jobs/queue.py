"""What the scheduler is told and what it answers: entries, gangs, quotas, decisions, reasons."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field

from trainshed.core.resources import Arch, Chip, Placement, Resources

HIGHEST_PRIORITY = 3


@dataclass(frozen=True, slots=True)
class Unit:
    """What one task takes of a node, and which nodes will do.

    Attributes:
        chip: ``CPU`` runs on any node of the architecture, the others on nodes with that chip.
        labels: pairs that the node's labels must hold.
    """

    resources: Resources
    chip: Chip = Chip.CPU
    arch: Arch = Arch.X86_64
    labels: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class QueueEntry:
    """A job that waits for its nodes.

    Attributes:
        submitted: seconds since the epoch; orders entries of one priority.
        priority: 1 to 3; 3 goes first.
        duration: longest time in seconds that it will hold its nodes, None where nobody knows.
            A job that stays longer than this counts as one of unknown duration from then on.
        preemptible: whether it may be stopped for a job of higher priority.
        paused: whether it keeps its place without being started.
        avoid: nodes on which it failed; it goes there only where no others will do.
    """

    job_id: str
    unit: Unit
    submitted: float
    node_count: int = 1
    priority: int = 1
    duration: float | None = None
    project: str = ""
    preemptible: bool = False
    paused: bool = False
    avoid: tuple[str, ...] = ()

    @property
    def cards(self) -> int:
        """Cards over all its nodes."""
        return self.unit.resources.cards * self.node_count


@dataclass(frozen=True, slots=True)
class RunningGang:
    """A job that holds nodes.

    Attributes:
        placements: by task index.
        ends: when it will have let go of its nodes at the latest, None where nobody knows.
    """

    job_id: str
    unit: Unit
    placements: tuple[Placement, ...]
    ends: float | None = None
    project: str = ""
    preemptible: bool = False
    priority: int = 1

    @property
    def cards(self) -> int:
        """Cards over all its nodes."""
        return self.unit.resources.cards * len(self.placements)


@dataclass(frozen=True, slots=True)
class Quota:
    """How much of a pool a project may hold at once; None for no limit."""

    jobs: int | None = None
    cards: int | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """Start this job now, on these nodes.

    Attributes:
        placements: by task index; several may name the same node.
        ahead: the job that waits at the head and that this one passes without delaying it, or "".
    """

    job_id: str
    placements: tuple[Placement, ...]
    ahead: str = ""


@dataclass(frozen=True, slots=True)
class Head:
    """A job that others may pass but not delay.

    Attributes:
        starts: when it starts at the latest, None where nobody knows.
    """

    job_id: str
    starts: float | None = None


class Reason(enum.StrEnum):
    """Why a job waits, for machines."""

    PAUSED = "paused"
    QUOTA = "quota"
    DISK = "disk_low"
    NO_FLAVOR = "no_flavor"
    NODES_NOT_READY = "nodes_not_ready"
    FRAGMENTED = "fragmented"
    WAITING = "waiting_for_resources"
    AHEAD = "ahead_in_queue"
    STARTING = "starting"


@dataclass(frozen=True, slots=True)
class Why:
    """Why a job waits.

    Attributes:
        position: place among all that wait in this pool, from 1; 0 for a paused job.
        queued: how many wait.
        sentence, unblock: what is the matter, and what would change it; ``…_zh`` in Chinese.
        eta: when it starts at the latest (seconds since the epoch), None where nobody knows.
        facts: the numbers in the sentences, for machines.
    """

    job_id: str
    reason: Reason
    position: int
    queued: int
    sentence: str
    unblock: str = ""
    sentence_zh: str = ""
    unblock_zh: str = ""
    eta: float | None = None
    facts: dict[str, str | int | float] = field(default_factory=dict[str, str | int | float])
