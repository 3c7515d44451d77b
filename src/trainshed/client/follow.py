"""Following a job live, across broken connections and restarts of the service.

Logs travel by byte offset: after a break the follower asks for what comes after the last byte
that it handed on, so that no line is lost and none comes twice.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import httpx

from trainshed.client.models import Json, section
from trainshed.client.sse import ServerEvent, parse
from trainshed.client.transport import Transport
from trainshed.core.errors import Unavailable

# How long a follower waits for a service that went away to come back.
PATIENCE_S = 300.0


class Follower:
    """Iterates over the events of one stream until its ``end``.

    Args:
        path: of the stream.
        query: its own query parameters, less the offset.
        offset: first byte of the log that is wanted; None for a stream without a log.
        attempt: start of the job that the offset belongs to; by default the first.
        patience_s: how long a service that went away is waited for.
        timeout_s: raise ``TimeoutError`` where the stream has not ended by then.

    Attributes:
        offset: the byte after the last one handed on.
        attempt: the attempt that it belongs to.
    """

    def __init__(
        self,
        transport: Transport,
        path: str,
        query: Json | None = None,
        *,
        offset: int | None = None,
        attempt: int | None = None,
        patience_s: float = PATIENCE_S,
        timeout_s: float | None = None,
    ) -> None:
        self._transport = transport
        self._path = path
        self._query = dict(query or {})
        self._patience = patience_s
        self._deadline = None if timeout_s is None else time.monotonic() + timeout_s
        self.offset = offset
        self.attempt = attempt
        self._last_event = 0

    def __iter__(self) -> Iterator[ServerEvent]:
        while True:
            try:
                with self._transport.stream(
                    self._path, self._position(), read_timeout_s=self._left()
                ) as chunks:
                    for event in parse(chunks):
                        self._left()
                        if (fresh := self._fresh(event)) is not None:
                            yield fresh
                        if event.name == "end":
                            return
            except (httpx.TransportError, Unavailable) as error:
                self._left()
                if not self._transport.wait(self._patience):
                    raise self._transport.unreachable(error) from error

    def _left(self) -> float | None:
        """Seconds until the deadline, None without one."""
        if self._deadline is None:
            return None
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("the stream has not ended in the time given for it")
        return left

    def _position(self) -> Json:
        position: Json = dict(self._query)
        if self.offset is not None:
            position["offset"] = self.offset
            if self.attempt is not None:
                position["attempt"] = self.attempt
        if self._last_event:
            position["after"] = self._last_event
        return position

    def _fresh(self, event: ServerEvent) -> ServerEvent | None:
        """``event`` less what has been handed on already; None where nothing is left of it."""
        data: Json = section(event.data)
        if event.name == "event":
            return self._fresh_event(event, int(data.get("id") or 0))
        if event.name == "log" and self.offset is not None:
            return self._fresh_log(data, self.offset)
        return event

    def _fresh_event(self, event: ServerEvent, number: int) -> ServerEvent | None:
        if number and number <= self._last_event:
            return None
        self._last_event = max(self._last_event, number)
        return event

    def _fresh_log(self, data: Json, wanted: int) -> ServerEvent | None:
        attempt: int | None = data.get("attempt", self.attempt)
        if attempt != self.attempt:
            wanted = 0 if self.attempt is not None else wanted
            self.attempt = attempt
        offset, after, text = int(data["offset"]), int(data["next"]), str(data["text"])
        if after <= wanted:
            return None
        if offset < wanted:
            text = text.encode()[wanted - offset :].decode(errors="replace")
        self.offset = after
        return ServerEvent("log", {**data, "text": text})
