"""BOHB: where its model's configurations lie, and which budget the model believes."""

from __future__ import annotations

from typing import Any

import pytest

from builders import ExperimentBuilder, experiment, trial
from searching import Search, pairs


def owner(**options: Any) -> ExperimentBuilder:
    built = experiment().double("x", 0, 1).double("y", 0, 1).int("epochs", 1, 9).max_trials(100)
    return built.algorithm("bohb", **{"r_l": 9, "resource_name": "epochs", "random_state": 1, **options})


def test_the_model_believes_the_highest_budget() -> None:
    search = Search(owner(random_fraction=0).max_trials(1000).build())
    for budget, best, count in (("1", 0.1, 30), ("9", 0.8, 15)):
        for step in range(count):
            x = (step + 0.5) / count
            values = {"x": repr(x), "y": repr(step * 0.618 % 1), "epochs": budget}
            made = trial(f"{budget}-{step}").of(search.owner).assign(**values)
            search.trials.append(made.succeeded(loss=abs(x - best)).build())
    search.index = len(search.trials)
    known = {point["x"] for point in search.points}
    fresh = [x for item in search.ask(30).assignments if (x := pairs(item)["x"]) not in known]
    assert len(fresh) > 10
    assert sum(abs(float(x) - 0.8) < 0.2 for x in fresh) / len(fresh) > 0.8


def test_a_few_good_points_that_lie_together_do_not_end_the_search() -> None:
    search = Search(owner(random_fraction=0).build())
    search.tune(lambda values: 1 - float(values["x"]), 88, parallel=4)
    assert max(float(point["x"]) for point in search.points) > 0.97


def test_without_results_it_is_hyperband() -> None:
    settings = {"r_l": 9, "resource_name": "epochs", "random_state": 1}
    plain, model = Search(owner().algorithm("hyperband", **settings).build()), Search(owner().build())
    assert [pairs(item) for item in plain.ask(9).assignments] == [pairs(item) for item in model.ask(9).assignments]


def test_a_random_fraction_of_1_is_hyperband_to_the_end() -> None:
    settings = {"r_l": 9, "resource_name": "epochs", "random_state": 1}
    plain, model = Search(owner().algorithm("hyperband", **settings).build()), Search(owner(random_fraction=1).build())
    for search in (plain, model):
        search.tune(lambda values: float(values["x"]), 66, parallel=3)
    assert plain.points == model.points


def test_a_budget_at_which_all_are_the_same_teaches_nothing() -> None:
    settings = {"random_fraction": 0, "min_points_in_model": 3}
    search, blind = Search(owner(**settings).build()), Search(owner(random_fraction=1).build())
    for one in (search, blind):
        one.tune(lambda _: 1.0, 22, parallel=3)
    assert search.points == blind.points


@pytest.mark.parametrize("kind", ["categorical", "int", "discrete"])
def test_the_model_finds_a_good_value_of_any_type(kind: str) -> None:
    built = experiment().double("y", 0, 1).int("epochs", 1, 9).max_trials(200)
    space: dict[str, Any] = {"min": 1, "max": 6} if kind == "int" else {"list": [1, 2, 3, 4, 5, 6]}
    built = built.parameter("c", kind, **space)
    built = built.algorithm("bohb", r_l=9, resource_name="epochs", random_state=1, random_fraction=0.2)

    def loss(values: dict[str, str]) -> float:
        away = abs(int(values["c"]) - 5)
        return (min(away, 1) if kind == "categorical" else away / 3) + float(values["y"]) / 10

    late = [point["c"] for point in Search(built.build()).tune(loss, 110, parallel=2)[66:]]
    assert late.count("5") / len(late) > 0.5
