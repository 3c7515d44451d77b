"""Requests to the gateway: one connection a thread, tried again when the gateway was away."""

import os
import threading
import time
from typing import Any, Callable, Dict, List, Optional, Tuple, Union

from moxing.framework.file import _auth, _errors, _launch
from moxing.framework.file._log import logger
from moxing.framework.file._protocol import VERSION, Connection

OnProgress = Callable[[Dict[str, Any]], None]
_PATIENCE_S = 120.0  # an agent that was killed is back by then
_TELL_AFTER_S = 5.0


class Answer(object):
    """What the gateway answered.

    Attributes:
        result: the JSON.
        body: the bytes.
        fd: an open file that came with it, or None; the caller closes it.
    """

    def __init__(self, result: Dict[str, Any], body: bytearray, fd: Optional[int]) -> None:
        self.result = result
        self.body = body
        self.fd = fd


class InDoubt(Exception):
    """The connection broke after a request that must not be made twice had been sent."""


class _Local(threading.local):
    connection: Optional[Connection] = None
    pid = 0


_local = _Local()


def connect() -> Connection:
    """A new connection, waiting for a gateway that is about to be back.

    Raises:
        MoxFileRespException: none answered in time.
    """
    waiting = _Patience()
    while True:
        try:
            return Connection(_launch.address())
        except (ConnectionError, FileNotFoundError, BlockingIOError) as error:
            waiting.wait(error)


class _Patience(object):
    """How long to wait for the gateway, as ``set_auth(retry=, retry_wait=)`` has it."""

    def __init__(self) -> None:
        self._started = time.monotonic()
        self._pause = 0.02
        self._told = False

    def wait(self, error: Exception) -> None:
        """Pause; raise once it is enough."""
        retry, pause = _auth.given("retry"), _auth.given("retry_wait")
        limit = retry * (pause or 1.0) if retry is not None else _PATIENCE_S
        waited = time.monotonic() - self._started
        if waited > limit:
            raise _errors.unavailable(
                "the storage gateway did not answer for {:.0f} s ({}); look at the job's events".format(
                    waited, error
                )
            )
        if waited > _TELL_AFTER_S and not self._told:
            self._told = True
            logger.warning("the storage gateway does not answer; waiting up to %.0f s for it", limit)
        time.sleep(self._pause)
        self._pause = min(1.0, self._pause * 1.5)


def _mine() -> Tuple[Connection, bool]:
    """This thread's connection, and whether it is a new one."""
    if _local.connection is not None and _local.pid == os.getpid():
        return _local.connection, False
    drop()
    _local.connection = connect()
    _local.pid = os.getpid()
    return _local.connection, True


def drop() -> None:
    """Close this thread's connection; the next request makes a new one."""
    connection, _local.connection = _local.connection, None
    if connection is not None:
        connection.close()


def header(op: str, fields: Dict[str, Any]) -> Dict[str, Any]:
    """The JSON of a request."""
    request = {"v": VERSION, "op": op}
    request.update(fields)
    auth = _auth.settings(_launch.in_job())
    if auth is not None:
        request["auth"] = auth
    return request


def call(
    op: str, body: Any = b"", once: bool = False, on_progress: Optional[OnProgress] = None, **fields: Any
) -> Answer:
    """Make a request and wait for its answer.

    Args:
        once: the request must not be made twice; where the connection breaks it is not repeated.
        on_progress: called with what long requests say meanwhile.

    Raises:
        InDoubt: ``once``, and nobody can say whether it was done.
        OSError, ValueError: what the gateway says, see :mod:`_errors`.
    """
    request = header(op, fields)
    waiting = _Patience()
    while True:
        connection = _checked_connection() if once else _mine()[0]
        try:
            answer = _exchange(connection, request, body, on_progress)
        except ConnectionError as error:
            drop()
            if once:
                raise InDoubt(str(error))
            waiting.wait(error)
            continue
        except BaseException:
            drop()
            raise
        if isinstance(answer, Exception):
            raise answer
        return answer


def _checked_connection() -> Connection:
    """This thread's connection, which answered a moment ago."""
    while True:
        connection, fresh = _mine()
        if fresh:
            return connection
        try:
            _exchange(connection, header("ping", {}), b"", None)
            return connection
        except ConnectionError:
            drop()


def _exchange(
    connection: Connection, request: Dict[str, Any], body: Any, on_progress: Optional[OnProgress]
) -> Union[Answer, Exception]:
    connection.send(request, body)
    while True:
        found, length = connection.receive()
        data = connection.body(length)
        if "progress" not in found:
            break
        if on_progress is not None:
            on_progress(found["progress"])
    if "error" in found:
        return _errors.from_answer(found["error"], request.get("uri"))
    return Answer(found.get("result", {}), data, connection.take_fd())


def entries(uri: str, recursive: bool) -> List[List[Any]]:
    """What lies under the directory ``uri``.

    Returns:
        A list a name: the name relative to ``uri`` (with a trailing ``/`` for a directory), bytes,
        nanoseconds since the epoch.
    """
    found: List[List[Any]] = []

    def add(page: Dict[str, Any]) -> None:
        if page.get("first"):
            del found[:]
        found.extend(page["entries"])

    call("list", uri=uri, recursive=recursive, on_progress=add)
    return found
