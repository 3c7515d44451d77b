"""Accepts ranks and answers them, one thread for each connection."""

from __future__ import annotations

import os
import selectors
import socket
import struct
import sys
import threading
import time
import traceback
from collections.abc import Callable
from typing import Any

from trainshed.agent.moxing_server import wire
from trainshed.agent.moxing_server.failures import describe
from trainshed.agent.moxing_server.wire import Answer, Body, Gone

_ON_ITS_WAY_S = 0.1
Progress = Callable[[dict[str, Any]], None]
Handle = Callable[[dict[str, Any], Body, "Talk"], Answer]


class Talk:
    """One connection: what its requests share.

    Attributes:
        memory: kept between the requests of the connection (the stream being read).
    """

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self.memory: dict[str, Any] = {}

    def progress(self, page: dict[str, Any]) -> None:
        """Tell the rank how far its request is.

        Raises:
            Gone: it no longer listens.
        """
        wire.send(self._connection, {"progress": page})


class Server:
    """Serves until told to stop, then lets running requests finish.

    Args:
        listener: a listening Unix socket.
        control: readable when something was said on standard input, or it was closed.
        handle: answers a request.
    """

    def __init__(self, listener: socket.socket, control: int, handle: Handle) -> None:
        self._listener = listener
        self._control = control
        self._handle = handle
        self._busy = 0
        self._idle = threading.Condition()

    def accept_until_told(self) -> None:
        """Take connections until ``control`` becomes readable."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._listener, selectors.EVENT_READ)
            selector.register(self._control, selectors.EVENT_READ)
            while all(key.fd != self._control for key, _ in selector.select()):
                self._accept()

    def _accept(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except OSError:
            return
        if not _is_ours(connection):
            connection.close()
            return
        connection.setblocking(True)
        threading.Thread(target=self._talk, args=(connection,), daemon=True).start()

    def drain(self, timeout_s: float | None = None) -> None:
        """Wait until no request is being answered; without a time limit, nor on its way to us."""
        if timeout_s is None:
            time.sleep(_ON_ITS_WAY_S)
        with self._idle:
            self._idle.wait_for(lambda: not self._busy, timeout_s)

    def _talk(self, connection: socket.socket) -> None:
        talk = Talk(connection)
        try:
            with connection:
                while True:
                    request, body = wire.receive(connection)
                    self._answer(connection, talk, request, body)
        except Gone:
            return
        except Exception:
            traceback.print_exc(file=sys.stderr)
        finally:
            for kept in talk.memory.values():
                kept.close()

    def _answer(self, connection: socket.socket, talk: Talk, request: dict[str, Any], body: Body) -> None:
        with self._idle:
            self._busy += 1
        try:
            answer, error = self._try(request, body, talk)
            body.skip()
            wire.send(connection, {"error": error} if error else {"result": answer.result}, answer)
        finally:
            with self._idle:
                self._busy -= 1
                self._idle.notify_all()

    def _try(self, request: dict[str, Any], body: Body, talk: Talk) -> tuple[Answer, dict[str, Any] | None]:
        try:
            return self._handle(request, body, talk), None
        except Gone:
            raise
        except Exception as error:
            return Answer(), describe(error)


def _is_ours(connection: socket.socket) -> bool:
    """Whether a process of our own user is at the other end."""
    if not hasattr(socket, "SO_PEERCRED"):
        return True
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    return struct.unpack("3i", credentials)[1] in (os.getuid(), 0)
