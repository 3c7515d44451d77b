"""Launchers: from a task to the processes it starts on its node. Pure, one module each.

A launcher gets everything from the task (its peers, ports, devices), the layout of the node and
the interpreter, and gives back argv, environment and working directory of each process. Nothing
here starts anything, reads a file or imports more than the standard library.
"""

from __future__ import annotations

import importlib
from typing import Protocol, cast, runtime_checkable

from trainshed.core.engine import LauncherName
from trainshed.core.task import Interpreter, Layout, ProcessSpec, TaskSpec


class Launcher(Protocol):
    """What every module here offers."""

    PROCESS_PER_CARD: bool
    """Whether a node with several cards gets a process for each where the job does not say."""

    def processes(self, task: TaskSpec, layout: Layout, interpreter: Interpreter) -> list[ProcessSpec]:
        """The processes of this task, by local rank; helpers that are no ranks come last."""
        ...

    def ports_needed(self, nodes: int, processes: int) -> int:
        """How many ports ``task.ports`` must hold for this many nodes and processes a node."""
        ...


@runtime_checkable
class Elastic(Protocol):
    """What a launcher offers beside, whose workers can change in number while the job runs."""

    def least_workers(self, nodes: int) -> int:
        """With how few workers a job of so many nodes can go on."""
        ...

    def resize(self, task: TaskSpec, workers: int) -> tuple[str, bytes]:
        """URL and body of the ``PUT`` that tells a running job how many workers it has from now on.

        The URL is one of the job's first node.
        """
        ...


def elastic(name: LauncherName) -> Elastic | None:
    """The launcher of this name, if its jobs can be resized."""
    launcher = get(name)
    return launcher if isinstance(launcher, Elastic) else None


def get(name: LauncherName) -> Launcher:
    """The launcher of this name."""
    return cast(Launcher, importlib.import_module(f"{__name__}.{name.value}"))


def ports_needed(name: LauncherName, nodes: int, processes: int) -> int:
    """How many ports a job needs; the same list goes to all its tasks."""
    return get(name).ports_needed(nodes, processes)


def processes_per_node(name: LauncherName, cards: int, wanted: int = 0) -> int:
    """How many processes a node gets: as ``wanted``, else one a card where the launcher works so.

    >>> processes_per_node(LauncherName.TORCHRUN, cards=8)
    8
    >>> processes_per_node(LauncherName.PLAIN, cards=8)
    1
    """
    if name is LauncherName.PLAIN:
        return 1
    if wanted:
        return wanted
    return max(1, cards) if get(name).PROCESS_PER_CARD else 1
