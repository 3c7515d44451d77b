"""Build steps of our own, for environments that no list of pins can make; one module each.

A step is ``run(site) -> variables``: it works in the environment of ``site``, which holds the
recipe's packages already, and returns variables that its product needs at run time
(``{environment}`` stands for the environment's folder).
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trainshed.engines.builder import Site

Step = Callable[["Site"], dict[str, str]]

NAMES: tuple[str, ...] = ("cuda_stand_ins", "horovod", "kungfu", "mpi4py")


def get(name: str) -> Step:
    """The build step of this name."""
    step: Step = importlib.import_module(f"{__name__}.{name}").run
    return step


def check(name: str) -> None:
    """Let the step (if any) say what it lacks on this machine, before anything is built.

    Raises:
        InvalidInput: something is missing; says what to do.
    """
    if name:
        module = importlib.import_module(f"{__name__}.{name}")
        getattr(module, "check", lambda: None)()
