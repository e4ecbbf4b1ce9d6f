"""Exploring around a point: how far each type of parameter moves, and where it cannot."""

from __future__ import annotations

import random

import pytest

from builders import ExperimentBuilder, experiment
from katib_control.suggestion.schedules.exploring import explore, perturb
from katib_control.suggestion.space import SearchSpace, search_space


def space(built: ExperimentBuilder) -> SearchSpace:
    spec = built.build().spec
    return search_space(spec.parameters, spec.constraints)


@pytest.mark.parametrize(
    ("built", "value", "expected"),
    [
        pytest.param(experiment().double("x", 0, 1), "0.1", {"0.08", "0.12"}, id="a double, without float noise"),
        pytest.param(experiment().double("x", -5, 5), "-2.5", {"-2.0", "-3.0"}, id="a negative double"),
        pytest.param(
            experiment().double("x", "1e-6", 1, None, "logUniform"), "0.0001", {"8e-05", "0.00012"}, id="a log double"
        ),
        pytest.param(experiment().double("x", 0, 1), "0.9", {"0.72", "1.0"}, id="not beyond max"),
        pytest.param(experiment().double("x", 0.1, 1), "0.11", {"0.1", "0.132"}, id="not below min"),
        pytest.param(experiment().double("x", 0, 1, "0.05"), "0.5", {"0.4", "0.6"}, id="a double with a step"),
        pytest.param(experiment().double("x", 0, 1, "0.15"), "0.45", {"0.3", "0.6"}, id="the nearest on its lattice"),
        pytest.param(experiment().int("x", 1, 100), "50", {"40", "60"}, id="an int"),
        pytest.param(experiment().int("x", 1, 100, None, "logUniform"), "50", {"40", "60"}, id="a logarithmic int"),
        pytest.param(experiment().int("x", 1, 100), "2", {"1", "3"}, id="a small int: at least one step"),
        pytest.param(experiment().int("x", 1, 100), "1", {"1", "2"}, id="an int at its min"),
        pytest.param(experiment().int("x", 1, 100), "100", {"80", "100"}, id="an int at its max"),
        pytest.param(experiment().int("x", -9, 9), "0", {"-1", "1"}, id="zero"),
        pytest.param(experiment().int("x", -9, 9), "-5", {"-4", "-6"}, id="a negative int"),
        pytest.param(experiment().int("x", 16, 64, 16), "32", {"16", "48"}, id="an int with a step"),
        pytest.param(experiment().int("x", 7, 7), "7", {"7"}, id="one value"),
        pytest.param(experiment().discrete("x", 1, 8, 2, 4), "4", {"2", "8"}, id="discrete: a neighbour by value"),
        pytest.param(experiment().discrete("x", 1, 8, 2, 4), "8", {"4", "8"}, id="discrete: not beyond the last"),
        pytest.param(experiment().categorical("x", "a", "b", "c"), "b", {"a", "b", "c"}, id="categorical: any"),
        pytest.param(experiment().categorical("x", "a"), "a", {"a"}, id="a list of one"),
    ],
)  # fmt: skip
def test_where_a_value_goes(built: ExperimentBuilder, value: str, expected: set[str]) -> None:
    (dimension,) = space(built).dimensions
    found = {perturb(dimension, value, random.Random(seed)) for seed in range(60)}
    assert found <= expected
    assert len(found) >= min(2, len(expected))


def test_a_double_at_zero_which_no_factor_moves_is_drawn_anew() -> None:
    (dimension,) = space(experiment().double("x", 0, 1)).dimensions
    found = {perturb(dimension, "0.0", random.Random(seed)) for seed in range(20)}
    assert len(found) == 20


def test_a_categorical_stays_every_other_time() -> None:
    (dimension,) = space(experiment().categorical("x", *"abcd")).dimensions
    stayed = sum(perturb(dimension, "a", random.Random(seed)) == "a" for seed in range(2000))
    assert 900 < stayed < 1100


def test_when_all_near_points_are_taken_it_goes_further() -> None:
    one = space(experiment().double("x", 0, 10))
    taken: set[tuple[str, ...]] = {("5.0",)}
    for seed in range(30):
        found = explore(one, ("5.0",), random.Random(seed), taken, None)
        assert found not in taken
        taken.add(found)


def test_in_a_small_space_it_finds_the_last_free_point_and_then_stays() -> None:
    one = space(experiment().categorical("c", *"abc").int("n", 1, 3))
    every = {one.at(index) for index in range(9)}
    free = ("b", "2")
    assert explore(one, ("a", "1"), random.Random(1), every - {free}, 0.01) == free
    assert explore(one, ("a", "1"), random.Random(1), every, None) == ("a", "1")


def test_constraints_are_kept_even_where_no_near_point_keeps_them() -> None:
    one = space(experiment().double("x", 0, 1).spec(constraints=["x >= 0.95"]))
    for seed in range(20):
        (value,) = explore(one, ("0.951",), random.Random(seed), {("0.951",), ("1.0",)}, None)
        assert 0.95 <= float(value) <= 1


def test_where_the_constraints_leave_nothing_to_be_found_it_stays() -> None:
    one = space(experiment().double("x", 0, 1).spec(constraints=["x <= 0"]))
    assert explore(one, ("0.0",), random.Random(1), {("0.0",)}, None) == ("0.0",)
