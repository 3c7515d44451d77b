"""The sorted collection against a plain sorted list."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainshed.jobs.order import SortedKeys


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 50)), max_size=200), st.integers(0, 50))
def test_like_a_sorted_list(actions: list[tuple[bool, int]], asked: int) -> None:
    keys, model = SortedKeys[tuple[int]](), set[int]()
    for add, number in actions:
        if add and number not in model:
            keys.add((number,))
            model.add(number)
        elif not add and number in model:
            keys.remove((number,))
            model.remove(number)
    assert list(keys) == sorted((number,) for number in model)
    assert len(keys) == len(model)
    assert keys.rank((asked,)) == sum(number < asked for number in model)
    assert ((asked,) in keys) == (asked in model)


def test_many_keys_split_and_empty_again() -> None:
    keys = SortedKeys[tuple[int]]()
    for number in range(5000):
        keys.add(((number * 7919) % 5000,))
    assert list(keys) == [(number,) for number in range(5000)]
    assert keys.rank((4321,)) == 4321
    for number in range(5000):
        keys.remove((number,))
    assert list(keys) == []


def test_removing_what_is_not_there() -> None:
    with pytest.raises(KeyError):
        SortedKeys[tuple[int]]().remove((1,))
    keys = SortedKeys[tuple[int]]()
    keys.refill([(3,), (1,)])
    with pytest.raises(KeyError):
        keys.remove((2,))
