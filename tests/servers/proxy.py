"""A TCP proxy before a real server that misbehaves as told: resets, refusals, stalls, an outage."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Self

_BODY = b"<?xml version='1.0'?><Error><Code>%s</Code><Message>injected</Message></Error>"


@dataclass(frozen=True)
class Fault:
    """What happens to one request.

    Attributes:
        status: answer this instead of asking the server.
        code: S3's code in that answer.
        cut_answer_after: reset the connection after so many bytes of the answer; -1 for never.
        cut_request: reset the connection when the request arrives.
        stall: never answer.
    """

    status: int = 0
    code: str = "InternalError"
    cut_answer_after: int = -1
    cut_request: bool = False
    stall: bool = False


Decide = Callable[[int, bytes], Fault | None]


class Proxy:
    """Listens on loopback and passes everything on to ``target`` but what ``decide`` spoils.

    Attributes:
        decide: number of the request (from 0) and its first bytes → what to do to it, or None.
        requests: how many have come.
    """

    def __init__(self, target: int) -> None:
        self._target = target
        self._lock = threading.Lock()
        self._sockets: set[socket.socket] = set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.decide: Decide = lambda _number, _head: None
        self.requests = 0
        self.heads: list[bytes] = []
        self._accept()

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def _accept(self) -> None:
        threading.Thread(target=self._serve, args=(self._listener,), daemon=True).start()

    def _serve(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            with self._lock:
                self._sockets.add(client)
            threading.Thread(target=self._talk, args=(client,), daemon=True).start()

    def _talk(self, client: socket.socket) -> None:
        with contextlib.suppress(OSError), client, self._connected() as server:
            self._pass_on(client, server)
        with self._lock:
            self._sockets.discard(client)

    @contextlib.contextmanager
    def _connected(self) -> Iterator[socket.socket]:
        with socket.create_connection(("127.0.0.1", self._target)) as server:
            with self._lock:
                self._sockets.add(server)
            try:
                yield server
            finally:
                with self._lock:
                    self._sockets.discard(server)

    def _pass_on(self, client: socket.socket, server: socket.socket) -> None:
        answers = _Answers(server, client)
        threading.Thread(target=answers.run, daemon=True).start()
        while data := client.recv(256 << 10):
            fault = self._fault(data) if _starts_request(data) else None
            if fault is None:
                server.sendall(data)
            elif fault.cut_answer_after >= 0:
                answers.cut_after(fault.cut_answer_after)
                server.sendall(data)
            else:
                self._spoil(client, fault, data)
                return

    def _fault(self, data: bytes) -> Fault | None:
        with self._lock:
            number = self.requests
            self.requests += 1
            self.heads.append(data[:200])
        return self.decide(number, data)

    def _spoil(self, client: socket.socket, fault: Fault, data: bytes) -> None:
        if fault.stall:
            while client.recv(65536):
                pass
            return
        if fault.cut_request:
            reset(client)
            return
        _read_request(client, data)
        body = _BODY % fault.code.encode()
        head = f"HTTP/1.1 {fault.status} Injected\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        client.sendall(head.encode() + body)

    def outage(self) -> None:
        """From now on the server is gone: connections are cut and refused."""
        # a plain close would leave the thread in accept() and the port open
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            sockets = list(self._sockets)
        for each in sockets:
            with contextlib.suppress(OSError):
                reset(each)

    def restore(self) -> None:
        """The server is back, on the same port."""
        self._listener = socket.create_server(("127.0.0.1", self.port))
        self._accept()

    def close(self) -> None:
        self.outage()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _Answers:
    """Passes bytes back to the client, until told to stop in the middle."""

    def __init__(self, server: socket.socket, client: socket.socket) -> None:
        self._server, self._client = server, client
        self._left = -1

    def cut_after(self, count: int) -> None:
        self._left = count

    def run(self) -> None:
        with contextlib.suppress(OSError):
            while data := self._server.recv(16 << 10):
                if 0 <= self._left < len(data):
                    self._client.sendall(data[: self._left])
                    reset(self._client)
                    return
                self._left -= len(data) if self._left >= 0 else 0
                self._client.sendall(data)
        with contextlib.suppress(OSError):
            self._client.shutdown(socket.SHUT_RDWR)


def reset(connection: socket.socket) -> None:
    """Close with RST instead of FIN."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RD)
    connection.close()


def _starts_request(data: bytes) -> bool:
    return data.split(b" ", 1)[0] in (b"GET", b"PUT", b"POST", b"HEAD", b"DELETE")


def _read_request(client: socket.socket, data: bytes) -> None:
    head, _, body = data.partition(b"\r\n\r\n")
    length = 0
    for line in head.split(b"\r\n"):
        if line.lower().startswith(b"content-length:"):
            length = int(line.split(b":")[1])
    left = length - len(body)
    while left > 0 and (more := client.recv(min(left, 256 << 10))):
        left -= len(more)
