"""Requirements: the job's ``requirements.txt``, as a layer over the engine's environment."""

from __future__ import annotations

import os

from trainshed.agent import contract, layers
from trainshed.agent.logs import append_to
from trainshed.agent.sandbox import Mode
from trainshed.agent.stages.base import Work
from trainshed.engines.shield import OPEN, Shield

_NAMES = ("requirements.txt", "pip-requirements.txt")


def file(work: Work) -> str:
    """The requirements file on the host; empty where there is none with anything in it."""
    boot = contract.boot_file(work.task)
    folders = dict.fromkeys(
        (os.path.dirname(boot) or contract.code_dir(work.task), contract.code_dir(work.task))
    )
    for folder in folders:
        for name in _NAMES:
            path = work.places.host(f"{folder}/{name}")
            if os.path.isfile(path) and _says_something(path):
                return path
    return ""


def _says_something(path: str) -> bool:
    with open(path, encoding="utf-8", errors="replace") as lines:
        return any(line.strip() and not line.lstrip().startswith("#") for line in lines)


def run(work: Work, path: str) -> str:
    """Install what ``path`` asks for, or find it installed.

    Raises:
        InvalidInput: it cannot be installed.
        Halted: the task was told to stop meanwhile.
    """
    from trainshed.engines.environments import find_uv

    log = append_to(work.places.task_log)
    try:
        order = layers.Order(path, work.interpreter, find_uv(), log, work.halt, _shield(work))
        if layers.is_private(path) or not work.task.environments_dir:
            layer, cached = work.places.host(f"{contract.OWN}/layer"), False
            layers.install(order, layer)
            seen = work.places.seen(f"{contract.OWN}/layer")
        else:
            layer, cached = layers.obtain(f"{work.task.environments_dir}/layers", order)
            seen = layer
    finally:
        os.close(log)
    work.journal.fact("layer", seen)
    return "as cached" if cached else "installed"


def _shield(work: Work) -> Shield:
    """What is hidden from the script is hidden from what is built for it, too."""
    if work.supervision.mode is Mode.NONE:
        return OPEN
    task = work.task
    shown = (task.environments_dir,) if task.environments_dir else ()
    return Shield(task.hidden, shown, (work.places.root, *((task.scratch,) if task.scratch else ())))
