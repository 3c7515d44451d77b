"""Signed S3 requests that are repeated through outages, and what their refusals mean."""

from __future__ import annotations

import os
import socket
import threading
import time
import xml.etree.ElementTree as ET
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, TypeVar

from trainshed.core.errors import Code, Forbidden, InvalidInput, NotFound, TrainshedError, Unavailable
from trainshed.storage.files import changed
from trainshed.storage.s3_http import Body, Connection, ConnectionPool, Endpoint, ProtocolError, Response
from trainshed.storage.s3_sign import EMPTY, UNSIGNED, Credentials, query_string, quote_key, signed_headers

T = TypeVar("T")
_AGAIN = {408, 429, 500, 502, 503, 504}
_AGAIN_CODES = {"RequestTimeout", "SlowDown", "InternalError", "ServiceUnavailable", "OperationAborted"}
_EXPIRED = {"ExpiredToken", "TokenRefreshRequired", "InvalidToken"}
_MANY_CORES = 4
_NETWORK = (OSError, ProtocolError)


@dataclass(frozen=True, slots=True)
class S3Settings:
    """How a bucket is reached.

    Attributes:
        bucket: its name at the server.
        ca: certificates (PEM) by which the endpoint's is checked; empty for those of the system.
        path_style: bucket in the path and not in the host name; None to tell by the address.
        patience_s: how long a request is repeated while the server does not answer or is busy.
        timeout_s: of one connect, one send and one receive.
        hash_large: whether objects that move in parts are compared by checksum too, which takes a
            core for every 0.6 GB/s; small ones always are.
    """

    bucket: str
    endpoint: Endpoint
    credentials: Credentials = field(repr=False)
    path_style: bool | None = None
    verify_tls: bool = True
    ca: str = ""
    patience_s: float = 90.0
    timeout_s: float = 30.0
    hash_large: bool = True

    @classmethod
    def parse(cls, bucket: str, settings: Mapping[str, Any]) -> S3Settings:
        """From a bucket's settings, as ``TaskSpec.buckets`` has them.

        Raises:
            InvalidInput: a setting is missing or wrong.
        """
        try:
            endpoint = Endpoint.parse(str(settings["endpoint"]))
            if settings.get("networks") is not None:
                endpoint = replace(endpoint, networks=tuple(settings["networks"]))
            return cls(
                bucket=str(settings.get("bucket") or bucket),
                endpoint=endpoint,
                credentials=Credentials(
                    str(settings["access_key"]),
                    str(settings["secret_key"]),
                    str(settings.get("region") or "us-east-1"),
                    str(settings.get("token") or ""),
                ),
                path_style=settings.get("path_style"),
                verify_tls=bool(settings.get("verify_tls", True)),
                ca=str(settings.get("ca") or ""),
                patience_s=float(settings.get("patience_s", 90.0)),
                timeout_s=float(settings.get("timeout_s", 30.0)),
                hash_large=bool(settings.get("hash_large", _cores() >= _MANY_CORES)),
            )
        except KeyError as missing:
            message = f"bucket {bucket!r} has no {missing.args[0]!r} in its settings"
        except ValueError as error:
            message = f"bucket {bucket!r}: {error}"
        raise InvalidInput(message, code=Code.FIELD_INVALID)

    @property
    def in_path(self) -> bool:
        """Whether the bucket's name goes into the path."""
        if self.path_style is not None:
            return self.path_style
        host = self.endpoint.address
        numeric = host.replace(".", "").isdigit()
        dotted = self.endpoint.secure and "." in self.bucket
        unusual_port = ":" in self.endpoint.host
        return numeric or unusual_port or "." not in host or dotted or self.bucket != self.bucket.lower()


class Refusal(Exception):  # noqa: N818
    """An answer that is not success: the status and S3's own code."""

    def __init__(self, status: int, code: str, message: str, retry_after: float = 0.0) -> None:
        super().__init__(f"{status} {code} {message}".strip())
        self.status = status
        self.code = code
        self.message = message
        self.retry_after = retry_after

    @property
    def temporary(self) -> bool:
        """Whether the same request may succeed later."""
        return self.status in _AGAIN or self.code in _AGAIN_CODES


