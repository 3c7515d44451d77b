"""The service that a command speaks to: the one that runs, or one of its own.

Where nothing is told about a service and none runs in the home folder, a command starts one in
the background. That embedded service ends by itself once no command uses it and no job is
unfinished. Commands that use it hold a shared lock on ``clients.lock``; it ends while it holds
that lock alone, so that no command can meet it on its way out.
"""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from trainshed.core.errors import Code, TrainshedError, Unavailable
from trainshed.core.home import ENDPOINT, ENDPOINT_VARIABLE, SERVER_LOCK, default_home

if TYPE_CHECKING:
    from trainshed.client import Client
    from trainshed.client.connection import Connection

CLIENTS_LOCK = "clients.lock"
SERVICE_LOG = "service.log"
# Seconds that an embedded service waits for one more command before it ends.
LINGER_S = 15
START_TIMEOUT_S = 60.0


@contextmanager
def client(home: Path | None) -> Generator[Client]:
    """A client of the service that runs, or of an embedded one that is started for it.

    Args:
        home: state folder, as given on the command line or by ``TRAINSHED_HOME``.

    Raises:
        Unavailable: the service does not answer, or could not be started.
    """
    from trainshed.client import Client, discover

    folder = own_home(home)
    if folder is None:
        with Client(discover()) as opened:
            yield opened
        return
    with _using(folder), Client(running(folder), revive=lambda: running(folder)) as opened:
        yield opened


def own_home(home: Path | None) -> Path | None:
    """The state folder of the service that is meant; None where the environment names one by address.

    Args:
        home: as for :func:`client`.
    """
    if os.environ.get(ENDPOINT_VARIABLE) and not _home_on_command_line(home):
        return None
    return (home or default_home()).absolute()


def _home_on_command_line(home: Path | None) -> bool:
    return home is not None and str(home) != os.environ.get("TRAINSHED_HOME")


def running(home: Path) -> Connection:
    """The connection to the service of ``home``, which is started if it does not run."""
    from trainshed.client.connection import from_home

    deadline = time.monotonic() + START_TIMEOUT_S
    while not _answers(home):
        if not lock_held(home / SERVER_LOCK):
            _start(home)
        elif time.monotonic() > deadline:
            raise _did_not_start(home, "it runs but does not answer")
        else:
            time.sleep(0.05)
    return from_home(home)


def _answers(home: Path) -> bool:
    """Whether the address in ``endpoint.json`` is open."""
    import socket
    from urllib.parse import urlsplit

    try:
        endpoint = str(json.loads((home / ENDPOINT).read_text())["endpoint"])
        address = urlsplit(endpoint)
        with socket.create_connection((address.hostname, address.port or 80), timeout=2.0):
            return lock_held(home / SERVER_LOCK)
    except (OSError, ValueError, KeyError):
        return False


def lock_held(path: Path) -> bool:
    """Whether a process holds this lock file."""
    try:
        with path.open("rb") as opened:
            fcntl.flock(opened, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def _start(home: Path) -> None:
    """Start an embedded service and wait until it is ready."""
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    command = [sys.executable, "-m", "trainshed.cli", "up", "--home", str(home), "--port", "0", "--json"]
    command += ["--until-idle", str(LINGER_S)]
    with (home / SERVICE_LOG).open("ab") as log:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            start_new_session=True,
            cwd="/",
            env={k: v for k, v in os.environ.items() if k != "TRAINSHED_HOST"},
        )
    assert process.stdout is not None
    with process.stdout:
        line = process.stdout.readline()
    answer = _json(line)
    if "endpoint" in answer:
        return
    if answer.get("error_code") == Code.HOME_IN_USE:
        return  # another command was faster
    process.wait()
    raise _did_not_start(home, str(answer.get("error_msg") or _last_line(home / SERVICE_LOG)))


def _did_not_start(home: Path, why: str) -> TrainshedError:
    because = f": {why}" if why else ""
    return Unavailable(
        f"the service of {home} could not be started{because}; its log is {home / SERVICE_LOG}",
        code=Code.SERVICE_UNREACHABLE,
    )


def _last_line(path: Path) -> str:
    lines = path.read_text(errors="replace").rstrip().splitlines()
    return lines[-1].strip()[:300] if lines else ""


def _json(line: bytes) -> dict[str, Any]:
    from trainshed.client.models import section

    try:
        answer = json.loads(line)
    except ValueError:
        return {}
    return section(answer)


@contextmanager
def _using(home: Path) -> Generator[IO[bytes]]:
    """Hold the embedded service, if any, alive."""
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (home / CLIENTS_LOCK).open("ab") as opened:
        fcntl.flock(opened, fcntl.LOCK_SH)
        yield opened
