"""HTTP/1.1 to one S3 endpoint: kept connections, bodies straight into buffers, nothing more.

The standard library's client parses headers with the mail parser, which costs more than all the
rest of a small object's transfer.
"""

from __future__ import annotations

import collections
import contextlib
import io
import socket
import struct
import urllib.parse
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from trainshed.core.errors import Code, InvalidInput
from trainshed.storage.egress import Egress

if TYPE_CHECKING:
    import ssl

    from _typeshed import WriteableBuffer

Body = bytes | Callable[[Callable[[memoryview], None]], None]
_MAX_HEAD = 64 << 10
_JOINED = 64 << 10


class ProtocolError(ConnectionError):
    """What came back was not HTTP, or ended too early."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where the server is.

    Attributes:
        host: as in the ``Host`` header, with the port where it is not the scheme's own.
        networks: where it may be, as :class:`Egress` takes them; None for anywhere.
    """

    secure: bool
    address: str
    port: int
    host: str
    networks: tuple[str, ...] | None = None

    @classmethod
    def parse(cls, url: str) -> Endpoint:
        """From ``https://host[:port]`` or ``host[:port]``.

        Raises:
            ValueError: it is not a URL of a server.
        """
        parts = urllib.parse.urlsplit(url if "://" in url else f"https://{url}")
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.path.strip("/"):
            raise ValueError(f"{url!r} is not the address of a server; write https://host[:port]")
        secure = parts.scheme == "https"
        port = parts.port or (443 if secure else 80)
        name = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
        host = name if port == (443 if secure else 80) else f"{name}:{port}"
        return cls(secure, parts.hostname, port, host)

    def for_bucket(self, bucket: str) -> Endpoint:
        """The same with the bucket in the host name."""
        return replace(self, address=f"{bucket}.{self.address}", host=f"{bucket}.{self.host}")

    def connect(self, timeout: float) -> socket.socket:
        """A connection to it.

        Raises:
            Forbidden: it is where one may not connect to.
            OSError: it does not answer.
        """
        if self.networks is None:
            return socket.create_connection((self.address, self.port), timeout=timeout)
        return Egress(self.networks).connect(self.address, self.port, timeout)


class Response:
    """The head of an answer, and its body, still on the wire."""

    def __init__(self, status: int, headers: dict[str, str], stream: io.BufferedReader, method: str) -> None:
        self.status = status
        self.headers = headers
        self._stream = stream
        self._chunked = headers.get("transfer-encoding", "").lower() == "chunked"
        self.length = int(headers.get("content-length", "-1"))
        if method == "HEAD" or status in (204, 304):
            self._chunked, self.length = False, 0
        self._left = 0 if self._chunked else self.length
        self.done = self._left == 0 and not self._chunked

    def readinto(self, buffer: memoryview) -> int:
        """Fill (some of) ``buffer`` from the body; 0 at its end."""
        if self.done:
            return 0
        if self._chunked and self._left == 0 and not self._next_chunk():
            return 0
        want = buffer if self._left < 0 else buffer[: self._left]
        n = self._stream.readinto(want)
        if n == 0:
            if self._left < 0:
                self.done = True
                return 0
            raise ProtocolError("the answer ended before its end")
        if self._left > 0:
            self._left -= n
            self._after_bytes()
        return n

    def _after_bytes(self) -> None:
        if self._left == 0:
            if self._chunked:
                self._stream.readline()
            else:
                self.done = True

    def _next_chunk(self) -> bool:
        line = self._stream.readline(1024)
        try:
            self._left = int(line.split(b";")[0], 16)
        except ValueError:
            raise ProtocolError("a broken chunk in the answer") from None
        if self._left == 0:
            while self._stream.readline(_MAX_HEAD) not in (b"\r\n", b"\n", b""):
                pass
            self.done = True
        return self._left > 0

    def read(self, limit: int = 64 << 20) -> bytes:
        """The whole body."""
        if 0 <= self.length <= limit and not self._chunked:
            data = bytearray(self.length)
            self.readinto_exactly(memoryview(data))
            return bytes(data)
        out = bytearray()
        block = memoryview(bytearray(64 << 10))
        while n := self.readinto(block):
            out += block[:n]
            if len(out) > limit:
                raise ProtocolError("the answer is too long")
        return bytes(out)

    def readinto_exactly(self, buffer: memoryview) -> None:
        """Fill all of ``buffer``."""
        while buffer:
            n = self.readinto(buffer)
            if n == 0:
                raise ProtocolError("the answer ended before its end")
            buffer = buffer[n:]

    @property
    def reusable(self) -> bool:
        """Whether another request may follow on the same connection."""
        return (self.done and self.length != -1) or (self.done and self._chunked)


class _Incoming(io.RawIOBase):
    """What a socket receives."""

    def __init__(self, connection: socket.socket) -> None:
        super().__init__()
        self._socket = connection

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        try:
            return self._socket.recv_into(buffer)
        except BlockingIOError:
            raise TimeoutError("timed out") from None


