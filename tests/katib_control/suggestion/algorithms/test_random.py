"""Random search: distributions, independence of the history, and what happens in small spaces."""

from __future__ import annotations

import math
from collections import Counter

import pytest
from scipy import stats

from builders import experiment
from katib_control.suggestion.distinct import ENUMERABLE
from searching import Search, pairs


def test_a_point_depends_on_its_index_alone() -> None:
    owner = experiment().double("x", 0, 1).algorithm("random", random_state=1).build()
    one_by_one, at_once = Search(owner), Search(owner)
    one_by_one.tune(lambda _: 0.0, trials=6, parallel=1)
    at_once.tune(lambda _: None, trials=6, parallel=6)
    assert one_by_one.points == at_once.points


def test_a_question_that_comes_with_the_same_index_again_still_gets_new_points() -> None:
    search = Search(experiment().double("x", 0, 1).algorithm("random", random_state=1).build())
    for _ in range(10):
        search.run(search.name(search.ask()))
        search.index = 0
    assert len({point["x"] for point in search.points}) == 10


@pytest.mark.parametrize("distribution", ["uniform", "logUniform", "normal", "logNormal"])
def test_values_follow_their_distribution(distribution: str) -> None:
    built = experiment().double("x", 1, 100, distribution=distribution).algorithm("random", random_state=1)
    answer = Search(built.build()).ask(2000)
    values = [float(pairs(item)["x"]) for item in answer.assignments]
    middle, width = math.log(10), math.log(100) / 6
    expected = {
        "uniform": stats.uniform(1, 99),
        "logUniform": stats.loguniform(1, 100),
        "normal": stats.truncnorm(-3, 3, loc=50.5, scale=16.5),
        "logNormal": stats.truncnorm(-3, 3, loc=middle, scale=width),
    }[distribution]
    seen = [math.log(value) for value in values] if distribution == "logNormal" else values
    result = stats.kstest(seen, expected.cdf)
    assert result.pvalue > 0.01


def test_every_point_of_a_small_space_is_made_before_one_is_repeated() -> None:
    search = Search(experiment().int("n", 1, 5).categorical("c", "a", "b").algorithm("random", random_state=2).build())
    points = [tuple(item.values()) for item in search.tune(lambda _: 0.0, trials=25, parallel=3)]
    assert len(set(points[:10])) == 10
    assert len(points) == 25, "it goes on when all are made"


def test_when_all_points_are_made_those_that_run_are_not_doubled() -> None:
    search = Search(experiment().int("n", 1, 5).build())
    search.tune(lambda _: 0.0, trials=5)
    search.run(search.name(search.ask(3)))
    fresh = [pairs(item) for item in search.ask(2).assignments]
    assert len({tuple(item.items()) for item in [*fresh, *search.points[-3:]]}) == 5


def test_a_batch_larger_than_the_space_is_still_answered_in_full() -> None:
    answer = Search(experiment().int("n", 1, 3).build()).ask(7)
    counts = Counter(pairs(item)["n"] for item in answer.assignments)
    assert sum(counts.values()) == 7
    assert set(counts) == {"1", "2", "3"}


def test_spaces_too_large_to_search_through_avoid_repeats_by_guessing() -> None:
    search = Search(experiment().int("n", 1, ENUMERABLE + 1).algorithm("random", random_state=1).build())
    points = [item["n"] for item in search.tune(lambda _: 0.0, trials=400, parallel=20)]
    assert len(set(points)) == 400
