"""Codes are a promise: each means one thing for ever."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from trainshed.core import errors
from trainshed.core.errors import Code, TrainshedError

GOLDEN = Path(__file__).with_name("error_codes.txt")
CODES = {name: value for name, value in vars(Code).items() if not name.startswith("_")}
FAMILIES = [
    kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, TrainshedError) and kind is not TrainshedError
]


def test_no_released_code_changes_its_meaning() -> None:
    released = dict(reversed(line.split()) for line in GOLDEN.read_text().splitlines())
    assert {name: CODES.get(name) for name in released} == released
    new = [f"{value} {name}" for name, value in CODES.items() if name not in released]
    assert not new, f"add to {GOLDEN.name}: {new}"


def test_codes_are_unique_and_of_a_family() -> None:
    assert len(set(CODES.values())) == len(CODES)
    thousands = {kind.family[:-3] for kind in FAMILIES}
    for value in CODES.values():
        assert re.fullmatch(r"TrainShed\.[1-8][0-9]{3}", value)
        assert value[:-3] in thousands


def test_no_code_is_that_of_a_family() -> None:
    assert not {kind.family for kind in FAMILIES} & set(CODES.values())


@pytest.mark.parametrize("kind", FAMILIES)
def test_an_error_carries_its_code_status_and_sentence(kind: type[TrainshedError]) -> None:
    error = kind("no such thing")
    assert (error.code, str(error), error.message) == (kind.family, "no such thing", "no such thing")
    assert 400 <= error.status <= 599
    assert kind("x", code=Code.NAME_TAKEN).code == Code.NAME_TAKEN
