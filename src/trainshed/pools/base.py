"""The seam between the service and the places where jobs run.

A pool starts a gang of agents, stops one, and answers one batched poll for all that run. It
never knows what is in a task beyond the agent's command line and the resources it was given.
"""

from __future__ import annotations

import enum
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from trainshed.core.engine import Engine
from trainshed.core.resources import Flavor, Node, Placement
from trainshed.core.task import Cause, TaskSpec
from trainshed.jobs.queue import Why

__all__ = [
    "AgentState",
    "AgentStatus",
    "Gang",
    "Offer",
    "Placement",
    "Pool",
    "TaskKey",
]


@dataclass(frozen=True, slots=True)
class TaskKey:
    """Names one task of one attempt of one job."""

    job_id: str
    attempt: int
    index: int


class AgentState(enum.StrEnum):
    """What a pool knows about an agent. ``UNKNOWN`` is no reason to do anything."""

    WAITING = "waiting"
    RUNNING = "running"
    GONE = "gone"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class AgentStatus:
    """One agent's state, with the pool's own words for why (pending reason, exit, signal).

    Attributes:
        cause: of an agent that is gone, whose doing that was, where the pool knows.
        node: where the agent is, in a pool that chooses the nodes by itself.
    """

    state: AgentState
    reason: str = ""
    cause: Cause | None = None
    node: str = ""


@dataclass(frozen=True, slots=True)
class Gang:
    """All tasks of one attempt of a job, to be started together or not at all.

    Attributes:
        tasks: one for each node, by index.
        placements: by index; empty for a pool that queues by itself.
        priority: from 1 to 3, for a pool that queues by itself.
        avoid: nodes where the job failed before, for a pool that queues by itself.
    """

    job_id: str
    attempt: int
    flavor: Flavor
    tasks: tuple[TaskSpec, ...]
    placements: tuple[Placement, ...] = ()
    priority: int = 1
    avoid: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Offer:
    """Whether a pool can run an engine, and if not why: "needs Ascend 910 on aarch64"."""

    available: bool
    reason: str = ""


class Pool(ABC):
    """One place where jobs run.

    Attributes:
        id: unique in the service; ``local`` for the machine itself.
        queues: whether the pool has a queue of its own (Slurm); then trainshed starts every job
            there at once and the pool says why it waits, instead of trainshed's scheduler.
        warm_start: whether a job that does not say starts warm, see ``docs/guides/warm-start.md``.
        builds: whether the pool makes engines' environments by itself, on its nodes.
        on_change: called from any thread when an agent's state may have changed; set by the server.
        on_nodes: likewise when nodes or flavors have changed.
        on_build: likewise with how far the environment is that a job waits for: percent, last line.
    """

    id: str
    kind: str
    queues: bool = False
    warm_start: bool = False
    builds: bool = False
    on_change: Callable[[TaskKey], None] | None = None
    on_nodes: Callable[[], None] | None = None
    on_build: Callable[[str, float, str], None] | None = None

    @abstractmethod
    def nodes(self) -> list[Node]:
        """The nodes and all that they have. For a pool that queues by itself they are for people only."""

    @abstractmethod
    def flavors(self) -> list[Flavor]:
        """What a job may ask for here."""

    @abstractmethod
    def offers(self, engine: Engine) -> Offer:
        """Whether this pool can run ``engine``."""

    @abstractmethod
    def start(self, gang: Gang) -> None:
        """Start all agents of the gang, or none.

        Idempotent for the same job and attempt.

        Raises:
            Unavailable: nothing was started; a later try may work.
        """

    @abstractmethod
    def stop(self, job_id: str, attempt: int, *, force: bool = False) -> None:
        """Ask the agents to stop the script within its grace period and finish their work.

        ``force`` ends agents and scripts at once. Idempotent; unknown jobs are ignored.
        """

    @abstractmethod
    def poll(self, keys: Sequence[TaskKey]) -> dict[TaskKey, AgentStatus]:
        """The state of all these agents, in one batched look."""

    def remains(self, key: TaskKey) -> Path | None:
        """Folder of the logs that a task has left, where the service can read it.

        Asked for once an agent is gone for good, for what it could not report any more.
        """
        del key
        return None

    def why(self, job_id: str, attempt: int) -> Why | None:
        """Why an attempt that was handed over waits, for a pool that queues by itself."""
        del job_id, attempt
        return None

    def plan(self, gang: Gang) -> str:
        """What :meth:`start` would submit, word for word; empty where there is no such thing."""
        del gang
        return ""

    def close(self) -> None:  # noqa: B027 - most pools hold nothing
        """Let go of the pool; agents go on."""
