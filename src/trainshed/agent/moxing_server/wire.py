"""Frames between a script's ``moxing`` and us; ``moxing.framework.file._protocol`` is the other end."""

from __future__ import annotations

import array
import io
import json
import os
import socket
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

HEAD = struct.Struct(">IQ")
VERSION = 1
_MAX_JSON = 64 << 20
_JOINED = 64 << 10


@dataclass(slots=True)
class Answer:
    """What goes back.

    Attributes:
        body: bytes after the JSON.
        fd: an open file that goes along; closed once it is sent.
    """

    result: dict[str, Any] = field(default_factory=dict[str, Any])
    body: bytes | bytearray | memoryview = b""
    fd: int | None = None


class Gone(Exception):  # noqa: N818
    """The other end has closed the connection."""


def send(connection: socket.socket, header: Mapping[str, Any], answer: Answer | None = None) -> None:
    """Send one frame.

    Raises:
        Gone: nobody takes it.
    """
    answer = answer or Answer()
    data = json.dumps(header, ensure_ascii=False).encode("utf-8", "surrogatepass")
    view = memoryview(answer.body).cast("B")
    first = HEAD.pack(len(data), len(view)) + data
    if len(view) <= _JOINED:
        first, view = first + bytes(view), view[:0]
    try:
        _send_first(connection, first, answer.fd)
        if view:
            connection.sendall(view)
    except OSError as error:
        raise Gone(str(error)) from error


def _send_first(connection: socket.socket, data: bytes, fd: int | None) -> None:
    if fd is None:
        connection.sendall(data)
        return
    try:
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [fd]))]
        sent = connection.sendmsg([data], rights)
    finally:
        os.close(fd)
    if sent < len(data):
        connection.sendall(data[sent:])


def receive(connection: socket.socket) -> tuple[dict[str, Any], Body]:
    """The next request and its body.

    Raises:
        Gone: there is none.
    """
    json_length, body_length = HEAD.unpack(_exactly(connection, HEAD.size))
    if json_length > _MAX_JSON:
        raise Gone(f"a request of {json_length} bytes of JSON")
    header: Any = json.loads(_exactly(connection, json_length).decode("utf-8", "surrogatepass"))
    if not isinstance(header, dict):
        raise Gone("a request that is no JSON object")
    return cast("dict[str, Any]", header), Body(connection, body_length)


def _exactly(connection: socket.socket, length: int) -> bytearray:
    data = bytearray(length)
    receive_into(connection, memoryview(data))
    return data


def receive_into(connection: socket.socket, view: memoryview) -> None:
    """Fill ``view``."""
    while view:
        try:
            n = connection.recv_into(view)
        except OSError as error:
            raise Gone(str(error)) from error
        if not n:
            raise Gone("closed")
        view = view[n:]


class Body(io.RawIOBase):
    """The bytes that come with a request, to be read once."""

    def __init__(self, connection: socket.socket, length: int) -> None:
        super().__init__()
        self._connection = connection
        self.left = length

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        view = memoryview(buffer).cast("B")[: self.left]
        if not view:
            return 0
        try:
            n = self._connection.recv_into(view)
        except OSError as error:
            raise Gone(str(error)) from error
        if not n:
            raise Gone("closed in the middle of a body")
        self.left -= n
        return n

    def whole(self) -> bytes:
        """All that is left."""
        data = bytearray(self.left)
        receive_into(self._connection, memoryview(data))
        self.left = 0
        return bytes(data)

    def skip(self) -> None:
        """Read what nobody wanted."""
        buffer = bytearray(min(self.left, 1 << 20))
        while self.left:
            self.readinto(buffer)
