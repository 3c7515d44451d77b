"""A small HTTP/1.1 client that keeps its connection: what the agent needs, at a third of the
memory and time of ``http.client`` (which brings the e-mail parser and TLS along).

One request at a time. TLS is imported only for an ``https`` endpoint.
"""

from __future__ import annotations

import contextlib
import json
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from trainshed.core.errors import Code, Unavailable

_MAX_HEAD = 64 * 1024


@dataclass(frozen=True, slots=True)
class Response:
    """What came back."""

    status: int
    body: bytes

    def json(self) -> dict[str, Any]:
        """The body as a JSON object; empty where it is none."""
        with contextlib.suppress(ValueError):
            data = json.loads(self.body)
            if isinstance(data, dict):
                return data  # pyright: ignore[reportUnknownVariableType]
        return {}


class _StaleError(Exception):
    """A kept connection turned out to be closed before any of the answer came."""


class Client:
    """Speaks to one endpoint at a time.

    Args:
        timeout_s: for connecting, and for each wait for bytes.
    """

    def __init__(self, timeout_s: float = 30.0) -> None:
        self._timeout = timeout_s
        self._endpoint = ""
        self._prefix = ""
        self._host = ""
        self._socket: socket.socket | None = None
        self._buffer = b""

    def use(self, endpoint: str) -> None:
        """Speak to ``endpoint`` (``http://host:port/prefix``) from now on."""
        if endpoint != self._endpoint:
            self.close()
            self._endpoint = endpoint

    def request(
        self, method: str, path: str, body: bytes | memoryview, headers: Mapping[str, str]
    ) -> Response:
        """Send a request that may be repeated without harm, and wait for its answer.

        Raises:
            Unavailable: the endpoint does not answer, or not in HTTP.
        """
        try:
            if self._socket is not None:
                with contextlib.suppress(_StaleError):
                    return self._exchange(method, path, body, headers)
                self.close()
            self._connect()
            return self._exchange(method, path, body, headers)
        except (OSError, ValueError, _StaleError) as error:
            self.close()
            raise Unavailable(
                f"{self._endpoint} does not answer: {error or type(error).__name__}",
                code=Code.SERVICE_UNREACHABLE,
            ) from error

    def close(self) -> None:
        """Let go of the connection."""
        if self._socket is not None:
            self._socket.close()
        self._socket = None
        self._buffer = b""

    def _connect(self) -> None:
        scheme, _, rest = self._endpoint.partition("://")
        address, slash, prefix = rest.partition("/")
        self._host = address
        self._prefix = (slash + prefix).rstrip("/")
        host, port = _split(address, 443 if scheme == "https" else 80)
        # as bytes, or Python would import its codec for international names
        name = cast("str", host.encode()) if host.isascii() else host
        plain = socket.create_connection((name, port), self._timeout)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket = _secure(plain, host) if scheme == "https" else plain

    def _exchange(
        self, method: str, path: str, body: bytes | memoryview, headers: Mapping[str, str]
    ) -> Response:
        assert self._socket is not None
        lines = [f"{method} {self._prefix}{path} HTTP/1.1", f"Host: {self._host}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        lines.append(f"Content-Length: {len(body)}\r\n\r\n")
        head = "\r\n".join(lines).encode()
        try:
            if len(body) < 65536:
                self._socket.sendall(head + bytes(body))
            else:
                self._socket.sendall(head)
                self._socket.sendall(body)
        except (BrokenPipeError, ConnectionResetError) as error:
            raise _StaleError(str(error)) from error
        return self._answer()

    def _answer(self) -> Response:
        status, headers = self._head()
        while status == 100:
            status, headers = self._head()
        if "chunked" in headers.get("transfer-encoding", ""):
            body = self._chunks()
        elif "content-length" in headers:
            body = self._read(int(headers["content-length"]))
        else:
            body = b"" if status in (204, 304) else self._rest()
        if headers.get("connection", "").lower() == "close":
            self.close()
        return Response(status, body)

    def _head(self) -> tuple[int, dict[str, str]]:
        while b"\r\n\r\n" not in self._buffer:
            if len(self._buffer) > _MAX_HEAD:
                raise ValueError("the answer's head is too long")
            self._more(first=not self._buffer)
        head, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        version, status, *_ = first.split(" ", 2)
        if not version.startswith("HTTP/1."):
            raise ValueError("the answer is not HTTP")
        pairs = (line.partition(":") for line in lines)
        return int(status), {name.strip().lower(): value.strip() for name, _, value in pairs}

    def _more(self, *, first: bool = False) -> None:
        assert self._socket is not None
        try:
            data = self._socket.recv(65536)
        except ConnectionResetError as error:
            if first:
                raise _StaleError(str(error)) from error
            raise
        if not data:
            if first:
                raise _StaleError("the connection was closed")
            raise ConnectionError("the answer was cut short")
        self._buffer += data

    def _read(self, length: int) -> bytes:
        while len(self._buffer) < length:
            self._more()
        data, self._buffer = self._buffer[:length], self._buffer[length:]
        return data

    def _line(self) -> bytes:
        while b"\r\n" not in self._buffer:
            self._more()
        line, _, self._buffer = self._buffer.partition(b"\r\n")
        return line

    def _chunks(self) -> bytes:
        found: list[bytes] = []
        while size := int(self._line().partition(b";")[0], 16):
            found.append(self._read(size))
            self._read(2)
        while self._line():
            pass
        return b"".join(found)

    def _rest(self) -> bytes:
        with contextlib.suppress(ConnectionError):
            while True:
                self._more()
        data = self._buffer
        self.close()
        return data


def _split(address: str, default: int) -> tuple[str, int]:
    """Host and port of ``host``, ``host:port``, ``[::1]`` or ``[::1]:port``."""
    host, colon, port = address.rpartition(":")
    if not colon or "]" in port:
        return address.strip("[]"), default
    return host.strip("[]"), int(port)


def _secure(plain: socket.socket, host: str) -> socket.socket:
    import ssl

    return ssl.create_default_context().wrap_socket(plain, server_hostname=host)
