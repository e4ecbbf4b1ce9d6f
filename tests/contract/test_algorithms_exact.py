"""What every algorithm of the registry must get exactly right: directions, lattices, distributions, the end.

No algorithm is named: what one can do is asked of it, and a new one is tested unasked.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import pytest
from scipy import stats

from builders import ExperimentBuilder, experiment
from katib_control.suggestion.engine import Engine
from katib_control.suggestion.registry import ALGORITHMS
from searching import Search, pairs, required_settings, start_up, with_algorithm

NAMES = sorted(ALGORITHMS)
SEEDS = 250


def parameter(kind: str, low: Any, high: Any, *, step: Any = None, distribution: str | None = None) -> dict[str, Any]:
    return {"type": kind, "min": low, "max": high, "step": step, "distribution": distribution}


@lru_cache
def needs_steps(name: str) -> bool:
    """Whether an algorithm counts values, and refuses doubles that cannot be counted."""
    return bool(Engine().validate(with_algorithm(experiment().double("x", 0, 1), name).build()))


def built(name: str, space: dict[str, dict[str, Any]], **options: Any) -> ExperimentBuilder:
    made = experiment().max_trials(1000).parallel(2)
    for key, item in space.items():
        made = made.parameter(key, item["type"], **{word: value for word, value in item.items() if word != "type"})
    return with_algorithm(made, name, **{**start_up(name), **options})


def sphere(values: dict[str, str]) -> float:
    return (float(values["x"]) - 1) ** 2 + (float(values["y"]) + 2) ** 2


def total(values: dict[str, str]) -> float:
    return float(values["x"]) + float(values["y"])


@lru_cache
def searched(name: str, function: Callable[[dict[str, str]], float], direction: str, sign: float) -> tuple[float, ...]:
    """Return the function at 40 points, where the search was told the function times ``sign``."""
    step = "0.1" if needs_steps(name) else None
    space = {axis: parameter("double", -5, 5, step=step) for axis in "xy"}
    search = Search(built(name, space, random_state=3).objective("loss", direction).build())
    return tuple(function(item) for item in search.tune(lambda values: sign * function(values), 40, 2))


@pytest.mark.parametrize("direction", ["minimize", "maximize"])
@pytest.mark.parametrize("function", [sphere, total])
@pytest.mark.parametrize("name", NAMES)
def test_what_it_learns_from_losses_leads_it_the_right_way(
    name: str, function: Callable[[dict[str, str]], float], direction: str
) -> None:
    # Told the function, it looks for the least value when it minimises; told its negative, when it maximises.
    sign = 1.0 if direction == "minimize" else -1.0
    there, away = searched(name, function, direction, sign), searched(name, function, direction, -sign)
    if there == away:
        return  # its points do not depend on losses; test_algorithms.py says of whom they must
    least, most = (0.0, 85.0) if function is sphere else (-10.0, 10.0)
    # Of the points of an algorithm that divides a budget many are the same one with more of it.
    near = 0.2 if "resource_name" in {item.name for item in ALGORITHMS[name].settings} else 0.12
    assert min(there) < least + near * (most - least), "it came near the optimum"
    assert sum(there) / len(there) < sum(away) / len(away) - 0.05 * (most - least)


LATTICES = {
    "doubles with a step are spelled as people write them": (
        parameter("double", 0.1, 0.5, step=0.1), {"0.1", "0.2", "0.3", "0.4", "0.5"},
    ),
    "the lattice of doubles begins at min and stays below max": (
        parameter("double", 5, 10, step=0.8), {"5.0", "5.8", "6.6", "7.4", "8.2", "9.0", "9.8"},
    ),
    "the lattice of ints begins at min": (parameter("int", 1, 10, step=4), {"1", "5", "9"}),
    "ints have no decimal point": (parameter("int", -1, 2), {"-1", "0", "1", "2"}),
    "steps go together with a logarithmic distribution": (
        parameter("double", 0.001, 0.004, step=0.001, distribution="logUniform"),
        {"0.001", "0.002", "0.003", "0.004"},
    ),
    "ints go together with a normal distribution": (
        parameter("int", 1, 5, distribution="normal"), {"1", "2", "3", "4", "5"},
    ),
    "discrete values keep their spelling": (
        {"type": "discrete", "list": ["1e-3", "0.5", "2.0"]}, {"1e-3", "0.5", "2.0"},
    ),
}  # fmt: skip


@pytest.mark.parametrize(("item", "values"), LATTICES.values(), ids=LATTICES)
@pytest.mark.parametrize("name", NAMES)
def test_only_values_of_the_lattice_are_made_spelled_as_people_write_them(
    name: str, item: dict[str, Any], values: set[str]
) -> None:
    space = {"x": item, "y": parameter("int", 1, 50)}
    search = Search(built(name, space, random_state=1).build())
    seen = {point["x"] for point in search.tune(lambda point: float(point["y"]), trials=40, parallel=4)}
    assert seen <= values
    # A grid has not left its first value by then.
    assert len(seen) > 1 or needs_steps(name)


def first_points(name: str, item: dict[str, Any]) -> list[float]:
    """Return the values of the first points of many searches, before there is anything to learn from."""
    values = []
    for seed in range(SEEDS):
        answer = Search(built(name, {"x": item, "y": parameter("int", 1, 3)}, random_state=seed).build()).ask(4)
        values += [float(pairs(point)["x"]) for point in answer.assignments]
    assert len(values) >= SEEDS
    return values


@pytest.mark.parametrize(("low", "high", "step"), [(1, 4, None), (1, 9, 2), (0, 1, None)])
@pytest.mark.parametrize("name", NAMES)
def test_the_first_ints_are_uniform_up_to_both_ends(name: str, low: int, high: int, step: int | None) -> None:
    values = first_points(name, parameter("int", low, high, step=step))
    counts = Counter(values)
    expected = range(low, high + 1, step or 1)
    assert set(counts) == set(map(float, expected))
    assert stats.chisquare([counts[float(value)] for value in expected]).pvalue > 1e-4


_CENTRE, _WIDTH = math.log(10), math.log(100) / 6
SHAPES: dict[str, tuple[Callable[[float], float], Any]] = {
    "uniform": (float, stats.uniform(1, 99)),
    "logUniform": (math.log, stats.uniform(0, math.log(100))),
    "normal": (float, stats.truncnorm(-3, 3, loc=50.5, scale=16.5)),
    "logNormal": (math.log, stats.truncnorm(-3, 3, loc=_CENTRE, scale=_WIDTH)),
}


@pytest.mark.parametrize("distribution", SHAPES)
@pytest.mark.parametrize("name", NAMES)
def test_the_first_doubles_follow_their_distribution_inside_the_bounds(name: str, distribution: str) -> None:
    if needs_steps(name):
        return  # it goes over values, however likely they are
    values = first_points(name, parameter("double", 1, 100, distribution=distribution))
    assert all(1 <= value <= 100 for value in values)
    scale, expected = SHAPES[distribution]
    assert stats.kstest([scale(value) for value in values], expected.cdf).pvalue > 1e-4


@pytest.mark.parametrize("name", NAMES)
def test_a_space_that_is_used_up_is_no_error(name: str) -> None:
    made = experiment().int("n", 1, 2).categorical("c", "a", "b").max_trials(1000).parallel(3)
    search = Search(with_algorithm(made, name, **start_up(name)).build())
    search.tune(lambda values: float(values["n"]), trials=30, parallel=3)
    assert {(item["n"], item["c"]) for item in search.points} <= {(n, c) for n in "12" for c in "ab"}
    # It has repeated points, or said that there are no more; what may not be is to wait for trials that do not run.
    assert len(search.points) == 30 or search.ask(3).exhausted


@pytest.mark.parametrize("name", NAMES)
def test_a_space_of_one_point_is_no_error(name: str) -> None:
    made = experiment().parameter("c", "categorical", list=["a"]).max_trials(1000)
    search = Search(with_algorithm(made, name, **start_up(name)).build())
    search.tune(lambda _: 1.0, trials=12, parallel=2)
    assert {item["c"] for item in search.points} == {"a"}
    assert len(search.points) == 12 or search.ask(1).exhausted


# Those that require settings repeat points on purpose: with another budget, or from a checkpoint.
@pytest.mark.parametrize("name", [name for name in NAMES if not required_settings(name).settings])
def test_all_points_of_a_small_space_are_made_before_one_is_repeated(name: str) -> None:
    made = experiment().int("n", 1, 4).categorical("c", "a", "b", "c").max_trials(1000)
    search = Search(with_algorithm(made, name, **start_up(name)).build())
    search.tune(lambda values: float(values["n"]), trials=12, parallel=2)
    assert len({tuple(item.items()) for item in search.points}) == 12
