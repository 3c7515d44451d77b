"""The log store: exact bytes whatever a sender does, and readers that see whole characters."""

from __future__ import annotations

import contextlib
import shutil
import uuid
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainshed.core.errors import InvalidInput, NotFound
from trainshed.server.services import log_search
from trainshed.server.services.logs import LogGap, LogStore, complete_text, without_platform_lines

JOB = "00000000-0000-4000-8000-000000000001"


@pytest.fixture
def store(tmp_path: Path) -> LogStore:
    return LogStore(tmp_path / "logs")


@given(
    content=st.binary(max_size=200),
    sends=st.lists(st.tuples(st.integers(0, 250), st.integers(0, 80)), max_size=30),
)
@settings(max_examples=200, deadline=None)
def test_any_order_of_repeats_and_gaps_gives_the_exact_bytes(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, sends: list[tuple[int, int]]
) -> None:
    root = tmp_path_factory.mktemp("logs")
    store = LogStore(root)
    known = 0
    for offset, length in sends:
        piece = content[offset : offset + length]
        if offset > known:
            with pytest.raises(LogGap) as gap:
                store.append(JOB, 0, "worker-0", offset, piece)
            assert gap.value.size == known
        else:
            known = max(known, offset + len(piece))
            assert store.append(JOB, 0, "worker-0", offset, piece) == known
        store = LogStore(root)
    assert store.read(JOB, 0, "worker-0", 0, 1000) == content[:known]
    shutil.rmtree(root)


def test_a_stream_that_is_none_is_not_found(store: LogStore) -> None:
    for stream in ("../x", "worker-0/..", "worker-0.log", "rank-1", "", "worker-0.rank-x"):
        with pytest.raises(NotFound):
            store.append(JOB, 0, stream, 0, b"x")
    with pytest.raises(NotFound):
        store.append("../../etc", 0, "worker-0", 0, b"x")
    assert not store.root.exists()


def test_tail_starts_at_a_line(store: LogStore) -> None:
    store.append(JOB, 0, "worker-0", 0, b"first\nsecond\nthird\n")
    assert store.tail(JOB, 0, "worker-0", 100) == (b"first\nsecond\nthird\n", 19)
    assert store.tail(JOB, 0, "worker-0", 9) == (b"third\n", 19)
    assert store.tail(JOB, 0, "worker-0", 6) == (b"third\n", 19)
    assert store.tail(JOB, 1, "worker-0", 6) == (b"", 0)


def test_streams_and_deletion(store: LogStore) -> None:
    store.append(JOB, 0, "worker-0", 0, b"abc")
    store.append(JOB, 0, "worker-0.rank-1", 0, b"de")
    assert [(s.name, s.size) for s in store.streams(JOB, 0)] == [("worker-0", 3), ("worker-0.rank-1", 2)]
    store.delete(JOB)
    store.delete(str(uuid.uuid4()))
    assert store.streams(JOB, 0) == []


@given(text=st.text(max_size=30), cut=st.integers(0, 120))
def test_cut_text_is_never_half_a_character(text: str, cut: int) -> None:
    data = text.encode()[:cut]
    size = complete_text(data)
    data[:size].decode()
    assert len(data) - size < 4
    assert text.startswith(data[:size].decode())


@given(st.binary(max_size=40))
def test_bytes_that_are_no_text_are_not_held_back(data: bytes) -> None:
    assert len(data) - complete_text(data) < 4


def test_platform_lines_can_be_left_out() -> None:
    log = b"[ModelArts Service Log] start\nepoch 1\n[ModelArts Service Log] end\n"
    assert without_platform_lines(log) == b"epoch 1\n"
    assert without_platform_lines(b"epoch 1\n") == b"epoch 1\n"


LINE = st.text(st.sampled_from("ab:€ \t"), max_size=8)


@given(lines=st.lists(LINE, max_size=20), needle=st.text(st.sampled_from("ab:€ "), min_size=1, max_size=3))
@settings(max_examples=60, deadline=None)
def test_search_finds_just_the_lines_with_the_text(
    tmp_path_factory: pytest.TempPathFactory, lines: list[str], needle: str
) -> None:
    path = tmp_path_factory.mktemp("search") / "log"
    path.write_text("".join(f"{line}\n" for line in lines))
    found = log_search.search(path, needle, limit=100)
    expected = [(n, line) for n, line in enumerate(lines, start=1) if needle in line]
    assert [(m.line, m.text) for m in found.matches] == expected
    whole = path.read_bytes()
    for match in found.matches:
        assert whole[match.offset :].startswith(match.text.encode())
    shutil.rmtree(path.parent)


def test_search_by_expression_limit_and_case(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text("".join(f"Epoch {n} loss={n / 10}\n" for n in range(50)))
    found = log_search.search(path, r"epoch \d\b", limit=3, regex=True, ignore_case=True)
    assert [m.text for m in found.matches] == [f"Epoch {n} loss={n / 10}" for n in range(3)]
    assert found.truncated
    assert not log_search.search(path, "epoch", limit=3).matches
    assert not log_search.search(tmp_path / "none", "x", limit=3).matches


@pytest.mark.parametrize("pattern", ["(", "[z-a]", "", "a\nb", "x" * 2000])
def test_what_cannot_be_searched_for_is_refused(tmp_path: Path, pattern: str) -> None:
    (tmp_path / "log").write_text("text\n")
    with pytest.raises(InvalidInput):
        log_search.search(tmp_path / "log", pattern, limit=3, regex=True)


def test_a_pattern_that_starts_with_a_dash_is_a_pattern(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("--lr=0.1\n")
    assert [m.text for m in log_search.search(tmp_path / "log", "--lr", limit=3).matches] == ["--lr=0.1"]


def test_a_line_of_megabytes_does_not_fill_the_memory(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(b"x" * (12 << 20) + b"\nx\n")
    found = log_search.search(tmp_path / "log", "x", limit=10)
    assert found.truncated
    assert len(found.matches[0].text) == log_search.LONGEST_LINE


def test_a_search_that_never_ends_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_search, "SECONDS", 0.3)
    (tmp_path / "log").write_bytes((b"a" * 28 + b"b\n") * 2000)
    with contextlib.suppress(InvalidInput):
        log_search.search(tmp_path / "log", r"(a|a)*(a|a)*(a|a)*c$", limit=3, regex=True)
