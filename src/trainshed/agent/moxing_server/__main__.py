"""``python -m trainshed.agent.moxing_server``: serve a listening socket that we were given.

One line of JSON on standard input says which: ``{"listen_fd", "buckets", "mounts", "home", "folder"}``.
After that, ``stop`` ends what is under way; the end of the input lets us finish it. Then we end.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import sys
from collections.abc import Callable
from typing import Any, NoReturn

from trainshed.agent.moxing_server.buckets import Settings
from trainshed.agent.moxing_server.gateway import Gateway
from trainshed.agent.moxing_server.server import Server

_CLEAN_UP_S = 5.0  # for copies that were ended to remove what is not whole


def main(configured: Callable[[], Settings] | None = None) -> int:
    """Serve until standard input says otherwise.

    Args:
        configured: more buckets, by name, beside those that standard input names.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # they are for the script; our parent's end is ours
    settings = json.loads(_line(0))
    if configured is not None:
        settings["buckets"] = {**configured(), **settings["buckets"]}
    try:
        _serve(settings)
    finally:
        if folder := settings.get("folder"):
            shutil.rmtree(folder, ignore_errors=True)
    return 0


def _serve(settings: dict[str, Any]) -> None:
    listener = socket.socket(fileno=settings["listen_fd"])
    listener.setblocking(False)
    gateway = Gateway(settings["buckets"], settings.get("mounts"), home=bool(settings.get("home")))
    server = Server(listener, 0, gateway.handle)
    server.accept_until_told()
    listener.close()
    if _line(0):
        gateway.stop()
        server.drain(_CLEAN_UP_S)
    else:
        server.drain()


def _line(fd: int) -> bytes:
    """The next line, read without taking more; empty at the end."""
    line = b""
    while not line.endswith(b"\n") and (byte := os.read(fd, 1)):
        line += byte
    return line


def leave(code: int) -> NoReturn:
    """End without waiting for threads that still talk to nobody."""
    sys.stdout.flush()
    os._exit(code)


if __name__ == "__main__":
    leave(main())
