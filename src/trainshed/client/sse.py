"""Server-sent events out of a stream of bytes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class ServerEvent:
    """One event: its name, and its data as the JSON value that it holds."""

    name: str
    data: Any


def parse(chunks: Iterable[bytes]) -> Iterator[ServerEvent]:
    r"""The events in ``chunks``, however they are cut; comments (keep-alives) are left out.

    An event cut off by the end of the stream is dropped: it comes again after a reconnect.

    >>> list(parse([b'event: a\ndata: {"n"', b': 1}\n\n: ping\n\ndata: 2']))
    [ServerEvent(name='a', data={'n': 1})]
    """
    name, data = "message", list[bytes]()
    for line in _lines(chunks):
        if not line:
            if data:
                yield ServerEvent(name, json.loads(b"\n".join(data)))
            name, data = "message", []
            continue
        field, _, value = line.partition(b":")
        if field == b"event":
            name = value.strip().decode()
        elif field == b"data":
            data.append(value.removeprefix(b" "))


def _lines(chunks: Iterable[bytes]) -> Iterator[bytes]:
    rest = b""
    for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            yield line.removesuffix(b"\r")
