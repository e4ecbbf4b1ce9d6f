"""The Pareto front, kept up to date one by one, equals the front computed at once."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from katib_control.reconcile.pareto import ParetoFront, dominates, front_of


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        pytest.param((1.0, 1.0), (2.0, 2.0), True, id="better in both"),
        pytest.param((1.0, 2.0), (2.0, 2.0), True, id="better in one and equal in the other"),
        pytest.param((1.0, 3.0), (2.0, 2.0), False, id="better in one and worse in the other"),
        pytest.param((1.0, 1.0), (1.0, 1.0), False, id="equal"),
    ],
)
def test_one_point_dominates_another(one, other, expected):
    assert dominates(one, other) is expected


def test_the_front_is_sorted_by_the_first_objective():
    points = {"a": (3.0, 1.0), "b": (1.0, 3.0), "c": (2.0, 2.0), "d": (3.0, 3.0), "e": (2.0, 2.0)}
    assert front_of(points) == ["b", "c", "e", "a"]


numbers = st.integers(0, 4).map(float)
changes = st.lists(st.tuples(st.integers(0, 8), st.tuples(numbers, numbers) | st.none()), max_size=30)


@given(changes)
def test_putting_and_dropping_one_by_one_equals_the_definition(steps):
    front, points = ParetoFront[int](), {}
    for key, losses in steps:
        if losses is None:
            front.drop(key)
            points.pop(key, None)
        else:
            front.put(key, losses)
            points[key] = losses
        expected = {key for key, own in points.items() if not any(dominates(item, own) for item in points.values())}
        assert set(front.members) == expected
