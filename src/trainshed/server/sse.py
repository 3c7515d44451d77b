"""Server-sent events: one way to write them, one kind of answer."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from pydantic_core import to_json
from starlette.responses import StreamingResponse

# a comment that keeps proxies from closing a stream on which nothing happens
PING = b": ping\n\n"


def sse(event: str, data: Any) -> bytes:
    r"""One event.

    >>> sse("end", {"phase": "Completed"})
    b'event: end\ndata: {"phase":"Completed"}\n\n'
    """
    return b"event: " + event.encode() + b"\ndata: " + to_json(data, inf_nan_mode="null") + b"\n\n"


class EventStream(StreamingResponse):
    """A stream of events that nothing on the way may hold back."""

    media_type = "text/event-stream"

    def __init__(self, content: AsyncIterator[bytes], status_code: int = 200) -> None:
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        super().__init__(content, status_code=status_code, headers=headers)