class Connection:
    """One socket to the endpoint."""

    def __init__(self, endpoint: Endpoint, timeout: float, context: ssl.SSLContext | None) -> None:
        self._socket = endpoint.connect(timeout)
        try:
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if context is not None:
                self._socket = context.wrap_socket(self._socket, server_hostname=endpoint.address)
            else:
                _let_the_kernel_time(self._socket, timeout)
            self._stream: io.BufferedReader = io.BufferedReader(_Incoming(self._socket), 64 << 10)
        except BaseException:
            self._socket.close()
            raise
        self.used = False

    def request(self, method: str, target: str, lines: Iterable[str], body: Body = b"") -> Response:
        """Send one request and read the head of its answer."""
        head = "\r\n".join((f"{method} {target} HTTP/1.1", *lines, "", "")).encode("latin-1")
        try:
            self._send(head, body)
        except (BrokenPipeError, ConnectionResetError):
            # the server may have answered (too busy, not allowed) without reading all of it
            response = self._head(method)
            if response.status < 300:
                raise
            return response
        except BlockingIOError:
            raise TimeoutError("timed out") from None
        return self._head(method)

    def _send(self, head: bytes, body: Body) -> None:
        if not isinstance(body, bytes):
            self._send_stream(head, body)
        elif len(body) <= _JOINED:
            self._socket.sendall(head + body)
        else:
            self._socket.sendall(head)
            self._socket.sendall(body)

    def _send_stream(self, head: bytes, body: Callable[[Callable[[memoryview], None]], None]) -> None:
        """The head goes with the first block, so that a small object is one packet less."""

        def send(block: memoryview) -> None:
            nonlocal head
            if head and len(block) <= _JOINED:
                self._socket.sendall(head + block)
            else:
                self._socket.sendall(head)
                self._socket.sendall(block)
            head = b""

        body(send)
        if head:
            self._socket.sendall(head)

    def _head(self, method: str) -> Response:
        while True:
            status, *lines = self._head_lines()
            headers: dict[str, str] = {}
            for line in lines:
                name, colon, value = line.partition(":")
                if not colon:
                    raise ProtocolError("the answer has a broken head")
                headers[name.lower()] = value.strip()
            if (code := _code(status)) >= 200:
                self.used = True
                return Response(code, headers, self._stream, method)

    def _head_lines(self) -> list[str]:
        """At once where all of it has come, which is the rule."""
        came = self._stream.peek()
        end = came.find(b"\r\n\r\n")
        if end >= 0:
            self._stream.read(end + 4)
            return came[:end].decode("latin-1").split("\r\n")
        lines: list[str] = []
        size = 0
        while (line := self._stream.readline(_MAX_HEAD)) not in (b"\r\n", b"\n"):
            size += len(line)
            if not line or size > _MAX_HEAD:
                raise ProtocolError("the server closed the connection" if not line else "a head without end")
            lines.append(line.decode("latin-1").rstrip("\r\n"))
        if not lines:
            raise ProtocolError("the answer is not HTTP")
        return lines

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._stream.close()
        self._socket.close()


class ConnectionPool:
    """Idle connections to one endpoint, newest first."""

    def __init__(
        self, endpoint: Endpoint, *, timeout: float = 30.0, verify: bool = True, ca: str = ""
    ) -> None:
        self.endpoint = endpoint
        self._timeout = timeout
        self._context = _tls(ca, verify=verify) if endpoint.secure else None
        self._idle: collections.deque[Connection] = collections.deque(maxlen=64)

    def take(self) -> Connection:
        """An idle connection, or a new one."""
        try:
            return self._idle.pop()
        except IndexError:
            return Connection(self.endpoint, self._timeout, self._context)

    def give_back(self, connection: Connection, response: Response) -> None:
        """Keep the connection, if the answer was read to its end and the server keeps it too."""
        keep = response.headers.get("connection", "").lower() != "close"
        if keep and response.reusable and len(self._idle) < 64:
            self._idle.append(connection)
        else:
            connection.close()

    def close(self) -> None:
        """Close what is idle."""
        while self._idle:
            with contextlib.suppress(IndexError):
                self._idle.pop().close()


def _let_the_kernel_time(connection: socket.socket, timeout: float) -> None:
    """A time limit without a ``poll`` before each send and receive."""
    limit = struct.pack("@ll", int(timeout), int(timeout % 1 * 1e6))
    connection.settimeout(None)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, limit)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, limit)


def _code(status: str) -> int:
    version, _, rest = status.partition(" ")
    if not version.startswith("HTTP/1.") or not rest[:3].isdigit():
        raise ProtocolError("the answer is not HTTP")
    return int(rest[:3])


def _tls(ca: str, *, verify: bool) -> ssl.SSLContext:
    import ssl  # late: it takes a while, and an address may do without

    try:
        context = ssl.create_default_context(cadata=ca or None)
    except (ssl.SSLError, ValueError) as error:
        message = "the certificates to check the endpoint by cannot be read; give them as PEM"
        raise InvalidInput(message, code=Code.FIELD_INVALID) from error
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
