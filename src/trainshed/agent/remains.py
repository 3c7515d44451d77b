"""Ends what is left of a task whose agent cannot be kept alive."""

from __future__ import annotations

import json
import signal
import time

from trainshed.agent import contract, processes, supervisor
from trainshed.agent.places import Places
from trainshed.agent.processes import Identity
from trainshed.core.task import TaskSpec
from trainshed.core.wire import from_wire

_PATIENCE_S = 10.0


def end_remains(root: str) -> int:
    """Kill the supervisor of the task in ``root`` and all that it supervises; how many resisted."""
    places = Places(root)
    try:
        with open(places.task_file, "rb") as file:
            task = from_wire(TaskSpec, json.load(file))
    except (OSError, ValueError):
        return 0
    until = time.monotonic() + _PATIENCE_S
    while rest := _rest(places, contract.mark(task)):
        if time.monotonic() > until:
            return len(rest)
        processes.send(rest, signal.SIGKILL)
        time.sleep(0.01)
    return 0


def _rest(places: Places, mark: str) -> list[int]:
    """The supervisor last, so that until then it keeps its orphans together."""
    found = processes.marked(mark)
    try:
        with open(f"{places.run}/{supervisor.LOCK}", "rb") as file:
            identity = Identity(**json.load(file))
    except (OSError, ValueError, TypeError):
        return found
    if not identity.alive:
        return found
    below = processes.descendants(identity.pid)
    return [*dict.fromkeys((*found, *below))] or [identity.pid]
