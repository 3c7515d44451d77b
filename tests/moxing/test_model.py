"""``File`` does, call by call, what a file in memory does."""

from __future__ import annotations

import io
import uuid

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import moxing as mox
from tests.moxing.conftest import Where

OFFSETS = st.integers(0, 40)
BYTES = st.binary(max_size=12)
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r"), max_size=12)


def _calls(
    data: st.SearchStrategy[bytes] | st.SearchStrategy[str],
) -> st.SearchStrategy[list[tuple[object, ...]]]:
    return st.lists(
        st.one_of(
            st.tuples(st.just("read"), st.integers(-1, 15)),
            st.tuples(st.just("readline")),
            st.tuples(st.just("write"), data),
            st.tuples(st.just("flush")),
            st.tuples(st.just("tell")),
        ),
        max_size=12,
    )


SEEKS = st.one_of(
    st.tuples(st.just("seek"), OFFSETS, st.just(0)),
    st.tuples(st.just("seek"), st.just(0), st.sampled_from([1, 2])),
    st.tuples(st.just("truncate"), OFFSETS),
)
BINARY = st.lists(
    st.one_of(SEEKS, _calls(BYTES).map(lambda calls: calls[0] if calls else ("tell",))), max_size=15
)
RELAXED = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def _apply(f: object, call: tuple[object, ...]) -> object:
    try:
        return getattr(f, str(call[0]))(*call[1:])
    except (ValueError, OSError):
        return "refused"


@RELAXED
@given(begin=BYTES, calls=BINARY, mode=st.sampled_from(["rb+", "wb+", "ab+"]))
def test_binary(where: Where, begin: bytes, calls: list[tuple[object, ...]], mode: str) -> None:
    name = uuid.uuid4().hex
    where.put(name, begin)
    model = _Model(begin, mode)
    with mox.file.File(where / name, mode) as f:
        for call in calls:
            assert _apply(f, call) == _apply(model, call), call
    assert where.content(name) == model.getvalue()


@RELAXED
@given(begin=BYTES, calls=BINARY)
def test_reading(where: Where, begin: bytes, calls: list[tuple[object, ...]]) -> None:
    name = uuid.uuid4().hex
    where.put(name, begin)
    model = io.BufferedReader(io.BytesIO(begin))
    with mox.file.File(where / name, "rb") as f:
        for call in calls:
            if call[0] in ("read", "readline", "seek", "tell"):
                assert _apply(f, call) == _apply(model, call), call


@RELAXED
@given(begin=TEXT, calls=_calls(TEXT))
def test_text(where: Where, begin: str, calls: list[tuple[object, ...]]) -> None:
    name = uuid.uuid4().hex
    where.put(name, begin.encode())
    raw = io.BytesIO(begin.encode())
    model = io.TextIOWrapper(raw, "utf-8")
    writing = [c for c in calls if c[0] in ("write", "flush")]
    reading = [c for c in calls if c[0] in ("read", "readline", "tell")]
    with mox.file.File(where / name, "r") as f:
        for call in reading:
            assert _apply(f, call) == _apply(model, call), call
    with mox.file.File(where / name, "w") as f:
        for call in writing:
            _apply(f, call)
    assert where.content(name) == "".join(str(c[1]) for c in writing if c[0] == "write").encode()


class _Model(io.BytesIO):
    """A file in memory, opened with a mode."""

    def __init__(self, begin: bytes, mode: str) -> None:
        super().__init__(b"" if mode[0] == "w" else begin)
        self._append = mode[0] == "a"
        if self._append:
            self.seek(0, io.SEEK_END)

    def write(self, data: bytes, /) -> int:  # type: ignore[override]
        if self._append:
            self.seek(0, io.SEEK_END)
        return super().write(data)

    def truncate(self, size: int | None = None, /) -> int:
        assert size is not None
        self_size = len(self.getvalue())
        if size > self_size:
            position = self.tell()
            self.seek(self_size)
            super().write(bytes(size - self_size))
            self.seek(position)
        return super().truncate(size)
