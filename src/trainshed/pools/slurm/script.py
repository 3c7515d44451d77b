"""The batch script of a job, and of the build of an environment. Pure: golden tests show them whole."""

from __future__ import annotations

import math
import shlex
from collections.abc import Iterable
from dataclasses import dataclass

from trainshed.core.resources import Chip, Flavor
from trainshed.pools.slurm.settings import SlurmSettings

COMMENT = "trainshed"
OUTPUT = "slurm.out"
_HIGHEST = 3
_MARGIN_S = 600
_GRES = {Chip.GPU: "gpu", Chip.ASCEND: "npu"}


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be submitted.

    Attributes:
        folder: of the attempt, on the shared folder.
        agent: the agent's tree, on the shared folder.
        longest_s: longest time that the script may run and be stopped in; 0 for no limit.
        avoid: nodes to leave out.
        after: Slurm job that must succeed first; empty for none.
    """

    job_id: str
    attempt: int
    name: str
    folder: str
    agent: str
    flavor: Flavor
    nodes: int
    priority: int = 1
    longest_s: int = 0
    avoid: tuple[str, ...] = ()
    after: str = ""


def render(settings: SlurmSettings, order: Order) -> str:
    """The script that runs a job."""
    options = [
        f"--job-name={order.name}",
        f"--comment={comment(order.job_id, order.attempt)}",
        *_where(settings),
        f"--nodes={order.nodes}",
        "--ntasks-per-node=1",
        *_needs(order.flavor),
        *_limits(settings, order),
        "--no-requeue",
        "--open-mode=append",
        f"--output={order.folder}/{OUTPUT}",
        f"--chdir={order.folder}",
        *settings.options,
    ]
    return _script(options, f"exec {shlex.join([settings.python, order.agent, order.folder])}")


def render_build(settings: SlurmSettings, engine_id: str, agent: str, log: str) -> str:
    """The script that builds an engine's environment on a node, for all nodes."""
    options = [
        f"--job-name=build-{engine_id}"[:64],
        f"--comment={COMMENT}:build/{engine_id}",
        *_where(settings),
        "--nodes=1",
        "--ntasks-per-node=1",
        "--no-requeue",
        "--open-mode=truncate",
        f"--output={log}",
        "--chdir=/",
        *settings.options,
    ]
    wheels = [settings.wheelhouse] if settings.wheelhouse else []
    command = [settings.python, agent, "build", engine_id, settings.environments_dir, *wheels]
    return _script(options, f"exec {shlex.join(command)}")


def render_probe(settings: SlurmSettings, command: str, output: str, nodes: int) -> str:
    """The script that tries out some nodes."""
    options = [
        "--job-name=trainshed-check",
        f"--comment={COMMENT}:check",
        *_where(settings),
        f"--nodes={nodes}",
        "--ntasks-per-node=1",
        "--cpus-per-task=1",
        "--mem=100M",
        "--time=3",
        "--no-requeue",
        f"--output={output}",
        "--chdir=/",
        *settings.options,
    ]
    return _script(options, command)


def comment(job_id: str, attempt: int) -> str:
    """By what a Slurm job is known to be ours.

    >>> comment("ab", 1), parse_comment("trainshed:ab/1"), parse_comment("mine")
    ('trainshed:ab/1', ('ab', 1), None)
    """
    return f"{COMMENT}:{job_id}/{attempt}"


def parse_comment(text: str) -> tuple[str, int] | None:
    """Job and attempt of a Slurm job; None if it is not ours."""
    owner, _, rest = text.partition(":")
    job_id, _, attempt = rest.partition("/")
    return (job_id, int(attempt)) if owner == COMMENT and job_id and attempt.isdecimal() else None


def srun_options(flavor: Flavor, nodes: int) -> list[str]:
    """How the agents are started on all nodes of a job."""
    return [
        f"--nodes={nodes}",
        f"--ntasks={nodes}",
        "--ntasks-per-node=1",
        *_needs(flavor),
        "--kill-on-bad-exit=0",
        "--wait=0",
        "--mpi=none",
        "--cpu-bind=none",
        "--input=none",
        "--unbuffered",
    ]


def _where(settings: SlurmSettings) -> list[str]:
    named = {"partition": settings.partition, "account": settings.account, "qos": settings.qos}
    found = [f"--{name}={value}" for name, value in named.items() if value]
    return [*found, f"--constraint={settings.constraint}"] if settings.constraint else found


def _needs(flavor: Flavor) -> list[str]:
    found = [f"--cpus-per-task={max(1, math.ceil(flavor.resources.cpus))}"]
    if flavor.resources.memory_mb:
        found.append(f"--mem={flavor.resources.memory_mb}M")
    if flavor.resources.cards:
        kind = f":{flavor.card_name}" if flavor.card_name else ""
        found.append(f"--gres={_GRES[flavor.chip]}{kind}:{flavor.resources.cards}")
    return found


def _limits(settings: SlurmSettings, order: Order) -> list[str]:
    found: list[str] = []
    if order.longest_s:  # ours comes first; this is for an agent that cannot any more
        found.append(f"--time={math.ceil((order.longest_s + _MARGIN_S) / 60)}")
    if nice := settings.priority_step * max(0, _HIGHEST - order.priority):
        found.append(f"--nice={nice}")
    if order.avoid:
        found.append(f"--exclude={','.join(order.avoid)}")
    if order.after:
        found += [f"--dependency=afterok:{order.after}", "--kill-on-invalid-dep=yes"]
    return found


def _script(options: Iterable[str], command: str) -> str:
    lines = [f"#SBATCH {_quoted(option)}" for option in options]
    return "\n".join(["#!/bin/sh", *lines, command, ""])


def _quoted(option: str) -> str:
    return f'"{option}"' if " " in option else option
