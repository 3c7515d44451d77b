"""Receivers of notifications on loopback: an HTTP server and a mail server that keep what comes."""

from __future__ import annotations

import json
import queue
import socket
import ssl
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default as modern
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

WAIT_S = 60.0


@dataclass(frozen=True)
class Received:
    """One request."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Hook:
    """An HTTP server.

    Attributes:
        answers: what it says next, one each: status, headers and body; after that ``then``.
    """

    url: str
    received: queue.Queue[Received] = field(default_factory=queue.Queue)
    answers: list[tuple[int, dict[str, str], bytes]] = field(default_factory=list)
    then: tuple[int, dict[str, str], bytes] = (200, {}, b'{"code":0,"errcode":0,"errmsg":"ok"}')

    def next(self) -> Received:
        """The next request, which may still be on its way."""
        return self.received.get(timeout=WAIT_S)

    def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        """Say this once."""
        self.answers.append((status, headers, body))


@contextmanager
def hook(tls: ssl.SSLContext | None = None) -> Generator[Hook]:
    """A server that takes POSTs until the end of the block; over TLS where it is given how."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", "0")))
            headers = {name.lower(): value for name, value in self.headers.items()}
            found.received.put(Received(self.path, headers, body))
            status, more, content = found.answers.pop(0) if found.answers else found.then
            self.send_response(status)
            for name, value in more.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: Any) -> None:
            return

    class Server(ThreadingHTTPServer):
        def finish_request(self, request: Any, client_address: Any) -> None:
            """In the request's own thread, so that a handshake holds up nobody else."""
            with tls.wrap_socket(request, server_side=True) if tls else request as connection:
                super().finish_request(connection, client_address)

        def handle_error(self, request: Any, client_address: Any) -> None:
            """A client that breaks off is none."""

    server = Server(("127.0.0.1", 0), Handler)
    scheme, host = ("https", "localhost") if tls else ("http", "127.0.0.1")
    found = Hook(f"{scheme}://{host}:{server.server_address[1]}")
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield found
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@dataclass
class Mailbox:
    """A mail server."""

    port: int
    received: queue.Queue[tuple[str, list[str], EmailMessage]] = field(default_factory=queue.Queue)
    refuse: str = ""
    passwords: list[bytes] = field(default_factory=list)

    def next(self) -> tuple[str, list[str], EmailMessage]:
        """Sender, receivers and message of the next mail, which may still be on its way."""
        return self.received.get(timeout=WAIT_S)


@contextmanager
def mailbox(
    user: str = "",
    password: str = "",
    *,
    tls: ssl.SSLContext | None = None,
    starttls: ssl.SSLContext | None = None,
) -> Generator[Mailbox]:
    """A mail server until the end of the block; it asks for a password where one is given.

    Args:
        tls: it speaks TLS from the start.
        starttls: it takes mail and passwords only after STARTTLS.
    """

    class Handler:
        async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
            if found.refuse:
                return found.refuse
            mail = cast(EmailMessage, message_from_bytes(cast(bytes, envelope.content), policy=modern))
            found.received.put((str(envelope.mail_from), list(envelope.rcpt_tos), mail))
            return "250 taken"

    def authenticate(_server: Any, _session: Any, _envelope: Any, _mechanism: str, data: Any) -> AuthResult:
        if isinstance(data, LoginPassword):
            found.passwords.append(data.password)
        right = isinstance(data, LoginPassword) and (data.login, data.password) == (
            user.encode(),
            password.encode(),
        )
        return AuthResult(success=right)

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    options: dict[str, Any] = {}
    if user:
        options = {"authenticator": authenticate, "auth_required": True, "auth_require_tls": bool(starttls)}
    if starttls:
        options |= {"tls_context": starttls, "require_starttls": True}
    found = Mailbox(port)
    controller = Controller(Handler(), hostname="127.0.0.1", port=port, ssl_context=tls, **options)
    controller.start()
    try:
        yield found
    finally:
        controller.stop()
