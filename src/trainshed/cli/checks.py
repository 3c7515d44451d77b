"""The checks of ``trainshed doctor``: each finds one fact, and the next step where it is bad."""

from __future__ import annotations

import enum
import os
import platform
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from trainshed.cli.output import size_text
from trainshed.core.home import SERVER_LOCK

_PORT = 8470
_GB = 1024**3
_SHM = "/dev/shm"  # noqa: S108 - the shared memory itself
_LEGACY = ("3.6", "3.7", "3.8")


class Verdict(enum.StrEnum):
    """Good, worth knowing, or to be mended before jobs can run."""

    GOOD = "good"
    NOTE = "note"
    BAD = "bad"

    @property
    def mark(self) -> str:
        """For the start of a line."""
        return {"good": "ok  ", "note": "note", "bad": "BAD "}[self.value]


@dataclass(frozen=True, slots=True)
class Check:
    """What one check found."""

    name: str
    verdict: Verdict
    finding: str
    next_step: str = ""


def run_checks(home: Path) -> list[Check]:
    """All checks, in the order in which a job needs what they look at."""
    return [
        check_python(),
        check_uv(),
        check_home(home),
        check_disk(home),
        check_shm(),
        check_sandbox(),
        check_chips(),
        check_interpreters(),
        check_service(home),
        *check_intake(home),
    ]


def check_python() -> Check:
    """The interpreter that runs us."""
    return Check("python", Verdict.GOOD, f"{platform.python_version()} at {sys.executable}")


def check_uv() -> Check:
    """uv builds the environments."""
    try:
        from uv import find_uv_bin

        path = find_uv_bin()
    except (ImportError, FileNotFoundError):
        path = shutil.which("uv")
    if not path:
        step = "install it with: pip install uv"
        return Check("uv", Verdict.BAD, "not found; engines cannot be built", step)
    return Check("uv", Verdict.GOOD, _output([path, "--version"]) or path)


def check_home(home: Path) -> Check:
    """The folder of all state can be written."""
    existing = home
    while not existing.exists():
        existing = existing.parent
    if not os.access(existing, os.W_OK | os.X_OK):
        step = "choose another folder with --home or TRAINSHED_HOME"
        return Check("home", Verdict.BAD, f"{home} cannot be written", step)
    return Check("home", Verdict.GOOD, str(home) + ("" if home.exists() else " (made at the first start)"))


def check_disk(home: Path) -> Check:
    """An engine's environment takes one to three GB."""
    existing = home
    while not existing.exists():
        existing = existing.parent
    free = shutil.disk_usage(existing).free
    found = f"{size_text(free)} free at {existing}"
    if free < 2 * _GB:
        return Check("disk", Verdict.BAD, found, "free at least 5 GB, or choose another folder with --home")
    if free < 10 * _GB:
        return Check("disk", Verdict.NOTE, found, "an engine takes 1 to 3 GB: free some space soon")
    return Check("disk", Verdict.GOOD, found)


def check_shm() -> Check:
    """Data loaders with workers share memory through /dev/shm."""
    try:
        size = shutil.disk_usage(_SHM).total
    except OSError:
        return Check("shared memory", Verdict.NOTE, "no /dev/shm", "use data loaders without workers")
    if size < _GB:
        step = "make it larger (mount -o remount,size=4G /dev/shm), or use few data loader workers"
        return Check("shared memory", Verdict.NOTE, f"{_SHM} has {size_text(size)}", step)
    return Check("shared memory", Verdict.GOOD, f"{_SHM} has {size_text(size)}")


def check_sandbox() -> Check:
    """bubblewrap gives each job its own /cache and /home/ma-user."""
    path = shutil.which("bwrap")
    step = "jobs run without it, in plain folders; to have it: apt-get install bubblewrap"
    if not path:
        return Check("sandbox", Verdict.NOTE, "bubblewrap is not installed", step)
    command = [path, "--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc", "true"]
    if subprocess.run(command, capture_output=True, check=False, timeout=20).returncode != 0:
        step = "jobs run without it, in plain folders; to have it, allow unprivileged user namespaces"
        return Check("sandbox", Verdict.NOTE, "bubblewrap is installed but may not be used here", step)
    return Check("sandbox", Verdict.GOOD, "bubblewrap works: each job has its own /cache and /home/ma-user")


def check_chips() -> Check:
    """What the frameworks can compute on."""
    cores = len(os.sched_getaffinity(0))
    cards = _output(["nvidia-smi", "--query-gpu=name,memory.total", "--format=csv,noheader"]).splitlines()
    if cards:
        return Check("chips", Verdict.GOOD, f"{cores} cores, {len(cards)} GPU: {cards[0]}")
    ascends = sorted(Path("/dev").glob("davinci[0-9]*"))
    if ascends:
        return Check("chips", Verdict.GOOD, f"{cores} cores, {len(ascends)} Ascend")
    return Check("chips", Verdict.NOTE, f"{cores} cores, no GPU found", "engines run on the CPU here")


def check_interpreters() -> Check:
    """Older engines need older interpreters."""
    found = [version for version in _LEGACY if _has_interpreter(version)]
    missing = [version for version in _LEGACY if version not in found]
    have = f"found {', '.join(found)}" if found else "none found"
    if not missing:
        return Check("older Pythons", Verdict.GOOD, have)
    step = f"only older engines need them; to have one: pyenv install {missing[-1]}"
    return Check("older Pythons", Verdict.NOTE, f"{have}; no {', '.join(missing)}", step)


def _has_interpreter(version: str) -> bool:
    root = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    if any((root / "versions").glob(f"{version}.*/bin/python")):
        return True
    return bool(_output([f"python{version}", "--version"]))


def check_service(home: Path) -> Check:
    """Whether a service runs already, and whether the default port is free."""
    from trainshed.cli.service import lock_held
    from trainshed.client.connection import from_home

    if lock_held(home / SERVER_LOCK):
        return Check("service", Verdict.GOOD, f"runs at {from_home(home).endpoint}")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", _PORT))
        except OSError:
            step = "'trainshed up' needs another one: --port 0 takes any that is free"
            return Check("service", Verdict.NOTE, f"does not run; port {_PORT} is taken", step)
    return Check("service", Verdict.GOOD, f"does not run; commands start one, port {_PORT} is free")


def check_intake(home: Path) -> list[Check]:
    """Whether the service that runs takes jobs; nothing where none runs."""
    from trainshed.cli.service import lock_held

    if not lock_held(home / SERVER_LOCK):
        return []
    from trainshed.client import Client
    from trainshed.client.connection import from_home
    from trainshed.core.errors import TrainshedError

    try:
        with Client(from_home(home)) as client:
            health = client.health()
    except TrainshedError as error:
        return [Check("jobs", Verdict.BAD, error.message)]
    if health["accepting_jobs"]:
        return [Check("jobs", Verdict.GOOD, "the service takes jobs")]
    step = "make room there; the service goes on by itself"
    return [Check("jobs", Verdict.BAD, f"the service takes no jobs: {health['reason']}", step)]


def _output(command: list[str]) -> str:
    """What a command prints; empty where it is not there or fails."""
    run: Callable[..., subprocess.CompletedProcess[str]] = subprocess.run
    try:
        done = run(command, capture_output=True, text=True, check=False, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
