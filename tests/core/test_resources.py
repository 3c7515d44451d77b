"""Amounts add, take away and fit; a clock does not go back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainshed.core.clock import ManualClock, SystemClock
from trainshed.core.resources import Resources

AMOUNTS = st.builds(
    Resources, st.integers(0, 64).map(lambda n: n / 4), st.integers(0, 999), st.integers(0, 8)
)


@given(AMOUNTS, AMOUNTS)
def test_what_was_taken_can_be_given_back(a: Resources, b: Resources) -> None:
    assert a + b - b == a
    assert a.fits(a + b)
    assert (a + b).fits(a) == (b == Resources())


def test_tenths_of_a_core_add_up() -> None:
    used = Resources()
    for _ in range(10):
        used += Resources(cpus=0.1)
    assert used.fits(Resources(cpus=1.0))


def test_a_manual_clock() -> None:
    clock = ManualClock(5.0)
    clock.advance(1.5)
    assert clock.now() == 6.5
    with pytest.raises(ValueError, match="back"):
        clock.advance(-1)
    assert SystemClock().now() > 1.7e9
