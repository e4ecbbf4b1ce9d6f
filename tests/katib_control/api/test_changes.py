"""Where two lists differ, against the definition."""

from __future__ import annotations

import operator

from hypothesis import given
from hypothesis import strategies as st

from katib_control.api.changes import changed

numbers = st.lists(st.integers(0, 2), max_size=8)


@given(numbers, numbers)
def test_every_place_that_differs_is_told_once_in_ascending_order(old: list[int], new: list[int]) -> None:
    places = range(max(len(old), len(new)))
    expected = [place for place in places if old[place : place + 1] != new[place : place + 1]]
    assert list(changed(old, new, operator.eq)) == expected


def test_by_default_only_the_same_object_is_equal() -> None:
    one, alike = [1], [1]
    assert list(changed([one, one], [one, alike])) == [1]
