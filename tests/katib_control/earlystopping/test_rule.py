"""Percentiles of ascending values."""

from __future__ import annotations

from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from katib_control.earlystopping.rule import percentile

numbers = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=30).map(sorted)


@pytest.mark.parametrize(
    ("values", "percent", "expected"),
    [
        pytest.param([7.0], 25, 7.0, id="one value is every percentile"),
        pytest.param([1.0, 2.0, 3.0, 4.0, 5.0], 0, 1.0, id="0 is the first"),
        pytest.param([1.0, 2.0, 3.0, 4.0, 5.0], 100, 5.0, id="100 is the last"),
        pytest.param([1.0, 2.0, 3.0, 4.0, 5.0], 25, 2.0, id="exactly at a value"),
        pytest.param([1.0, 2.0, 4.0], 75, 3.0, id="between two values in a straight line"),
        pytest.param([1.0, 2.0, 4.0, 9.0], 50, 3.0, id="the median of an even number lies between"),
    ],
)
def test_percentile(values: list[float], percent: float, expected: float) -> None:
    assert percentile(values, percent) == pytest.approx(expected)


@given(values=numbers)
def test_the_50th_percentile_is_the_median(values: list[float]) -> None:
    assert percentile(values, 50) == pytest.approx(median(values))


@given(values=numbers, percent=st.floats(0, 100))
def test_a_percentile_lies_between_the_smallest_and_the_largest(values: list[float], percent: float) -> None:
    assert values[0] - 1e-9 <= percentile(values, percent) <= values[-1] + 1e-9
