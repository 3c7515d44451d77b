"""Serving a home folder: in the foreground, or for as long as somebody needs it."""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import json
import os
import signal
import sys
import threading
import time
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from trainshed.cli.output import say
from trainshed.cli.service import CLIENTS_LOCK, lock_held
from trainshed.cli.words import word
from trainshed.client import Client
from trainshed.client.connection import from_home
from trainshed.core.errors import TrainshedError
from trainshed.core.home import ENDPOINT, SERVER_LOCK
from trainshed.core.lifecycle import Phase
from trainshed.server import log
from trainshed.server.config import load_settings
from trainshed.server.run import Ready, Server

if TYPE_CHECKING:
    from typing import IO

_LOOK_PERIOD_S = 1.0
_MAKE_ROOM_S = 30.0


def serve_home(
    *, home: Path | None, host: str | None, port: int | None, as_json: bool, until_idle: float | None
) -> None:
    """Serve until SIGTERM or SIGINT, or until nobody has needed the service for ``until_idle`` seconds."""
    settings = load_settings(home=home.absolute() if home else None, host=host, port=port)
    log.configure(settings.log_level)
    if until_idle is None:
        _make_room(settings.home)

    def ready(found: Ready) -> None:
        _announce(found, settings.home, as_json)
        if until_idle is not None:
            watcher = IdleWatcher(server, settings.home, until_idle)
            threading.Thread(target=watcher.run, name="idle", daemon=True).start()

    server = Server(settings, ready, embedded=until_idle is not None)

    def stop(_number: int, _frame: FrameType | None) -> None:
        server.stop()

    # called once more at the end, too: uvicorn hands on the signal that ended it
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    try:
        server.run()
    finally:
        server.close()


def _make_room(home: Path) -> None:
    """End the embedded service of this home, if one runs: commands find the next, and jobs go on."""
    try:
        present = json.loads((home / ENDPOINT).read_text())
        pid, embedded = int(present["pid"]), present.get("embedded") is True
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except (OSError, ValueError, KeyError):
        return
    if not embedded or b"--until-idle" not in words or not lock_held(home / SERVER_LOCK):
        return
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + _MAKE_ROOM_S
    while lock_held(home / SERVER_LOCK) and time.monotonic() < deadline:
        time.sleep(0.05)


def _announce(ready: Ready, home: Path, as_json: bool) -> None:
    if as_json:
        print(json.dumps(dataclasses.asdict(ready)), flush=True)
        return
    say(word("trainshed serves {home} at {endpoint}", home=home, endpoint=ready.endpoint))
    say(f"  console     {ready.console}")
    say(f"  project     {ready.project_id}")
    say(f"  keys        {home / 'credentials.json'} (access key, secret key, token)")
    say("  try         trainshed run train.py --engine pytorch")
    say(word("Ctrl-C stops it; running jobs go on."))


class IdleWatcher:
    """Ends an embedded service once no command uses it and no job is unfinished."""

    def __init__(self, server: Server, home: Path, idle_s: float) -> None:
        self._server = server
        self._home = home
        self._idle_s = idle_s

    def run(self) -> None:
        """Look now and then; keeps the lock when it ends the service, so that no command comes late."""
        idle_since = time.monotonic()
        with (self._home / CLIENTS_LOCK).open("ab") as lock:
            while True:
                time.sleep(_LOOK_PERIOD_S)
                if not self._alone(lock) or self._busy():
                    fcntl.flock(lock, fcntl.LOCK_UN)
                    idle_since = time.monotonic()
                    continue
                if time.monotonic() - idle_since >= self._idle_s:
                    self._server.stop()
                    threading.Event().wait()  # hold the lock until the process has ended
                fcntl.flock(lock, fcntl.LOCK_UN)

    def _alone(self, lock: IO[bytes]) -> bool:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _busy(self) -> bool:
        unfinished = [phase.value for phase in Phase if not phase.terminal]
        try:
            with Client(from_home(self._home)) as client:
                return client.jobs.list(phases=unfinished, limit=1).total > 0
        except TrainshedError as error:
            print(f"idle watch: {error.message}", file=sys.stderr)
            return True
