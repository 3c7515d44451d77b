"""What the two stages share that start the user's processes."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable

from trainshed.agent import contract
from trainshed.agent.ranks import Exit, Result
from trainshed.agent.stages.base import Work
from trainshed.core.task import Layout
from trainshed.engines import pip_config

_HINTS = {
    int(signal.SIGKILL): "; most often the node ran out of memory",
    int(signal.SIGSEGV): ", a fault in native code",
    int(signal.SIGBUS): "; most often /dev/shm or a disk is full",
}


def layout(work: Work) -> Layout:
    """What the script sees; see :mod:`trainshed.agent.contract`."""
    return contract.layout(
        work.task,
        work.places,
        work.interpreter,
        files=work.files,
        exported=work.exported,
        node=os.environ,
        index=pip_config.index(),
        layer=work.journal.facts.get("layer", ""),
    )


def wait(work: Work, name: str, later: Callable[[], None] | None = None, after_s: float = 0.0) -> Result:
    """Wait for the end of a launch; pass on a wish to stop.

    Args:
        later: called once, if the launch takes longer than ``after_s``.

    Raises:
        SupervisorLost: the supervisor was killed.
    """
    due = time.monotonic() + after_s
    told: tuple[bool, bool] | None = None
    while True:
        patience = max(0.0, due - time.monotonic()) if later else None
        result = work.supervision.wait(name, work.halt.fd, patience)
        if result is not None:
            return result
        work.halt.drain()
        wish = (work.halt.cause is not None, work.halt.force)
        if wish[0] and wish != told:
            told = wish
            work.supervision.stop(force=work.halt.force)
        if later and time.monotonic() >= due:
            later()
            later = None


def how_it_ended(exited: Exit) -> str:
    """``exit code 1``, or the signal, for people.

    >>> how_it_ended(Exit(0, 0, 1, 0, 0.0))
    'ended with exit code 1'
    """
    if exited.code is not None:
        return f"ended with exit code {exited.code}"
    try:
        name = signal.Signals(exited.signal).name
    except ValueError:
        name = f"signal {exited.signal}"
    return f"was killed by {name}{_HINTS.get(exited.signal, '')}"
