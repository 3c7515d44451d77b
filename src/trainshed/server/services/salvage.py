"""Takes over the logs of a task whose agent is gone, from where the agent has left off."""

from __future__ import annotations

from pathlib import Path

from trainshed.pools.base import TaskKey
from trainshed.server.services.logs import LogStore

_PIECE = 4 << 20


def salvage(logs: LogStore, key: TaskKey, folder: Path) -> None:
    """Append to the service's logs what the files in ``folder`` have more than they.

    Raises:
        OSError: a file cannot be read.
        Unavailable: the log store does not take bytes.
    """
    for path in sorted(folder.glob("*.log")):
        if path.stem not in ("task", "build") and not path.stem.startswith("rank-"):
            continue  # of a helper; what it has printed is in the task's log
        stream = f"worker-{key.index}" + ("" if path.stem == "task" else f".{path.stem}")
        with path.open("rb") as file:
            size = logs.size(key.job_id, key.attempt, stream)
            file.seek(size)
            while piece := file.read(_PIECE):
                size = logs.append(key.job_id, key.attempt, stream, size, piece)
