"""Opens the script's way to ``moxing.file``: the library on its path, and the gateway's socket."""

from __future__ import annotations

from pathlib import Path

from trainshed.agent import contract, moxing_gateway
from trainshed.agent.places import PRIVATE
from trainshed.agent.stages.base import Work
from trainshed.core.errors import TrainshedError
from trainshed.core.task import Stage


class Port:
    """The gateway of one task, which costs a socket until the script calls."""

    def __init__(self, gateway: moxing_gateway.Gateway | None) -> None:
        self._gateway = gateway

    def close(self) -> None:
        """No more calls."""
        if self._gateway is not None:
            self._gateway.close()


def open_port(work: Work) -> Port:
    """Open it; the reporter watches for the first call."""
    places = work.places
    mounts = {seen: places.host(seen) for seen in PRIVATE} if places.sandboxed else None
    try:
        moxing_gateway.put_library(Path(places.host(f"{contract.OWN}/python")))
        gateway = moxing_gateway.Gateway(
            Path(places.host(f"{contract.OWN}/moxing.sock")), work.task.buckets, mounts
        )
    except (TrainshedError, OSError) as error:
        work.note(Stage.PRECHECK, f"moxing is not available to this job: {error}")
        return Port(None)
    work.reporter.watch(gateway.fileno(), gateway.watch)
    return Port(gateway)
