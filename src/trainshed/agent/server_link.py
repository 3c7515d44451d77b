"""The agent's calls to the server: events, log bytes, numbers, heartbeats. All may be repeated."""

from __future__ import annotations

import contextlib
import json
from binascii import b2a_base64
from collections.abc import Sequence
from time import monotonic
from typing import Any

from trainshed.agent.http import Client, Response
from trainshed.agent.logs import Stream
from trainshed.core.errors import Code, TrainshedError, Unavailable
from trainshed.core.task import TaskEvent, TaskSpec
from trainshed.core.wire import to_wire
from trainshed.jobs.hang import RankSample

PIECE = 4 << 20
_EVENTS = 500
_DEFINITE = (400, 401, 403, 404, 405, 413, 422)
"""Answers of the service that stay the same; from a proxy on the way they have no code of ours."""
_OVER = (Code.JOB_NOT_FOUND, Code.TASK_NOT_FOUND, Code.ATTEMPT_OVER)


class AttemptOver(TrainshedError):  # noqa: N818 a verdict, not a mistake
    """The server says that nobody waits for this attempt any more."""


class Refused(TrainshedError):  # noqa: N818 a verdict, not a mistake
    """The server itself says that it will not take this, however often it is tried."""


class ServerLink:
    """Speaks for one task.

    Attributes:
        endpoint_file: where the server says its endpoint, for a server that moves; may be empty.
        next_seq: the event that the server waits for.
    """

    def __init__(self, task: TaskSpec) -> None:
        reporting = task.reporting
        self.endpoint_file = reporting.endpoint_file
        self.next_seq = 0
        self._base = f"/agent/v1/jobs/{task.job_id}/attempts/{task.attempt}/tasks/{task.index}"
        self._bearer = f"Bearer {reporting.token}"
        self._client = Client()
        self._client.use(reporting.endpoint)

    def find_again(self) -> None:
        """Read the endpoint anew, after a failure."""
        if not self.endpoint_file:
            return
        with (
            contextlib.suppress(OSError, ValueError, TypeError, KeyError),
            open(self.endpoint_file, "rb") as file,
        ):
            self._client.use(json.load(file)["endpoint"])

    def synchronise(self) -> None:
        """Learn which event the server waits for."""
        self._post_events([])

    def send_events(self, events: Sequence[TaskEvent], logs: Sequence[tuple[Stream, bytes]] = ()) -> bool:
        """Send what the server does not have of ``events`` (all from 0 on); whether that is all.

        Args:
            logs: the bytes that follow ``sent`` of these streams, little, to go with the events.
        """
        batch = events[self.next_seq : self.next_seq + _EVENTS]
        if batch or logs:
            self._post_events(batch, logs)
        return self.next_seq >= len(events)

    def _post_events(self, events: Sequence[TaskEvent], logs: Sequence[tuple[Stream, bytes]] = ()) -> None:
        body: dict[str, Any] = {"events": [to_wire(event) for event in events]}
        if logs:
            body["logs"] = [
                {"stream": s.name, "offset": s.sent, "data": b2a_base64(data, newline=False).decode()}
                for s, data in logs
            ]
        answer = self._call("POST", "/events", body, (409,)).json()
        waits_for, sizes = answer.get("next_seq", self.next_seq), answer.get("sizes", {})
        if type(waits_for) is not int or any(type(sizes.get(s.name)) is not int for s, _ in logs):
            raise Unavailable("the server did not say what it has of events and logs")
        self.next_seq = waits_for
        for stream, _ in logs:
            stream.sent = sizes[stream.name]

    def send_log(self, stream: Stream, data: bytes) -> None:
        """Send the bytes that follow ``stream.sent``; afterwards that says what the server has."""
        path = f"/logs/{stream.name}?offset={stream.sent}"
        answer = self._send("PUT", path, data, "application/octet-stream", (409,))
        size = answer.json().get("size")
        if type(size) is not int:
            raise Unavailable(f"the server did not say how much it has of the log {stream.name}")
        stream.sent = size

    def send_numbers(self, batch: dict[str, Any]) -> None:
        """Send resource samples and training metrics."""
        self._call("POST", "/metrics", batch)

    def heartbeat(self, stage: str, time: float, looks: Sequence[RankSample] = ()) -> dict[str, Any]:
        """Say that we live, and what the ranks do; what the server wants of us."""
        beat: dict[str, Any] = {"stage": stage, "time": time}
        if looks:
            beat |= {"clock": monotonic(), "looks": [to_wire(look) for look in looks]}
        return self._call("POST", "/heartbeat", beat).json()

    def send_stacks(self, number: int, ranks: Sequence[dict[str, Any]]) -> None:
        """Send the stacks of all ranks that the server has asked for by this number."""
        self._call("POST", "/stacks", {"id": number, "ranks": list(ranks)})

    def _call(self, method: str, path: str, body: dict[str, Any], also: tuple[int, ...] = ()) -> Response:
        return self._send(method, path, json.dumps(body).encode(), "application/json", also)

    def _send(self, method: str, path: str, body: bytes, kind: str, also: tuple[int, ...] = ()) -> Response:
        """The answer, if it is a success or one of ``also``.

        Raises:
            AttemptOver: we should stop and leave.
            Refused: it is of no use to try again.
            Unavailable: anything else; to be tried again.
        """
        headers = {"Authorization": self._bearer, "Content-Type": kind}
        answer = self._client.request(method, self._base + path, body, headers)
        if answer.status < 300 or answer.status in also:
            return answer
        said = answer.json()
        code = str(said.get("error_code", ""))
        if code in _OVER:
            raise AttemptOver(f"the server does not wait for this attempt any more ({code})")
        if answer.status in _DEFINITE and code.startswith("TrainShed."):
            raise Refused(f"{method} {path.partition('?')[0]}: {said.get('error_msg')}", code=code)
        raise Unavailable(f"{method} {path} was answered with {answer.status}: {answer.body[:200]!r}")

    def close(self) -> None:
        """Let go of the connection."""
        self._client.close()
