"""What goes over the wire comes back as it was; what is wrong is named."""

from __future__ import annotations

import dataclasses
import json
import typing
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trainshed.core.algorithm import Algorithm
from trainshed.core.engine import Engine
from trainshed.core.errors import Code, InvalidInput
from trainshed.core.job import JobSpec, RestartPolicy
from trainshed.core.lifecycle import JobState
from trainshed.core.resources import Flavor, Node, Resources
from trainshed.core.task import Layout, MetricSample, ProcessSpec, TaskEvent, TaskOutcome, TaskSpec
from trainshed.core.wire import from_wire, to_wire

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
FINITE = st.floats(allow_nan=False, allow_infinity=False)


def values(kind: Any) -> st.SearchStrategy[Any]:
    """Any value of a field of that type."""
    if kind in (Any, float):
        return JSON if kind is Any else FINITE
    arguments = typing.get_args(kind)
    origin = typing.get_origin(kind)
    if origin is tuple:
        return st.lists(values(arguments[0]), max_size=3).map(tuple)
    if origin is dict:
        return st.dictionaries(st.text(), values(arguments[1]), max_size=3)
    if arguments:
        return st.one_of([values(each) for each in arguments])
    if dataclasses.is_dataclass(kind):
        hints = typing.get_type_hints(kind)
        return st.builds(kind, **{f.name: values(hints[f.name]) for f in dataclasses.fields(kind)})
    return st.from_type(kind)


NOUNS = [
    Algorithm, Engine, Flavor, JobSpec, JobState, Layout, MetricSample, Node,
    ProcessSpec, Resources, RestartPolicy, TaskEvent, TaskOutcome, TaskSpec,
]  # fmt: skip


@pytest.mark.parametrize("noun", NOUNS)
def test_every_noun_comes_back_as_it_was(noun: type) -> None:
    @settings(max_examples=30, suppress_health_check=[HealthCheck.too_slow], deadline=None)
    @given(values(noun))
    def there_and_back(value: object) -> None:
        text = json.dumps(to_wire(value))
        assert from_wire(noun, json.loads(text)) == value

    there_and_back()


@given(JSON)
def test_nonsense_is_refused_and_never_anything_else(data: object) -> None:
    for noun in (TaskSpec, TaskEvent, JobSpec):
        with pytest.raises(InvalidInput) as raised:
            from_wire(noun, data)
        assert raised.value.code == Code.FIELD_INVALID


GOOD = {"seq": 0, "time": 1.5, "stage": "run", "kind": "done"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"colour": "red"}, "TaskEvent has no field 'colour'"),
        ({"seq": "1"}, "TaskEvent.seq must be an integer, not str"),
        ({"seq": True}, "TaskEvent.seq must be an integer, not bool"),
        ({"time": "now"}, "TaskEvent.time must be a number, not str"),
        ({"message": 3}, "TaskEvent.message must be a string, not int"),
        ({"detail": []}, "TaskEvent.detail must be an object, not list"),
        ({"stage": "lunch"}, "TaskEvent.stage must be one of: precheck"),
    ],
)
def test_what_is_wrong_is_named(change: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        from_wire(TaskEvent, {**GOOD, **change})
    assert raised.value.message.startswith(message)


@pytest.mark.parametrize("name", ["seq", "time", "stage", "kind"])
def test_what_is_missing_is_named(name: str) -> None:
    with pytest.raises(InvalidInput, match=f"TaskEvent.{name} is missing"):
        from_wire(TaskEvent, {k: v for k, v in GOOD.items() if k != name})


def test_a_path_leads_into_lists_and_objects() -> None:
    data = to_wire(JobSpec("obs://b/c", "t.py", "e", "f"))
    data["inputs"] = [{"name": "data_url", "uri": "obs://b/d"}, {"name": "x", "uri": 4}]
    with pytest.raises(InvalidInput, match=r"JobSpec.inputs\[1\].uri must be a string"):
        from_wire(JobSpec, data)


def test_a_whole_number_will_do_for_a_fraction() -> None:
    event = from_wire(TaskEvent, {**GOOD, "time": 2})
    assert event.time == 2.0
    assert isinstance(event.time, float)


def test_a_wire_form_of_before_a_field_was_added_is_read() -> None:
    data = to_wire(RestartPolicy(infrastructure=2))
    for name in ("hang", "preemption", "retry_codes", "never_codes", "backoff_s", "avoid_nodes"):
        del data[name]
    assert from_wire(RestartPolicy, data) == RestartPolicy(infrastructure=2)