class Patience:
    """Waits between repeats: 0.1 s, doubled up to 3 s, until the time is up."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._until = 0.0
        self._delay = 0.1

    def bear(self, retry_after: float = 0.0) -> bool:
        """Wait before the next try; False if there shall be none."""
        now = time.monotonic()
        self._until = self._until or now + self._seconds
        if now >= self._until:
            return False
        import random  # late: most copies never wait

        wait = max(self._delay * random.uniform(0.7, 1.3), min(retry_after, 10.0))  # noqa: S311
        time.sleep(min(wait, self._until - now))
        self._delay = min(self._delay * 2, 3.0)
        return True

    def reset(self) -> None:
        """Something came through: patience begins anew."""
        if self._until:
            self._until, self._delay = 0.0, 0.1


class _Request(NamedTuple):
    method: str
    key: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: Body
    size: int | None


class OpenBody:
    """An answer that is being read."""

    def __init__(self, pool: ConnectionPool, connection: Connection, response: Response) -> None:
        self._pool, self._connection = pool, connection
        self.response = response

    def readinto(self, view: memoryview) -> int:
        """Some bytes; 0 at the end."""
        return self.response.readinto(view)

    def close(self) -> None:
        """Keep the connection for the next request, if all was read."""
        self._pool.give_back(self._connection, self.response)


class S3Client:
    """One bucket's requests. Safe for threads."""

    def __init__(self, settings: S3Settings) -> None:
        self.settings = settings
        endpoint = settings.endpoint if settings.in_path else settings.endpoint.for_bucket(settings.bucket)
        self._pool = ConnectionPool(
            endpoint, timeout=settings.timeout_s, verify=settings.verify_tls, ca=settings.ca
        )
        self._base = f"/{settings.bucket}" if settings.in_path else ""
        self.identity = f"{settings.endpoint.host}/{settings.bucket}"
        self.buffers = threading.local()

    def call(
        self,
        method: str,
        key: str = "",
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
    ) -> tuple[dict[str, str], bytes]:
        """Send, read the whole answer, and give its headers and body."""
        return self.exchange(method, key, _whole, query=query, headers=headers, body=body)

    def exchange(
        self,
        method: str,
        key: str,
        consume: Callable[[Response], T],
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | Callable[[], Mapping[str, str]] | None = None,
        body: Body = b"",
        size: int | None = None,
        patience: Patience | None = None,
    ) -> T:
        """One request, repeated while that may help; ``consume`` reads the answer.

        Args:
            headers: or what gives them, anew for each try.
            size: length of a ``body`` that is a callable.
            patience: shared by several requests of one operation.

        Raises:
            TrainshedError: as in :func:`explain`.
        """

        def once() -> T:
            given = headers() if callable(headers) else headers
            connection, response = self._begin(_Request(method, key, query or {}, given or {}, body, size))
            try:
                result = consume(response)
            except BaseException:
                connection.close()
                raise
            self._pool.give_back(connection, response)
            return result

        return self._patiently(once, method, key, patience)

    def open_body(self, key: str, headers: Mapping[str, str], patience: Patience) -> OpenBody:
        """Begin to read an object (or a range of it); the caller closes what comes back."""

        def once() -> OpenBody:
            connection, response = self._begin(_Request("GET", key, {}, headers, b"", None))
            return OpenBody(self._pool, connection, response)

        return self._patiently(once, "GET", key, patience)

    def _patiently(self, once: Callable[[], T], method: str, key: str, patience: Patience | None) -> T:
        patience = patience or Patience(self.settings.patience_s)
        while True:
            try:
                return once()
            except Refusal as refusal:
                if not refusal.temporary or not patience.bear(refusal.retry_after):
                    raise self.explain(refusal, method, key) from refusal
            except _NETWORK as error:
                if _untrusted(error) or not patience.bear():
                    raise self.unreachable(error) from error

    def _begin(self, request: _Request) -> tuple[Connection, Response]:
        connection = self._pool.take()
        try:
            target, lines = self._signed(request)
            response = connection.request(request.method, target, lines, request.body)
            _check(response)
        except BaseException:
            connection.close()
            raise
        return connection, response

    def _signed(self, request: _Request) -> tuple[str, list[str]]:
        path = f"{self._base}/{quote_key(request.key)}"
        query = query_string(request.query)
        size = len(request.body) if isinstance(request.body, bytes) else request.size
        lines = signed_headers(
            self.settings.credentials,
            (request.method, path, query),
            {"host": self._pool.endpoint.host, **request.headers},
            EMPTY if size == 0 else UNSIGNED,
        )
        if request.method in ("PUT", "POST"):
            lines.append(f"content-length: {size}")
        return (f"{path}?{query}" if query else path), lines

    def uri(self, key: str = "") -> str:
        """For messages."""
        return f"s3://{self.settings.bucket}/{key}"

    def explain(  # noqa: PLR0911 (one sentence a refusal)
        self, refusal: Refusal, method: str, key: str
    ) -> TrainshedError:
        """What a refusal means to a person."""
        name = self.uri(key)
        host = self.settings.endpoint.host
        if refusal.code == "NoSuchBucket":
            return self._no_bucket()
        if refusal.status == 404:
            return NotFound(f"{name} does not exist", code=Code.OBJECT_NOT_FOUND)
        if refusal.status in (412, 416):
            return changed(name)
        if refusal.code in _EXPIRED:
            return self._denied(f"the access key for {host} has expired; give the bucket a new one")
        if refusal.code in ("InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidAccessKey"):
            return self._denied(
                f"{host} does not accept the access key of bucket {self.settings.bucket!r}; check it"
            )
        if refusal.code == "RequestTimeTooSkewed":
            return self._denied(f"{host} refuses the request because this machine's clock is wrong")
        if refusal.status in (401, 403):
            verb = {"GET": "read", "HEAD": "read", "DELETE": "delete"}.get(method, "write")
            return self._denied(
                f"no permission to {verb} {name} at {host}; check the rights of its access key"
            )
        if refusal.temporary:
            return Unavailable(
                f"{host} keeps answering {refusal.status} {refusal.code or 'error'} to {name}; try later",
                code=Code.STORAGE_UNREACHABLE,
            )
        if refusal.status in (400, 414) and refusal.code != "":
            return InvalidInput(
                f"{host} refuses {name[:200]}: {refusal.message or refusal.code}", code=Code.URI_INVALID
            )
        return Unavailable(f"{host} answered {refusal} to {name}", code=Code.STORAGE_UNREACHABLE)

    def _no_bucket(self) -> NotFound:
        return NotFound(
            f"there is no bucket {self.settings.bucket!r} at {self.settings.endpoint.host}; check its name",
            code=Code.BUCKET_NOT_FOUND,
        )

    @staticmethod
    def _denied(message: str) -> Forbidden:
        return Forbidden(message, code=Code.STORAGE_DENIED)

    def unreachable(self, error: OSError) -> Unavailable:
        """The server cannot be reached, and why."""
        host = self.settings.endpoint.host
        if untrusted := _untrusted(error):
            why = f"its certificate is not trusted ({untrusted})"
        elif isinstance(error, socket.gaierror):
            why = "its name cannot be resolved"
        elif isinstance(error, TimeoutError):
            why = "it does not answer in time"
        else:
            why = error.strerror or str(error) or type(error).__name__
        return Unavailable(
            f"the object store at {host} cannot be reached: {why}; check the endpoint and the network",
            code=Code.STORAGE_UNREACHABLE,
        )

    def close(self) -> None:
        """Close idle connections."""
        self._pool.close()


def _untrusted(error: OSError) -> str:
    """Why a certificate is not trusted; empty where that is not the matter."""
    return getattr(error, "verify_message", "")  # of ssl.SSLCertVerificationError, which may not be loaded


def _cores() -> int:
    return len(os.sched_getaffinity(0))


def _whole(response: Response) -> tuple[dict[str, str], bytes]:
    return response.headers, response.read()


def _check(response: Response) -> None:
    if response.status >= 300:
        raise _refusal(response)


def _refusal(response: Response) -> Refusal:
    code = message = ""
    try:
        body = response.read(1 << 20)
        if body.lstrip().startswith(b"<"):
            root = ET.fromstring(body)  # noqa: S314
            found = {child.tag.rpartition("}")[2]: child.text or "" for child in root}
            code, message = found.get("Code", ""), found.get("Message", "")
    except (OSError, ET.ParseError):
        pass
    try:
        after = float(response.headers.get("retry-after", "0"))
    except ValueError:
        after = 0.0
    return Refusal(response.status, code, message, after)
