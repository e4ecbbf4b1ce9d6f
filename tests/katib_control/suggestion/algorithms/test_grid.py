"""Grid search: order, the end, failed points, and grids that no memory would hold."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builders import experiment, trial
from katib_control.suggestion.algorithms.grid import shuffled_index
from searching import Search, pairs

BUILT = experiment().int("n", 1, 3).categorical("c", "a", "b").algorithm("grid")
ALL = [{"n": n, "c": c} for n, c in itertools.product("123", "ab")]


def test_points_come_with_the_last_parameter_fastest() -> None:
    assert Search(BUILT.build()).tune(lambda _: 0.0, trials=6, parallel=4) == ALL


def test_the_end_is_announced_and_more_trials_than_combinations_are_fine() -> None:
    search = Search(BUILT.max_trials(100).build())
    assert search.tune(lambda _: 0.0, trials=100, parallel=4) == ALL
    answer = search.ask(4)
    assert (list(answer.assignments), answer.exhausted) == ([], True)


def test_while_trials_run_the_end_is_not_announced_because_they_may_fail() -> None:
    search = Search(BUILT.build())
    search.run(search.name(search.ask(6)))
    answer = search.ask(1)
    assert (list(answer.assignments), answer.exhausted) == ([], False)


def test_a_failed_point_is_tried_once_more_at_the_end() -> None:
    search = Search(BUILT.build())
    points = search.tune(lambda values: None if values["c"] == "a" else 0.0, trials=100, parallel=2)
    assert points[:6] == ALL
    assert points[6:] == ALL[::2], "each once more, in order, and no third time"
    assert search.ask().exhausted


def test_the_last_repeated_point_comes_together_with_the_end() -> None:
    search = Search(BUILT.build())
    search.tune(lambda values: None if values == ALL[2] else 0.0, trials=6)
    answer = search.ask(3)
    assert [pairs(item) for item in answer.assignments] == [ALL[2]]
    assert answer.exhausted


def test_a_retry_that_is_pending_is_not_asked_for_again() -> None:
    search = Search(BUILT.build())
    search.tune(lambda values: None if values in (ALL[0], ALL[1]) else 0.0, trials=6)
    pending = search.name(search.ask(1))
    answer = search.ask(5, pending)
    assert [pairs(item) for item in [*pending, *answer.assignments]] == ALL[:2]


def test_a_killed_point_is_tried_once_more_too() -> None:
    search = Search(BUILT.build())
    search.tune(lambda _: 0.0, trials=6)
    search.trials[4] = trial("t").of(search.owner).assign(**search.points[4]).killed().build()
    assert [pairs(item) for item in search.ask(2).assignments] == [ALL[4]]


def test_a_random_state_shuffles_the_same_points() -> None:
    orders = [
        Search(BUILT.algorithm("grid", random_state=seed).build()).tune(lambda _: 0.0, trials=10, parallel=2)
        for seed in (1, 2)
    ]
    assert orders[0] != orders[1]
    assert orders[0] != ALL
    assert all(sorted(map(str, order)) == sorted(map(str, ALL)) for order in orders)


@pytest.mark.parametrize("options", [{}, {"random_state": 1}], ids=["in order", "shuffled"])
def test_a_grid_of_10_to_the_30_points_costs_nothing(options: dict[str, int]) -> None:
    built = experiment()
    for name in "abcde":
        built = built.int(name, 1, 10**6)
    search = Search(built.algorithm("grid", **options).build())
    search.index = 10**30 - 3
    assert len({tuple(pairs(item).values()) for item in search.ask(3).assignments}) == 3


@settings(deadline=None)
@given(st.integers(1, 300), st.text(max_size=5))
def test_shuffling_is_a_permutation(size: int, seed: str) -> None:
    assert sorted(shuffled_index(index, size, seed) for index in range(size)) == list(range(size))
