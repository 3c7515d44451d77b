"""Serves the application: one server a home, loopback unless told otherwise, a clean end on SIGTERM."""

from __future__ import annotations

import errno
import fcntl
import gc
import json
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from types import FrameType
from typing import TYPE_CHECKING, cast

import uvicorn

from trainshed.core.errors import Code, Conflict, InvalidInput
from trainshed.server.app import create_app
from trainshed.server.auth.first_start import read_credentials, write_credentials
from trainshed.server.auth.sealing import write_private
from trainshed.server.db.lease import Lease

if TYPE_CHECKING:
    from fastapi import FastAPI

    from trainshed.server.config import Settings
    from trainshed.server.context import Context

GRACE_S = 5
KEEP_ALIVE_S = 75
GC_THRESHOLD = 10_000


@dataclass(frozen=True, slots=True)
class Ready:
    """What a person (or program) needs to call the service that now listens."""

    endpoint: str
    project_id: str
    access_key: str
    secret_key: str
    token: str
    console: str


def serve(settings: Settings, on_ready: Callable[[Ready], None] | None = None) -> None:
    """Serve until SIGTERM or SIGINT; running jobs go on.

    Args:
        on_ready: called once requests are answered and the files in the home say so.

    Raises:
        InvalidInput: settings that may not be served, such as a public address without authentication.
        Conflict: another server uses this home (HOME_IN_USE), its database (DATABASE_IN_USE) or
            this port (ADDRESS_IN_USE).
    """
    server = Server(settings, on_ready)
    try:
        with _quiet_signals():
            server.run()
    finally:
        server.close()


class Server:
    """A server that owns its home and its port from the moment it is made.

    Args:
        on_ready: called once requests are answered and the files in the home say so.
        embedded: whether it only serves commands that need a service, and may make room for another.
    """

    def __init__(
        self,
        settings: Settings,
        on_ready: Callable[[Ready], None] | None = None,
        *,
        embedded: bool = False,
    ) -> None:
        self.settings = settings.check()
        self._embedded = embedded
        self._on_ready = on_ready
        settings.home.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._lock = _own_home(settings)
        with ExitStack() as undo:
            undo.callback(os.close, self._lock)
            self._lease = Lease(settings.sqlalchemy_url(), self.stop)
            undo.callback(self._lease.close)
            self._socket = undo.enter_context(_listen(settings))
            self.endpoint = _endpoint(settings, self._socket)
            self.app = create_app(settings)
            self.app.state.endpoint = self.endpoint
            self._uvicorn = _Uvicorn(self.app, self._announce, settings.trusted_proxies)
            undo.pop_all()

    def run(self) -> None:
        """Serve in this thread until told to stop.

        Raises:
            TrainshedError: the service could not start.
        """
        self._uvicorn.run(sockets=[self._socket])

    def stop(self) -> None:
        """End ``run`` soon; may be called from any thread."""
        self._uvicorn.should_exit = True

    def close(self) -> None:
        """Give home and port back."""
        self._socket.close()
        self._lease.close()
        os.close(self._lock)

    def _announce(self) -> None:
        files = self.settings.files
        credentials = read_credentials(files.credentials)
        assert credentials is not None, "written at start"
        write_credentials(files.credentials, credentials, self.endpoint)
        present = {"endpoint": self.endpoint, "pid": os.getpid(), "embedded": self._embedded}
        write_private(files.endpoint, json.dumps(present).encode() + b"\n")
        if self._on_ready:
            console = f"{self.endpoint}/"
            self._on_ready(Ready(endpoint=self.endpoint, console=console, **asdict(credentials)))


class _Uvicorn(uvicorn.Server):
    """uvicorn, with our start and end around it.

    The application's lifespan is run here, so that a start that fails raises its own error.

    Args:
        trusted: proxies whose word for who calls is believed.
    """

    def __init__(self, app: FastAPI, announce: Callable[[], None], trusted: str) -> None:
        config = uvicorn.Config(
            app,
            loop="uvloop",
            http="httptools",
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=bool(trusted),
            forwarded_allow_ips=trusted or None,
            timeout_keep_alive=KEEP_ALIVE_S,
            timeout_graceful_shutdown=GRACE_S,
        )
        super().__init__(config)
        self._app = app
        self._announce = announce
        self._lifespan = app.router.lifespan_context(app)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await self._lifespan.__aenter__()
        try:
            await super().startup(sockets)
            # what lives as long as the server need not be looked at by every collection, and a
            # request's own objects are gone before a collection could find them
            gc.collect()
            gc.freeze()
            gc.set_threshold(GC_THRESHOLD, 20, 50)
            self._announce()
        except BaseException:
            await self._lifespan.__aexit__(*sys.exc_info())
            raise

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        cast("Context", self._app.state.context).begin_stop()
        await super().shutdown(sockets)
        await self._lifespan.__aexit__(None, None, None)


@contextmanager
def _quiet_signals() -> Generator[None]:
    """uvicorn raises the signal that stopped it once more at its end; let nothing come of it."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, _ignore) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _ignore(_number: int, _frame: FrameType | None) -> None:
    return


def _own_home(settings: Settings) -> int:
    """The descriptor that holds the home's lock until it is closed."""
    descriptor = os.open(settings.files.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        message = f"another server uses {settings.home}: stop it, or choose another --home"
        raise Conflict(message, code=Code.HOME_IN_USE) from None
    return descriptor


def _listen(settings: Settings) -> socket.socket:
    host = settings.host.strip("[]")
    try:
        found = socket.getaddrinfo(host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except socket.gaierror:
        message = f"{settings.host!r} is no address of this machine: use an IP address or a host name"
        raise InvalidInput(message, code=Code.FIELD_INVALID) from None
    family, kind, protocol, _, address = found[0]
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(2048)
    except OSError as error:
        listener.close()
        raise _cannot_listen(settings, error) from error
    return listener


def _cannot_listen(settings: Settings, error: OSError) -> Conflict:
    if error.errno == errno.EADDRINUSE:
        message = f"port {settings.port} of {settings.host} is taken: choose another --port, or 0 for any"
    else:
        reason = (error.strerror or str(error)).lower()
        message = f"cannot listen on {settings.host} port {settings.port}: {reason}"
    return Conflict(message, code=Code.ADDRESS_IN_USE)


def _endpoint(settings: Settings, listener: socket.socket) -> str:
    if settings.advertise:
        return settings.advertise.rstrip("/")
    host = settings.host.strip("[]")
    if host in ("0.0.0.0", "::"):  # noqa: S104 - reached from here by loopback
        host = "127.0.0.1" if host == "0.0.0.0" else "::1"  # noqa: S104
    port = listener.getsockname()[1]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
