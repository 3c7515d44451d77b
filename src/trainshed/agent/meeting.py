"""Where the nodes of one job meet before it starts, and hear of a stop: one socket on the first node.

The cluster's own scheduler chooses the nodes, so nobody knows them before the job runs. Each node
connects to the first one and says its address and cards; all agree on ports that are free on every
node; each is told the whole list. Then the line stays open, for one word: ``stop``.

Every message is one line of JSON; the first carries the job's secret.
"""

from __future__ import annotations

import contextlib
import hmac
import json
import select
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

from trainshed.agent.ports import Reservations
from trainshed.core.errors import Unavailable

_PATIENCE_S = 300.0
_ROUNDS = 50


class Line:
    """JSON lines over a socket."""

    def __init__(self, connection: socket.socket) -> None:
        self.socket = connection
        self._buffer = b""

    def say(self, message: dict[str, Any]) -> None:
        """Send a message."""
        self.socket.sendall(json.dumps(message).encode() + b"\n")

    def hear(self) -> dict[str, Any] | None:
        """The next message; None if the other side is gone."""
        while b"\n" not in self._buffer:
            data = self.socket.recv(65536)
            if not data:
                return None
            self._buffer += data
        line, _, self._buffer = self._buffer.partition(b"\n")
        return json.loads(line)


class Host:
    """The first node's side.

    Args:
        size: how many nodes the job has.
        ports: how many ports it needs.
    """

    def __init__(self, size: int, ports: int, secret: str, owner: str) -> None:
        self._size, self._ports, self._secret = size, ports, secret
        self._reservations = Reservations(owner)
        self._lines: dict[int, Line] = {}
        self._listener = socket.create_server(("", 0), backlog=size)
        self.port: int = self._listener.getsockname()[1]

    def gather(self, alive: Callable[[], bool]) -> None:
        """Wait until all nodes are here, and tell each what all have to know.

        Args:
            alive: whether it still makes sense to wait.

        Raises:
            Unavailable: not all came, or there are no ports that are free on all of them.
        """
        peers = self._welcome(alive)
        ports = self._agree()
        hosts = self._hosts()
        told = [{**peers[i], "host": hosts[i]} for i in range(self._size)]
        for line in self._lines.values():
            line.say({"peers": told, "ports": ports})

    def _hosts(self) -> list[str]:
        """The address at which each node is reached: the one that it came from.

        Nodes that are all this one machine get loopback addresses of their own, so that they are as
        far apart as real ones.
        """
        sockets = [self._lines[i].socket for i in range(self._size)]
        found = [str(each.getpeername()[0]) for each in sockets]
        found[0] = str(sockets[-1].getsockname()[0])
        if all(host.startswith("127.") for host in found):
            return [f"127.0.{(i + 1) >> 8}.{(i + 1) & 255}" for i in range(self._size)]
        return found

    def _welcome(self, alive: Callable[[], bool]) -> dict[int, dict[str, Any]]:
        peers: dict[int, dict[str, Any]] = {}
        until = time.monotonic() + _PATIENCE_S
        while len(self._lines) < self._size:
            if not alive() or time.monotonic() > until:
                missing = [f"worker-{i}" for i in range(self._size) if i not in self._lines]
                raise Unavailable(f"{', '.join(missing)} did not come to the meeting of the job's nodes")
            if not select.select([self._listener], [], [], 0.5)[0]:
                continue
            connection, _ = self._listener.accept()
            connection.settimeout(_PATIENCE_S)
            line = Line(connection)
            with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
                hello = line.hear()
                if hello and hmac.compare_digest(str(hello["secret"]), self._secret):
                    self._lines[int(hello["index"])] = line
                    peers[int(hello["index"])] = hello["peer"]
                    continue
            connection.close()
        return peers

    def _agree(self) -> list[int]:
        """Ports that are free, and now reserved, on every node."""
        for _ in range(_ROUNDS):
            ports = self._reservations.find(self._ports)
            if len(ports) < self._ports:
                break
            for line in self._lines.values():
                line.say({"ports": ports})
            answers = [line.hear() for line in self._lines.values()]
            if all(answer and answer["free"] for answer in answers):
                return ports
            self._reservations.release(ports)
        raise Unavailable(f"no {self._ports} ports are free on all {self._size} nodes of the job")

    def stop(self, *, force: bool) -> None:
        """Tell every node to stop."""
        for line in self._lines.values():
            with contextlib.suppress(OSError):
                line.say({"stop": True, "force": force})

    def close(self) -> None:
        """Let go of everything."""
        self._listener.close()
        for line in self._lines.values():
            line.socket.close()


class Guest:
    """A node's side.

    Attributes:
        peers, ports: what all nodes agreed on.
    """

    def __init__(self, place: tuple[str, int], secret: str, owner: str, index: int, peer: Any) -> None:
        self._reservations = Reservations(owner)
        self.peers: list[dict[str, Any]] = []
        self.ports: list[int] = []
        try:
            self._line = Line(socket.create_connection(place, _PATIENCE_S))
            self._line.socket.settimeout(_PATIENCE_S)
            self._line.say({"secret": secret, "index": index, "peer": peer})
            while not self.peers:
                self._answer(self._line.hear())
        except OSError as error:
            where = f"{place[0]} port {place[1]}"
            raise Unavailable(f"the job's first node, {where}, does not answer: {error}") from error
        self._line.socket.settimeout(None)

    def _answer(self, message: dict[str, Any] | None) -> None:
        if message is None:
            raise Unavailable("the job's first node broke off the meeting")
        self._reservations.release(self.ports)
        self.ports = message["ports"]
        free = all(self._reservations.take(port) for port in self.ports)
        if "peers" in message:
            self.peers = message["peers"]
        else:
            self._line.say({"free": free})

    def listen(self, on_stop: Callable[[bool], None]) -> None:
        """From now on pass a stop on, from a thread."""

        def hear() -> None:
            with contextlib.suppress(OSError, ValueError):
                while message := self._line.hear():
                    if message.get("stop"):
                        on_stop(bool(message.get("force")))

        threading.Thread(target=hear, name="meeting", daemon=True).start()
