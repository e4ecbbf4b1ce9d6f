"""Grid search: order, the end, failed points, and grids that no memory would hold."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builders import experiment, trial
from katib_control.suggestion.algorithms.grid import CONSTRAINED, original_index, shuffled_index
from katib_control.suggestion.engine import Engine
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


@settings(deadline=None)
@given(st.integers(1, 300), st.text(max_size=5), st.data())
def test_the_way_back_through_a_permutation(size: int, seed: str, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    assert original_index(shuffled_index(index, size, seed), size, seed) == index


def begun(*points: dict[str, str]) -> dict[str, object]:
    return {
        "initialPoints": [
            {"parameterAssignments": [{"name": name, "value": value} for name, value in point.items()]}
            for point in points
        ]
    }


SHUFFLED = pytest.mark.parametrize("options", [{}, {"random_state": 1}], ids=["in order", "shuffled"])


@SHUFFLED
def test_after_the_points_to_begin_with_come_all_others_once(options: dict[str, int]) -> None:
    first = [ALL[4], ALL[1], ALL[4]]
    search = Search(BUILT.spec(**begun(*first, {"n": "3"})).algorithm("grid", **options).build())
    points = search.tune(lambda _: 0.0, trials=100, parallel=4)
    assert points[:3] == first
    assert points[3]["n"] == "3", "what a point leaves open is drawn"
    assert len(points) == 4 + len([item for item in ALL if item not in points[:4]])
    assert sorted(map(str, {tuple(item.values()) for item in points})) == sorted(str(tuple(i.values())) for i in ALL)
    if not options:
        assert points[4:] == [item for item in ALL if item not in points[:4]]
    assert search.ask(2).exhausted


@SHUFFLED
def test_combinations_that_break_a_constraint_are_left_out_and_no_other(options: dict[str, int]) -> None:
    feasible = [item for item in ALL if item["n"] != "2" or item["c"] == "b"]
    search = Search(BUILT.spec(constraints=["n != 2 or c == 'b'"]).algorithm("grid", **options).build())
    points = search.tune(lambda _: 0.0, trials=100, parallel=3)
    assert sorted(map(str, points)) == sorted(map(str, feasible))
    assert options or points == feasible
    assert search.ask(1).exhausted


@SHUFFLED
def test_constraints_points_to_begin_with_and_failures_go_together(options: dict[str, int]) -> None:
    built = BUILT.spec(constraints=["n < 3"], **begun(ALL[3])).algorithm("grid", **options)
    search = Search(built.build())
    points = search.tune(lambda values: None if values["c"] == "b" else 0.0, trials=100, parallel=2)
    assert points[0] == ALL[3]
    assert sorted(map(str, points[:4])) == sorted(map(str, ALL[:4]))
    assert sorted(map(str, points[4:])) == sorted(map(str, (ALL[1], ALL[3]))), "each failed one once more"
    assert search.ask(1).exhausted


def test_a_restart_in_the_middle_changes_nothing() -> None:
    built = BUILT.spec(constraints=["n < 3"], **begun(ALL[3], ALL[0])).algorithm("grid", random_state=4)
    kept, lost = Search(built.build()), Search(built.build())
    for search in (kept, lost):
        for _ in range(6):
            if search is lost:
                search.engine = Engine()
            search.tune(lambda values: None if values == ALL[0] else 0.0, trials=search.index + 1)
    assert kept.points == lost.points


def test_constraints_over_too_many_combinations_are_refused_by_name() -> None:
    built = experiment().int("a", 1, 1000).int("b", 1, 1000).int("free", 1, 10**9).algorithm("grid")
    (error,) = Engine().validate(built.spec(constraints=["a <= b"]).build())
    assert error.field == "spec.constraints"
    assert str(CONSTRAINED) in error.rule
    assert "a, b have 1000000" in error.rule
    assert not Engine().validate(built.spec(constraints=["a <= 10"]).build())


def test_constraints_that_leave_nothing_are_refused() -> None:
    (error,) = Engine().validate(BUILT.spec(constraints=["n > 3"]).build())
    assert error.field == "spec.constraints"
    assert "none of the 3 combinations of n" in error.rule


def test_a_grid_that_no_memory_holds_may_have_constraints_on_a_small_part() -> None:
    built = experiment().int("a", 1, 10**9).int("b", 1, 300).int("c", 1, 10**9).spec(constraints=["b % 7 == 0"])
    search = Search(built.algorithm("grid").build())
    search.index = 42 * 10**18 - 1
    assert pairs(search.ask(1).assignments[0]) == {"a": "1000000000", "b": "294", "c": "1000000000"}
