"""How a script and the gateway talk: frames over a Unix socket.

A frame is a head of 12 bytes (length of the JSON, 4 bytes; length of the body, 8 bytes; both
big-endian), a JSON object in UTF-8, and a body of plain bytes. ``docs/moxing-protocol.md`` lists the
requests. One connection carries one request after another; answers come in order.
"""

import json
import os
import socket
import struct
from typing import Any, Dict, List, Optional, Tuple

HEAD = struct.Struct(">IQ")
VERSION = 1
_LONGEST_ADDRESS = 100  # of the 108 bytes that Linux gives a socket's path
_MAX_FDS = 4


class Connection(object):
    """One connection to the gateway; for one thread at a time.

    Raises:
        OSError: from every method, when the gateway has gone; the connection is of no more use then.
    """

    def __init__(self, address: str) -> None:
        self._fds: List[int] = []
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            _connect(self._socket, address)
        except BaseException:
            self._socket.close()
            raise

    def send(self, header: Dict[str, Any], body: Any = b"") -> None:
        """Send one frame."""
        data = json.dumps(header, ensure_ascii=False).encode("utf-8", "surrogatepass")
        view = memoryview(body).cast("B")
        head = HEAD.pack(len(data), len(view)) + data
        if len(view) < 65536:
            self._socket.sendall(head + bytes(view))
        else:
            self._socket.sendall(head)
            self._socket.sendall(view)

    def receive(self) -> Tuple[Dict[str, Any], int]:
        """The next frame's JSON and the length of its body, which must be read before anything else."""
        head, fds = self._first(HEAD.size)
        self._fds.extend(fds)
        json_length, body_length = HEAD.unpack(head)
        header = json.loads(self.body(json_length).decode("utf-8", "surrogatepass"))
        return header, body_length

    def take_fd(self) -> Optional[int]:
        """A file descriptor that came with a frame; the caller closes it."""
        return self._fds.pop(0) if self._fds else None

    def body(self, length: int) -> bytearray:
        """The next ``length`` bytes."""
        data = bytearray(length)
        self.body_into(memoryview(data))
        return data

    def body_into(self, view: memoryview) -> None:
        """Fill ``view`` with the next bytes."""
        while len(view):
            n = self._socket.recv_into(view)
            if not n:
                raise ConnectionResetError("the storage gateway closed the connection")
            view = view[n:]

    def _first(self, length: int) -> Tuple[bytes, List[int]]:
        """The first bytes of a frame, with the descriptors that ride on them."""
        data = b""
        fds: List[int] = []
        while len(data) < length:
            part, ancillary, _, _ = self._socket.recvmsg(length - len(data), socket.CMSG_SPACE(4 * _MAX_FDS))
            for level, kind, payload in ancillary:
                if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                    count = len(payload) // 4
                    fds.extend(struct.unpack("{}i".format(count), payload[: 4 * count]))
                    for fd in fds:
                        os.set_inheritable(fd, False)
            if not part:
                raise ConnectionResetError("the storage gateway closed the connection")
            data += part
        return data, fds

    def __del__(self) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the connection."""
        self._socket.close()
        while self._fds:
            os.close(self._fds.pop())


def _connect(connection: socket.socket, address: str) -> None:
    if len(os.fsencode(address)) <= _LONGEST_ADDRESS:
        connection.connect(address)
        return
    folder = os.open(os.path.dirname(address), os.O_RDONLY)
    try:
        connection.connect("/proc/self/fd/{}/{}".format(folder, os.path.basename(address)))
    finally:
        os.close(folder)
