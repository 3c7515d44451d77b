"""Local paths as a rank names them, and where they are for us."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from trainshed.agent.moxing_server.failures import Refusal


@dataclass(frozen=True, slots=True)
class Place:
    """A local path.

    Attributes:
        path: on the host.
        root: what it must not lead out of by links; empty where it may.
        seen: by the rank, for messages.
    """

    path: str
    root: str
    seen: str


class Mounts:
    """What ranks in a sandbox see where.

    >>> Mounts({"/cache": "/jobs/1/cache"}).place("/cache/x").path
    '/jobs/1/cache/x'

    Args:
        mounts: their path → ours; None where both see the same.
    """

    def __init__(self, mounts: Mapping[str, str] | None) -> None:
        pairs = [] if mounts is None else [(k.rstrip("/"), os.path.realpath(v)) for k, v in mounts.items()]
        self._mounts = sorted(pairs, key=lambda pair: -len(pair[0]))
        self._same = mounts is None

    def place(self, seen: str) -> Place:
        """Where the absolute path ``seen`` is.

        Raises:
            Refusal: ``not_shared``, it is in none of the mounts.
        """
        if not os.path.isabs(seen) or "\x00" in seen:
            raise Refusal("invalid", f"{seen!r} is not an absolute path")
        path = os.path.normpath(seen)
        if self._same:
            return Place(path, "", seen)
        for inside, outside in self._mounts:
            if path == inside or path.startswith(inside + "/"):
                return Place(outside + path[len(inside) :], outside, seen)
        raise Refusal("not_shared", f"{seen} is not shared with the storage gateway")
