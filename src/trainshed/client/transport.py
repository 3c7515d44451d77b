"""HTTP to the service: authentication, errors as ``core.errors``, and a way back after a restart."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from typing import Any, cast

import httpx

from trainshed.client.connection import Connection, again
from trainshed.core import errors
from trainshed.core.errors import Code, TrainshedError, Unavailable

_BY_STATUS: dict[int, type[TrainshedError]] = {
    kind.status: kind
    for kind in (
        errors.InvalidInput,
        errors.Unauthenticated,
        errors.Forbidden,
        errors.NotFound,
        errors.Conflict,
        errors.TooLarge,
        errors.TooManyRequests,
        errors.Unavailable,
        errors.Internal,
    )
}
_SAFE = frozenset({"GET", "HEAD", "PUT", "DELETE"})
# A follower's connection is silent while the script is; the service sends a comment now and then.
STREAM_SILENCE_S = 60.0


class Transport:
    """A keep-alive connection to one service.

    Args:
        connection: where the service is.
        revive: called when it does not answer; returns the connection to go on with, or None to
            give up. An embedded service that has ended is started again this way.
        timeout_s: for one answer.
    """

    def __init__(
        self,
        connection: Connection,
        *,
        revive: Callable[[], Connection | None] | None = None,
        timeout_s: float = 60.0,
    ) -> None:
        self._connection = connection
        self._revive = revive
        self._timeout = httpx.Timeout(timeout_s, connect=10.0)
        self._http = self._open()

    @property
    def connection(self) -> Connection:
        """Where the service was last found."""
        return self._connection

    def close(self) -> None:
        """Close the connection."""
        self._http.close()

    def json(self, method: str, path: str, body: Any = None, **query: Any) -> Any:
        """The JSON answer to a request (None for an empty one).

        Raises:
            TrainshedError: the service refused, with its code and sentence, or does not answer.
        """
        response = self.send(method, path, body=body, query=query)
        return response.json() if response.content else None

    def send(
        self,
        method: str,
        path: str,
        *,
        body: Any = None,
        content: Any = None,
        query: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
        timeout: float | None = None,
    ) -> httpx.Response:
        """The whole answer to a request.

        A request that is safe to repeat is tried once more where the service restarted.

        Raises:
            TrainshedError: as for :meth:`json`.
        """
        options: dict[str, Any] = {"params": _given(query), "headers": {**self._headers(), **(headers or {})}}
        if timeout is not None:
            options["timeout"] = timeout
        if body is not None:
            options["json"] = body
        if content is not None:
            options["content"] = content
        try:
            response = self._http.request(method, self._url(path), **options)
        except httpx.ConnectError:  # nothing was sent: any request may be tried again
            response = self._retry(method, path, options)
        except httpx.TransportError as error:
            if method not in _SAFE or content is not None:
                raise self.unreachable(error) from error
            response = self._retry(method, path, options)
        if response.is_error:
            raise error_of(response)
        return response

    def _retry(self, method: str, path: str, options: dict[str, Any]) -> httpx.Response:
        self.reconnect()
        options["headers"].update(self._headers())
        try:
            return self._http.request(method, self._url(path), **options)
        except httpx.TransportError as error:
            raise self.unreachable(error) from error

    @contextmanager
    def stream(
        self, path: str, query: dict[str, Any] | None = None, *, read_timeout_s: float | None = None
    ) -> Generator[Iterator[bytes]]:
        """The answer's bytes as they arrive.

        Raises:
            TrainshedError: the service refused.
            httpx.TransportError: the connection broke; the caller knows where to go on.
        """
        timeout = httpx.Timeout(10.0, read=min(read_timeout_s or STREAM_SILENCE_S, STREAM_SILENCE_S))
        options: dict[str, Any] = {"params": _given(query), "headers": self._headers(), "timeout": timeout}
        with self._http.stream("GET", self._url(path), **options) as response:
            if response.is_error:
                response.read()
                raise error_of(response)
            yield response.iter_bytes()

    def reconnect(self) -> None:
        """Look again for where the service is; starts it again where that is ours to do."""
        found = self._revive() if self._revive is not None else None
        before, self._connection = self._connection, found or again(self._connection)
        if _secure(before) != _secure(self._connection):
            self._http.close()
            self._http = self._open()

    def wait(self, seconds: float) -> bool:
        """Whether the service answers within ``seconds``, looking for it anew each time."""
        deadline, pause = time.monotonic() + seconds, 0.05
        while True:
            self.reconnect()
            try:
                if self._http.get(self._url("/healthz"), timeout=2.0).is_success:
                    return True
            except httpx.TransportError:
                pass
            if time.monotonic() > deadline:
                return False
            time.sleep(pause)
            pause = min(pause * 1.5, 1.0)

    def unreachable(self, error: Exception | None = None) -> Unavailable:
        """The sentence for a service that does not answer."""
        where = self._connection.endpoint or f"in {self._connection.home}"
        reason = re.sub(r"^\[Errno -?\d+\] ", "", str(error or ""))
        why = f" ({reason})" if reason else ""
        return Unavailable(
            f"the service {where} does not answer{why}: start it with 'trainshed up', or check its address",
            code=Code.SERVICE_UNREACHABLE,
        )

    def _open(self) -> httpx.Client:
        # certificates take a while to load, and plain HTTP never looks at them
        verify = _secure(self._connection)
        return httpx.Client(timeout=self._timeout, trust_env=not self._connection.local, verify=verify)

    def _url(self, path: str) -> str:
        if not self._connection.endpoint:
            raise httpx.ConnectError("it is not running")
        return self._connection.endpoint + path

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._connection.token}"} if self._connection.token else {}


def _secure(connection: Connection) -> bool:
    return not connection.endpoint.startswith("http://")


def _given(query: dict[str, Any] | None) -> dict[str, Any]:
    return {name: value for name, value in (query or {}).items() if value is not None}


def error_of(response: httpx.Response) -> TrainshedError:
    """The error that the service answered, as the exception that it raised."""
    kind = _BY_STATUS.get(response.status_code)
    if kind is None:
        kind = errors.InvalidInput if response.status_code < 500 else errors.Internal
    try:
        body = response.json()
    except ValueError:
        body = None
    if isinstance(body, dict):
        fields = cast("dict[str, Any]", body)
        message = fields.get("error_msg") or fields.get("detail")
        if isinstance(message, str):
            return kind(message, code=str(fields.get("error_code") or "") or None)
    return kind(
        f"the service answered {response.status_code} {response.reason_phrase} to {response.request.url.path}"
    )
