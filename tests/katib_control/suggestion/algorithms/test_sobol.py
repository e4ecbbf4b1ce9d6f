"""Sobol's sequence: resumed by index, even over every kind of parameter, without repeats, and with constraints."""

from __future__ import annotations

from collections import Counter

import pytest
from scipy.stats import qmc

from builders import ExperimentBuilder, experiment, trial
from katib_control.api.experiment import ExperimentSpec
from katib_control.api.suggestion import Question
from katib_control.suggestion.algorithms.sobol import DIMENSIONS, Sobol
from katib_control.suggestion.dimensions import Choices
from katib_control.suggestion.distinct import ENUMERABLE, Infeasible
from katib_control.suggestion.engine import Engine
from katib_control.suggestion.space import SearchSpace
from searching import Search, pairs

MIXED = (
    experiment()
    .int("n", 1, 8)
    .double("x", 0, 1)
    .double("y", 1e-4, 1, None, "logUniform")
    .discrete("d", 1, 2, 4, 8)
    .categorical("c", "a", "b", "c", "d")
)


def made(built: ExperimentBuilder, count: int, **settings: object) -> list[dict[str, str]]:
    answer = Search(built.algorithm("sobol", random_state=1, **settings).build()).ask(count)
    return [pairs(item) for item in answer.assignments]


@pytest.mark.parametrize("index", [0, 1, 5, 63, 64, 1000, 100_000])
def test_a_point_depends_on_its_index_alone(index: int) -> None:
    owner = MIXED.algorithm("sobol", random_state=1).build()
    search = Search(owner)
    if index <= 64:
        search.tune(lambda _: None, trials=index, parallel=7)
    search.index = index
    fresh = Engine().ask(Question(experiment=owner, trials=(), index=index, count=3))
    assert search.ask(3).assignments == fresh.assignments


def test_going_back_to_an_earlier_index_gives_the_earlier_points() -> None:
    search = Search(MIXED.algorithm("sobol").build())
    first = search.ask(5)
    search.index = 500
    search.ask(1)
    search.index = 0
    assert search.ask(5) == first


@pytest.mark.parametrize("name", ["n", "d", "c"])
def test_64_points_hold_every_value_equally_often(name: str) -> None:
    counts = Counter(item[name] for item in made(MIXED, 64))
    assert set(counts.values()) == {64 // len(counts)}
    assert len(counts) == (8 if name == "n" else 4)


def test_it_fills_the_space_more_evenly_than_chance() -> None:
    built = experiment().double("x", 0, 1).double("y", 0, 1).double("z", 0, 1)

    def unevenness(algorithm: str) -> float:
        answer = Search(built.algorithm(algorithm, random_state=1).build()).ask(64)
        return float(qmc.discrepancy([[float(value) for value in pairs(item).values()] for item in answer.assignments]))

    assert unevenness("sobol") < 0.3 * unevenness("random")


def test_seeds_scramble_differently() -> None:
    points = [Search(MIXED.algorithm("sobol", random_state=seed).build()).ask(1).assignments for seed in (1, 2)]
    assert points[0] != points[1]


def test_ints_wider_than_32_bits_are_reached_in_all_their_bits() -> None:
    values = [int(item["n"]) for item in made(experiment().int("n", 0, 2**50 - 1), 64)]
    assert len({value % 1024 for value in values}) > 32
    assert min(values) < 2**45 < 31 * 2**45 < max(values)


def test_points_to_begin_with_are_not_counted_in_the_sequence() -> None:
    built = experiment().double("x", 0, 1)
    begun = built.spec(initialPoints=[{"parameterAssignments": [{"name": "x", "value": "0.5"}]}] * 3)
    points = made(begun, 8)
    assert [item["x"] for item in points[:3]] == ["0.5"] * 3
    assert points[3:] == made(built, 5)


def test_what_breaks_a_constraint_is_skipped_and_all_else_comes_in_order() -> None:
    built = experiment().double("x", 0, 1).double("y", 0, 1)
    kept = [item for item in made(built, 200) if float(item["x"]) + float(item["y"]) <= 0.5]
    bound = built.spec(constraints=["x + y <= 0.5"])
    assert made(bound, len(kept)) == kept
    search = Search(bound.algorithm("sobol", random_state=1).build())
    search.index = 7
    assert pairs(search.ask(1).assignments[0]) == kept[7]


def test_constraints_that_nothing_keeps_are_told() -> None:
    search = Search(experiment().double("x", 0, 1).spec(constraints=["x > 2"]).algorithm("sobol").build())
    with pytest.raises(Infeasible, match="x > 2"):
        search.ask(1)


@pytest.mark.parametrize("parallel", [1, 5])
def test_every_point_of_a_small_space_comes_once_before_one_is_repeated(parallel: int) -> None:
    built = experiment().int("n", 1, 7).categorical("c", "a", "b", "c").spec(constraints=["n < 7 or c == 'a'"])
    search = Search(built.algorithm("sobol", random_state=2).build())
    points = [tuple(item.values()) for item in search.tune(lambda _: 0.0, trials=30, parallel=parallel)]
    assert len(set(points[:19])) == 19 == len(set(points))
    assert len(points) == 30, "it goes on when all are made"


def test_a_space_too_large_to_search_through_avoids_repeats_too() -> None:
    search = Search(experiment().int("n", 1, ENUMERABLE + 1).algorithm("sobol", random_state=1).build())
    points = [item["n"] for item in search.tune(lambda _: 0.0, trials=600, parallel=60)]
    assert len(set(points)) == 600


def test_what_somebody_else_has_tried_is_left_out() -> None:
    owner = experiment().int("n", 1, 6).algorithm("sobol", random_state=1).build()
    search = Search(owner)
    own = [pairs(item)["n"] for item in search.ask(2).assignments]
    search.trials.append(trial("mine").of(owner).assign(n=own[1]).succeeded(loss=1).build())
    seen = [item["n"] for item in search.tune(lambda _: 0.0, trials=5)]
    assert sorted(seen) == ["1", "2", "3", "4", "5", "6"]


def test_more_parameters_than_there_are_numbers_for_are_refused_by_name() -> None:
    assert DIMENSIONS == qmc.Sobol.MAXDIM
    for count, wrong in ((DIMENSIONS, 0), (DIMENSIONS + 1, 1)):
        space = SearchSpace(tuple(Choices(f"p{place}", "categorical", ("a", "b")) for place in range(count)))
        errors = Sobol().check(space, {}, ExperimentSpec())
        assert len(errors) == wrong
        assert all(error.field == "spec.parameters" and str(DIMENSIONS) in error.rule for error in errors)


def test_a_thousand_and_more_parameters_are_served() -> None:
    built = experiment()
    body = {"parameterType": "double", "feasibleSpace": {"min": "0", "max": "1"}}
    built = built.spec(parameters=[{"name": f"p{place}", **body} for place in range(1001)])
    points = made(built, 3)
    assert all(len(item) == 1001 for item in points)
    assert points[0] != points[1]
