"""Server-sent events come out the same, however the bytes were cut."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from trainshed.client.sse import ServerEvent, parse

_NAMES = st.sampled_from(["log", "phase", "end"])
_DATA = st.dictionaries(st.text(max_size=5), st.text(max_size=20) | st.integers(), max_size=3)


def _encode(events: list[ServerEvent], newline: bytes) -> bytes:
    wire = b""
    for event in events:
        data = json.dumps(event.data, ensure_ascii=False).encode()
        wire += b"event: " + event.name.encode() + newline + b"data: " + data + newline * 2
        wire += b": ping" + newline * 2
    return wire


@given(st.lists(st.builds(ServerEvent, _NAMES, _DATA), max_size=5), st.integers(1, 7), st.booleans())
def test_cut_anywhere(events: list[ServerEvent], size: int, crlf: bool) -> None:
    wire = _encode(events, b"\r\n" if crlf else b"\n")
    chunks = [wire[i : i + size] for i in range(0, len(wire), size)]
    assert list(parse(chunks)) == events


def test_half_an_event_at_the_end_is_dropped() -> None:
    assert list(parse([b'event: log\ndata: {"a": 1}\n'])) == []


def test_data_over_several_lines() -> None:
    assert list(parse([b"data: [1,\ndata: 2]\n\n"])) == [ServerEvent("message", [1, 2])]
