"""What is to happen, and when: made from a seed, so that a failure can be played again."""

from __future__ import annotations

import random
from dataclasses import dataclass

JOB_KINDS = ("plain", "plain", "plain", "again", "again", "pair", "fails", "stopped")

# What each world may meet, by weight.
FAULTS: dict[str, dict[str, int]] = {
    "kills": {
        "server_killed": 3,
        "agent_killed": 6,
        "rank_killed": 4,
        "supervisor_killed": 2,
        "zygote_killed": 1,
        "agent_frozen": 3,
        "server_frozen": 1,
        "database_locked": 2,
    },
    "database": {"database_restarted": 4, "server_killed": 2, "agent_killed": 3, "rank_killed": 1},
    "storage": {"storage_out": 4, "agent_killed": 3, "server_killed": 1},
    "disk": {"disk_full": 3, "rank_killed": 1, "server_frozen": 1},
    "clock": {"clock_jumps": 6, "agent_killed": 2, "server_killed": 1},
}


@dataclass(frozen=True, slots=True)
class JobPlan:
    """One job: what it prints and writes, and how it ends if nobody disturbs it.

    Attributes:
        stop_after_s: seconds after its submission at which somebody stops it; 0 for never.
    """

    name: str
    kind: str
    lines: int
    pause_s: float
    stop_after_s: float = 0.0

    @property
    def tasks(self) -> int:
        return 2 if self.kind == "pair" else 1

    @property
    def exit_code(self) -> int:
        return 3 if self.kind == "fails" else 0


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault: when, in seconds from the start; how long it lasts; and which victim, as a number."""

    at_s: float
    kind: str
    lasts_s: float
    pick: int


@dataclass(frozen=True, slots=True)
class Plan:
    """A whole run of one world."""

    world: str
    seed: int
    jobs: tuple[JobPlan, ...]
    faults: tuple[Fault, ...]
    seconds: float

    @classmethod
    def make(cls, world: str, seed: int, jobs: int, seconds: float) -> Plan:
        """``jobs`` jobs and about one fault a second, over ``seconds``."""
        dice = random.Random(f"{world}-{seed}")
        wanted = tuple(_job(dice, f"{world}-{seed}-{n}") for n in range(jobs))
        kinds = FAULTS[world]
        faults = [
            Fault(
                round(dice.uniform(0.5, seconds), 2),
                dice.choices(list(kinds), list(kinds.values()))[0],
                round(dice.uniform(0.2, 2.0), 2),
                dice.randrange(1 << 30),
            )
            for _ in range(round(seconds))
        ]
        return cls(world, seed, wanted, tuple(sorted(faults, key=lambda fault: fault.at_s)), seconds)

    def __str__(self) -> str:
        faults = "\n".join(f"  {f.at_s:6.2f} s  {f.kind} for {f.lasts_s} s ({f.pick})" for f in self.faults)
        return f"world {self.world}, seed {self.seed}, {len(self.jobs)} jobs in {self.seconds} s:\n{faults}"


def _job(dice: random.Random, name: str) -> JobPlan:
    kind = dice.choice(JOB_KINDS)
    lines, pause = dice.randint(1, 400), dice.choice((0.0, 0.0, 0.001, 0.003))
    if kind == "stopped":
        return JobPlan(name, kind, 100_000, 0.002, round(dice.uniform(0.0, 3.0), 2))
    return JobPlan(name, kind, lines, pause)
