"""What a sender is, and the one HTTP request that most of them make."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import threading
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, cast
from urllib.parse import urlsplit

from trainshed.core.errors import Code, Forbidden, InvalidInput, TrainshedError
from trainshed.storage.egress import Egress, split_url

TIMEOUT_S = 10.0
# However slowly the other side answers, a request is over by then.
OVER_S = 20.0
MAX_ANSWER = 64 * 1024


class Undelivered(TrainshedError):  # noqa: N818 - as core.errors
    """It did not arrive; the sentence says why.

    Attributes:
        hopeless: whether another try would end just so.
    """

    status = 503

    def __init__(self, message: str, *, hopeless: bool = False) -> None:
        super().__init__(message, code=Code.NOTIFICATION_UNDELIVERED)
        self.hopeless = hopeless


@dataclass(frozen=True, slots=True)
class Target:
    """Where a notification goes.

    Attributes:
        address: a URL, or e-mail addresses with commas between them.
        secret: what its requests are signed with; empty for none.
    """

    address: str
    secret: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Message:
    """What is told.

    Attributes:
        id: of the delivery; the same in every try, so that a receiver can tell a repeat.
        event: ``job.failed``, …
        title, text: for people, in their language; plain text.
        time: of what happened, in seconds since the epoch.
        data: the same for machines.
    """

    id: str
    event: str
    title: str
    text: str
    time: float
    data: Mapping[str, Any] = field(default_factory=dict[str, Any])


class Sender(ABC):
    """Sends messages to one kind of receiver. Safe to use from several threads."""

    kind: ClassVar[str]

    @abstractmethod
    def check(self, target: Target) -> None:
        """Whether messages could go there, as far as can be told without sending one.

        Raises:
            InvalidInput, Forbidden, Unavailable: why not.
        """

    @abstractmethod
    def send(self, target: Target, message: Message, now: float) -> None:
        """Send one message.

        Raises:
            Undelivered: it did not arrive, or the receiver refused it.
        """


class HttpSender(Sender):
    """A sender that posts JSON.

    Args:
        egress: where it may connect to.
    """

    def __init__(self, egress: Egress) -> None:
        self._egress = egress

    def check(self, target: Target) -> None:
        self._egress.check_url(target.address)

    def post(self, url: str, body: bytes, headers: Mapping[str, str] | None = None) -> bytes:
        """The answer to one POST. Redirects are not followed: they lead where nobody has looked.

        Raises:
            Undelivered: no answer, or one that is not 2xx.
        """
        try:
            status, answer = _post(self._egress, url, body, headers or {})
        except (Forbidden, InvalidInput) as error:
            raise Undelivered(error.message, hopeless=True) from error
        except (OSError, http.client.HTTPException) as error:
            raise Undelivered(f"no answer: {str(error) or type(error).__name__}") from error
        if not 200 <= status < 300:
            hopeless = 300 <= status < 500 and status not in (408, 425, 429)
            said = answer[:200].decode("utf-8", "replace").strip()
            why = "redirects are not followed" if status < 400 else said
            raise Undelivered(f"the receiver answered {status}: {why}", hopeless=hopeless)
        return answer


def answer_of(answer: bytes) -> dict[str, Any]:
    """A receiver's answer as a JSON object.

    Raises:
        Undelivered: it is none.
    """
    try:
        found = json.loads(answer)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise Undelivered(f"the receiver answered {answer[:80]!r}, which is no JSON object")
    return cast("dict[str, Any]", found)


def dumps(value: Any) -> bytes:
    """JSON as it goes over the wire."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def _post(egress: Egress, url: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, bytes]:
    parts, port = split_url(url)
    assert parts.hostname is not None
    connection = http.client.HTTPConnection(parts.hostname, port, timeout=TIMEOUT_S)
    plain = egress.connect(parts.hostname, port, TIMEOUT_S)
    held = plain.dup()  # TLS takes the socket's descriptor away from it
    guard = threading.Timer(OVER_S, _break_off, [held])
    guard.daemon = True
    guard.start()
    try:
        connection.sock = _secured(plain, parts.hostname) if parts.scheme == "https" else plain
        all_headers = {
            "Content-Type": "application/json",
            "User-Agent": "trainshed",
            "Host": parts.netloc,
            **headers,
        }
        connection.request("POST", _target(url), body, all_headers)
        response = connection.getresponse()
        return response.status, response.read(MAX_ANSWER)
    finally:
        guard.cancel()
        connection.close()
        plain.close()
        held.close()


def _secured(plain: socket.socket, host: str) -> socket.socket:
    return ssl.create_default_context().wrap_socket(plain, server_hostname=host)


def _break_off(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        return


def _target(url: str) -> str:
    parts = urlsplit(url)
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
