"""Messages between our processes: a small JSON object, and open descriptors that go with it."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Sequence
from typing import Any

_MOST_FDS = 250


def pair() -> tuple[socket.socket, socket.socket]:
    """Two ends of a connection for such messages."""
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)


def send(to: socket.socket, message: dict[str, Any], fds: Sequence[int] = ()) -> None:
    """Send one message.

    Raises:
        OSError: the other side is gone.
    """
    socket.send_fds(to, [json.dumps(message).encode()], list(fds))


def receive(connection: socket.socket) -> tuple[dict[str, Any], list[int]]:
    """The next message and its descriptors, which do not pass on to programs that we start.

    An empty message means that the other side is gone.
    """
    try:
        data, fds, _, _ = socket.recv_fds(connection, 1 << 18, _MOST_FDS, socket.MSG_CMSG_CLOEXEC)
    except ConnectionError:
        return {}, []
    return (json.loads(data) if data else {}), fds


def in_memory(value: Any) -> int:
    """A descriptor of a file in memory that holds ``value`` as JSON, for what is too long for a message."""
    fd = os.memfd_create("trainshed")
    with os.fdopen(os.dup(fd), "wb") as file:
        file.write(json.dumps(value).encode())
    os.lseek(fd, 0, os.SEEK_SET)
    return fd


def from_memory(fd: int) -> Any:
    """What :func:`in_memory` put there; closes the descriptor."""
    with os.fdopen(fd, "rb") as file:
        return json.loads(file.read())
