"""The files of one attempt on the shared folder, as the service's side writes and reads them."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from trainshed.core.errors import Code, Unavailable
from trainshed.core.task import TaskOutcome
from trainshed.core.wire import to_wire
from trainshed.pools.slurm.script import OUTPUT

MARKER = "trainshed-pool.json"
"""Says that the shared folder is there, and not just the place where it would be mounted."""


@dataclass(frozen=True, slots=True)
class AttemptFiles:
    """One attempt of a job."""

    folder: Path

    @property
    def output(self) -> Path:
        """What Slurm, and whatever runs before the agent, says."""
        return self.folder / OUTPUT

    def worker(self, index: int) -> Path:
        """A task's directory."""
        return self.folder / f"worker-{index}"

    def slurm_id(self) -> str:
        """The Slurm job that was submitted for it; empty where that is not known."""
        return str(_read(self.folder / "submitted.json").get("id", ""))

    def submitted(self, slurm_id: str) -> None:
        """Note the Slurm job."""
        write(self.folder / "submitted.json", {"id": slurm_id})

    def failure(self) -> str:
        """Why no agent could be started; empty where one was."""
        return str(_read(self.folder / "failure.json").get("reason", ""))

    def begun(self, index: int) -> bool:
        """Whether the task's agent was ever at work."""
        return (self.worker(index) / "journal.jsonl").exists()

    def delivered(self, index: int) -> bool:
        """Whether the task's agent has told the server everything."""
        return bool(_read(self.worker(index) / "agent.lock").get("delivered"))

    def at_work(self, index: int) -> bool:
        """Whether the task's agent lives, wherever it is: it holds a lock as long as it does."""
        try:
            lock = os.open(self.worker(index) / "agent.lock", os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return False
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except OSError:  # a file system without locks
            return False
        finally:
            os.close(lock)
        return False

    def ask_to_stop(self, nodes: int, *, force: bool) -> None:
        """Leave word for agents that do not live yet, or cannot be signalled."""
        for index in range(nodes):
            with contextlib.suppress(OSError):
                write(self.worker(index) / "stop.json", {"force": force})

    def judge(self, index: int, outcome: TaskOutcome) -> None:
        """Leave word of how a task ended whose agent could not say."""
        write(self.worker(index) / "verdict.json", to_wire(outcome))


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}


def write(path: Path, value: Any) -> None:
    """Write a file of JSON, whole or not at all, for our eyes only."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(fd, "w") as file:
        json.dump(value, file)
    temporary.replace(path)


def check_shared(shared: Path) -> None:
    """Whether the shared folder is there.

    Raises:
        Unavailable: it is not, or it does not answer.
    """
    try:
        (shared / MARKER).stat()
    except OSError as error:
        raise Unavailable(
            f"the pool's shared folder {shared} is not there ({error.strerror}): mount it on this machine",
            code=Code.STORAGE_UNREACHABLE,
        ) from None


def prepare_shared(shared: Path) -> None:
    """Make the shared folder a pool's own.

    Raises:
        Unavailable: it cannot be written to.
    """
    try:
        (shared / "jobs").mkdir(mode=0o711, exist_ok=True)
        write(shared / MARKER, {"of": "trainshed"})
    except OSError as error:
        raise cannot_write(shared, error) from error


def cannot_write(shared: Path, error: OSError) -> Unavailable:
    """What it means that a file of an attempt could not be written."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return Unavailable(f"the pool's shared folder {shared} is full: make room there", code=Code.DISK_FULL)
    return Unavailable(
        f"the pool's shared folder {shared} cannot be written to: {error.strerror} ({error.filename})",
        code=Code.STORAGE_UNREACHABLE,
    )
