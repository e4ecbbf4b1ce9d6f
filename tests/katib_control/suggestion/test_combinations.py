"""Counting feasible combinations gives what listing them gives."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builders import experiment
from katib_control.suggestion.combinations import Combinations, any_feasible
from katib_control.suggestion.space import SearchSpace, search_space

PARTS = ["a < b", "a + c <= 5", "d != 'x'", "b == 2 or d == 'y'", "c >= 1", "a * b * c % 2 == 0", "a > 99"]


def space(sizes: list[int], constraints: list[str]) -> SearchSpace:
    built = experiment().spec(parameters=[])
    for name, size in zip("abc", sizes, strict=True):
        built = built.int(name, 0, size)
    built = built.categorical("d", "x", "y", "z").double("e", 0, 0.5, "0.25")
    return search_space(built.build().spec.parameters, constraints)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.integers(0, 4), min_size=3, max_size=3), st.lists(st.sampled_from(PARTS), max_size=3, unique=True))
def test_the_points_are_those_of_the_whole_product_without_the_infeasible_ones(
    sizes: list[int], constraints: list[str]
) -> None:
    tested = space(sizes, constraints)
    rows = [[item.at(rank) for rank in range(item.size or 0)] for item in tested.dimensions]
    expected = [point for point in itertools.product(*rows) if tested.feasible(point)]
    found = Combinations(tested)
    assert found.size == len(expected)
    assert [found.at(index) for index in range(found.size)] == expected
    assert [found.index(point) for point in expected] == list(range(found.size))
    assert any_feasible(tested) == bool(expected)


@pytest.mark.parametrize("constraints", [[], ["a != 1"]])
def test_parameters_without_constraints_cost_nothing_however_many_values_they_have(constraints: list[str]) -> None:
    built = experiment().spec(parameters=[]).int("big", 1, 10**12).int("a", 0, 2).int("large", 1, 10**12)
    found = Combinations(search_space(built.build().spec.parameters, constraints))
    assert found.size == (2 if constraints else 3) * 10**24
    assert found.at(0) == ("1", "0", "1")
    assert found.at(found.size - 1) == ("1000000000000", "2", "1000000000000")
    assert found.index(found.at(10**23 + 7)) == 10**23 + 7
