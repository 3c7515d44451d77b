"""Nothing that an agent sends is taken on trust."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainshed.core.errors import InvalidInput, TrainshedError
from trainshed.core.task import Cause, EventKind, MetricSample, Stage, TaskEvent, TaskOutcome, TrainingMetric
from trainshed.core.wire import to_wire
from trainshed.server.services import reports
from trainshed.server.services.reports import SequenceGap

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
KEY = st.text(st.characters(codec="ascii", exclude_characters="\x00"), max_size=5)
EVENT = st.builds(
    TaskEvent,
    seq=st.integers(0, 50),
    time=st.floats(0, 2e9),
    stage=st.sampled_from(Stage),
    kind=st.sampled_from(EventKind),
    message=st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=20),
    duration=st.floats(0, 1e6),
    detail=st.dictionaries(KEY, st.integers(), max_size=2),
)


@given(st.fixed_dictionaries({"events": JSON}))
def test_any_json_is_events_or_refused(data: dict[str, object]) -> None:
    try:
        events = reports.parse_events(data)
    except TrainshedError:
        return
    json.dumps([to_wire(event) for event in events], allow_nan=False).encode()


@given(st.fixed_dictionaries({"samples": JSON, "training": JSON}))
def test_any_json_is_metrics_or_refused(data: dict[str, object]) -> None:
    try:
        reports.parse_metrics(data)
    except TrainshedError:
        return


@given(
    st.lists(
        st.dictionaries(
            st.sampled_from(["seq", "time", "stage", "kind", "message", "duration", "detail"]), JSON
        ),
        max_size=3,
    )
)
def test_events_with_fields_of_any_kind(items: list[object]) -> None:
    try:
        reports.parse_events({"events": items})
    except TrainshedError:
        return


@given(st.lists(EVENT, max_size=5))
def test_what_an_agent_writes_comes_back_the_same(events: list[TaskEvent]) -> None:
    wire = json.loads(json.dumps({"events": [to_wire(event) for event in events]}))
    assert reports.parse_events(wire) == events


@given(st.lists(st.integers(0, 12), max_size=12), st.integers(0, 12))
def test_fresh_events_follow_without_a_gap_or_are_refused(seqs: list[int], known: int) -> None:
    events = [TaskEvent(seq, 0.0, Stage.RUN, EventKind.NOTE) for seq in seqs]
    wanted = known
    for seq in seqs:
        if seq > wanted:
            with pytest.raises(SequenceGap) as gap:
                reports.fresh(events, known)
            assert gap.value.next_seq == known
            return
        wanted += seq == wanted
    assert [event.seq for event in reports.fresh(events, known)] == list(range(known, wanted))


def test_text_is_cut_and_scrubbed() -> None:
    event = {"seq": 0, "time": 1.0, "stage": "run", "kind": "note", "message": "a\x00\ud800" + "x" * 9000}
    [found] = reports.parse_events({"events": [event]})
    assert found.message.startswith("a?x")
    assert len(found.message) <= reports.MAX_MESSAGE


def test_a_detail_that_is_too_long_is_dropped_and_said_so() -> None:
    event = {"seq": 0, "time": 1.0, "stage": "run", "kind": "note", "detail": {"x": "y" * 20_000}}
    [found] = reports.parse_events({"events": [event]})
    assert list(found.detail) == ["dropped"]


def test_not_a_number_in_a_detail_becomes_null() -> None:
    body = b'{"events": [{"seq": 0, "time": 1.0, "stage": "run", "kind": "note", "detail": {"loss": NaN}}]}'
    [found] = reports.parse_events(reports.parse_body(body))
    assert found.detail == {"loss": None}


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"\xff", b'"x"', b"[" * 100_000])
def test_a_body_that_is_no_object_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidInput):
        reports.parse_body(body)


def test_an_outcome_is_read_from_the_last_event() -> None:
    outcome = TaskOutcome(Cause.USER_ERROR, Stage.RUN, "exit code 3", exit_code=3, rank=0, failed_at=5.0)
    event = TaskEvent(4, 6.0, Stage.REPORT, EventKind.FINISHED, detail=to_wire(outcome))
    assert reports.outcome_of(event) == outcome
    with pytest.raises(InvalidInput):
        reports.outcome_of(TaskEvent(4, 6.0, Stage.REPORT, EventKind.FINISHED, detail={"cause": "luck"}))


def test_metrics_of_no_time_or_number_are_refused() -> None:
    for bad in (
        {"samples": [to_wire(MetricSample(float("nan")))]},
        {"training": [to_wire(TrainingMetric(-1, 0.0, "loss", 0, 0.1))]},
        {"training": [to_wire(TrainingMetric(2**40, 0.0, "loss", 0, 0.1))]},
        {"samples": [{}] * (reports.MAX_SAMPLES + 1)},
    ):
        with pytest.raises(InvalidInput):
            reports.parse_metrics(bad)
    found = reports.parse_metrics(
        {"training": [to_wire(TrainingMetric(0, 0.0, "l\x00oss", 0, float("nan")))]}
    )
    assert found.training[0].name == "loss"
