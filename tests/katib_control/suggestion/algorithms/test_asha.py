"""Asynchronous successive halving: who is promoted when. Failures and restarts: contract/test_rungs.py."""

from __future__ import annotations

import itertools

from builders import ExperimentBuilder, experiment
from searching import Search, pairs


def owner(**options: object) -> ExperimentBuilder:
    built = experiment().double("x", 0, 1).int("epochs", 1, 81)
    settings = {"r_l": 9, "resource_name": "epochs", "random_state": 1, "random_fraction": 1, **options}
    return built.algorithm("asha", **settings)


def ended(*losses: float | None) -> Search:
    """A search whose first trials have ended with these losses, in this order."""
    search = Search(owner().build())
    search.run(search.name(search.ask(len(losses))))
    for position, loss in enumerate(losses):
        search.end(position, loss)
    return search


def suggested(search: Search, count: int) -> list[tuple[int | None, str]]:
    """For each new point: which of the trials it promotes, and its epochs."""
    known = {point["x"]: position for position, point in enumerate(search.points)}
    return [(known.get(pairs(item)["x"]), pairs(item)["epochs"]) for item in search.ask(count).assignments]


def test_nobody_is_promoted_among_fewer_than_eta() -> None:
    assert suggested(ended(0.1, 0.2), 2) == [(None, "1"), (None, "1")]


def test_the_best_of_eta_is_promoted_while_others_run() -> None:
    search = ended(0.3, 0.1, 0.2)
    search.run(search.name(search.ask(0)))
    assert suggested(search, 2) == [(1, "3"), (None, "1")]


def test_who_is_promoted_is_not_promoted_again() -> None:
    search = ended(0.3, 0.1, 0.2)
    search.run(search.name(search.ask(1)))
    assert suggested(search, 1) == [(None, "1")]


def test_the_highest_rung_goes_first() -> None:
    search = ended(*(number / 10 for number in range(9)))
    for _ in range(3):
        search.run(search.name(search.ask(1)))
        search.end(len(search.trials) - 1, float(len(search.trials)))
    search.run(search.name(search.ask(1)))
    assert (search.points[-1]["x"], search.points[-1]["epochs"]) == (search.points[0]["x"], "9")


def test_a_better_one_that_comes_later_is_promoted_too() -> None:
    search = ended(0.3, 0.2, 0.25)
    search.run(search.name(search.ask(4)))
    for position in range(4, 7):
        search.end(position, 0.1)
    assert suggested(search, 2)[0] == (4, "3")


def test_failed_trials_do_not_count() -> None:
    assert suggested(ended(0.1, None, None, None, 0.2), 1) == [(None, "1")]
    assert suggested(ended(0.1, None, 0.3, None, 0.2), 1) == [(0, "3")]


def test_it_never_waits() -> None:
    search = Search(owner().build())
    for _ in range(5):
        answer = search.ask(40)
        assert len(answer.assignments) == 40
        search.run(search.name(answer))


def test_with_random_configurations_each_rung_has_a_third_of_the_one_below() -> None:
    search = Search(owner().build())
    search.tune(lambda values: float(values["x"]), 400)
    counted = [sum(point["epochs"] == budget for point in search.points) for budget in ("1", "3", "9")]
    for below, above in itertools.pairwise(counted):
        assert below / 3 <= above + 1 <= below / 3 + 3 * below**0.5


def test_a_space_with_nothing_new_lets_the_others_run_to_the_end() -> None:
    built = experiment().categorical("c", "a", "b", "c", "d").int("epochs", 1, 9)
    search = Search(built.algorithm("asha", r_l=9, resource_name="epochs").build())
    points = search.tune(lambda values: float(ord(values["c"])), 100, parallel=2)
    assert sorted((point["c"], point["epochs"]) for point in points) == [
        (letter, budget) for letter in "abcd" for budget in ("1", "3", "9")
    ]
    assert search.ask(1).exhausted


def test_a_model_proposes_configurations_near_the_good_ones() -> None:
    def share(fraction: float) -> float:
        built = experiment().double("x", 0, 1).double("y", 0, 1).int("epochs", 1, 9)
        settings = {"r_l": 9, "resource_name": "epochs", "random_state": 1, "random_fraction": fraction}
        search = Search(built.algorithm("asha", **settings).build())
        points = search.tune(lambda values: abs(float(values["x"]) - 0.7) + abs(float(values["y"]) - 0.2), 120)
        first = [point for point in points[60:] if point["epochs"] == "1"]
        near = [point for point in first if abs(float(point["x"]) - 0.7) < 0.15 and abs(float(point["y"]) - 0.2) < 0.15]
        return len(near) / len(first)

    assert share(0.2) > 0.4
    assert share(1) < 0.25
