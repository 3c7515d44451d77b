"""What a job, a parameter and a variable may be called."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainshed.core.errors import Code, InvalidInput
from trainshed.core.names import (
    MAX_DESCRIPTION,
    MAX_VARIABLE_VALUE,
    MAX_VARIABLES,
    check_description,
    check_environments,
    check_name,
    check_parameter_name,
)


@pytest.mark.parametrize("name", ["a", "mnist-1", "_x", "训练作业-1", "9lives", "x" * 64])
def test_good_names(name: str) -> None:
    assert check_name(name) == name


@pytest.mark.parametrize(
    "name", ["", "-x", "x" * 65, "a b", "a.b", "a/b", "..", "a\n", "a\x00", "<b>", "a\u202eb", "💥"]
)
def test_bad_names(name: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        check_name(name)
    assert raised.value.code == Code.NAME_INVALID
    assert len(raised.value.message) < 250


@given(st.text(max_size=200))
def test_any_text_is_a_name_or_is_refused(text: str) -> None:
    try:
        assert check_name(text) == text
    except InvalidInput:
        return
    assert 1 <= len(text) <= 64
    assert not set(text) & set("/\\.\n\x00 \"'<>&;$`|")


@pytest.mark.parametrize("name", ["lr", "data_url", "batch-size", "9"])
def test_good_parameter_names(name: str) -> None:
    assert check_parameter_name(name) == name


@pytest.mark.parametrize("name", ["", "学习率", "a b", "a=b", "x" * 65, "a\n"])
def test_bad_parameter_names(name: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        check_parameter_name(name)
    assert raised.value.code == Code.PARAMETER_INVALID


def test_descriptions() -> None:
    assert check_description("d" * MAX_DESCRIPTION)
    for bad in ("d" * (MAX_DESCRIPTION + 1), "a\x00b"):
        with pytest.raises(InvalidInput):
            check_description(bad)


def test_variables() -> None:
    good = {"PATH_2": "x" * MAX_VARIABLE_VALUE, "_": ""}
    assert check_environments(good) == good


@pytest.mark.parametrize(
    "bad",
    [
        {"2A": "x"},
        {"A-B": "x"},
        {"": "x"},
        {"A\n": "x"},
        {"A": "$HOME"},
        {"A": "a\x00"},
        {"A": "x" * (MAX_VARIABLE_VALUE + 1)},
        {f"A{i}": "" for i in range(MAX_VARIABLES + 1)},
    ],
)
def test_bad_variables(bad: dict[str, str]) -> None:
    with pytest.raises(InvalidInput) as raised:
        check_environments(bad)
    assert raised.value.code == Code.ENVIRONMENT_VARIABLE_INVALID
