"""Covariance matrix adaptation: every kind of space, restarts, and what its settings do."""

from __future__ import annotations

import random
from typing import Any

import pytest

from builders import ExperimentBuilder, experiment, trial
from katib_control.suggestion.algorithms.cmaes import NUMBERS
from katib_control.suggestion.engine import Engine
from katib_control.suggestion.models import generations
from katib_control.suggestion.models.generations import RUN_LABEL
from searching import Search, pairs


def bowl(values: dict[str, str]) -> float:
    """Least at x = 1, y = 0.01, n = 20, c = b; parameters that are not there do not count."""
    loss = (float(values.get("x", 1)) - 1) ** 2 + (float(values.get("y", 0.01)) - 0.01) ** 2 * 1e3
    return loss + abs(int(values.get("n", 20)) - 20) / 5 + 2 * (values.get("c", "b") != "b")


SPACES: dict[str, ExperimentBuilder] = {
    "one double": experiment().double("x", -5, 5),
    "one int": experiment().int("n", 0, 30),
    "doubles": experiment().double("x", -5, 5).double("y", 1e-5, 1, None, "logUniform"),
    "categories alone": experiment().categorical("c", "a", "b", "d").categorical("e", "u", "v"),
    "everything": (
        experiment().double("x", -5, 5).double("y", 1e-5, 1, None, "logUniform").int("n", 0, 30)
        .categorical("c", "a", "b", "d").discrete("d", 1, 2)
    ),
    "a lattice too fine to be a row": experiment().int("n", -10_000, 10_000).double("x", -5, 5, "0.001"),
}  # fmt: skip


@pytest.mark.parametrize("built", SPACES.values(), ids=SPACES)
@pytest.mark.parametrize("strategy", ["none", "ipop", "bipop"])
def test_it_comes_to_the_optimum_of_any_kind_of_space(built: ExperimentBuilder, strategy: str) -> None:
    search = Search(built.algorithm("cmaes", random_state=1, restart_strategy=strategy).build())
    best = min(map(bowl, search.tune(bowl, trials=300, parallel=2)))
    assert best < (0.3 if "n" in search.points[0] else 0.02)


def test_maximising_is_minimising_the_negative() -> None:
    built = SPACES["everything"].algorithm("cmaes", random_state=2)
    down = Search(built.objective("loss", "minimize").build()).tune(bowl, trials=60, parallel=3)
    up = Search(built.objective("loss", "maximize").build()).tune(lambda values: -bowl(values), trials=60, parallel=3)
    assert down == up


def test_a_logarithmic_scale_is_searched_as_a_plain_one() -> None:
    plain = Search(experiment().double("x", -4, 0).double("z", 0, 1).algorithm("cmaes", random_state=1).build())
    log = experiment().double("x", 1e-4, 1, None, "logUniform").double("z", 0, 1)
    scaled = Search(log.algorithm("cmaes", random_state=1).build())
    for search in (plain, scaled):
        search.tune(lambda values: float(values["z"]), trials=40)
    for one, other in zip(plain.points, scaled.points, strict=True):
        assert 10 ** float(one["x"]) == pytest.approx(float(other["x"]), rel=1e-6)


def test_the_first_step_stays_near_the_best_of_the_first_points() -> None:
    built = experiment().double("x", 0, 100).spec(
        initialPoints=[{"parameterAssignments": [{"name": "x", "value": str(80 + place)}]} for place in range(8)]
    )  # fmt: skip
    search = Search(built.algorithm("cmaes", random_state=1, sigma="0.01").build())
    points = search.tune(lambda values: abs(float(values["x"]) - 84), trials=14)
    assert all(79 < float(item["x"]) < 89 for item in points[8:])


def scattered(search: Search, rng: random.Random, asked: int) -> None:
    """Ask for points; let some of those that run succeed, a few fail, and leave the rest for later."""
    search.run(search.name(search.ask(asked)))
    for position, item in enumerate(search.trials):
        if item.status.conditions[-1].type == "Running" and rng.random() < 0.6:
            search.end(position, None if rng.random() < 0.1 else bowl(item.spec.assignments) + rng.random())
    search.trials = [
        item.but(spec=item.spec.but(labels=dict(search.labels.get(item.metadata.name, {})))) for item in search.trials
    ]


class Labelled(Search):
    """Trials carry the labels of their assignments, as the controllers make them."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.labels: dict[str, dict[str, str]] = {}

    def name(self, answer: Any) -> Any:
        named = super().name(answer)
        self.labels |= {item.name: dict(item.labels) for item in named}
        return named


@pytest.mark.parametrize("strategy", ["none", "ipop", "bipop"])
def test_answers_survive_restarts_late_results_and_the_ends_of_runs_and_stretches(
    strategy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(generations, "STRETCH", 90)
    monkeypatch.setattr(generations, "NARROW", 0.05)
    owner = SPACES["everything"].parallel(4).algorithm("cmaes", random_state=3, restart_strategy=strategy).build()
    kept, lost = Labelled(owner), Labelled(owner)
    for search in (kept, lost):
        rng = random.Random(5)
        for _ in range(75):
            if search is lost:
                search.engine = Engine()
            scattered(search, rng, rng.choice((1, 2, 4, 6)))
    assert kept.points == lost.points
    runs = {item[RUN_LABEL] for item in kept.labels.values() if item}
    assert {label.split(".")[0] for label in runs} >= {"0", "1"}
    assert strategy == "none" or any(not label.endswith(".0") for label in runs)


def test_failed_points_are_replaced_and_a_search_of_failures_goes_on() -> None:
    search = Search(experiment().double("x", 0, 1).algorithm("cmaes", random_state=1).build())
    points = search.tune(lambda _: None, trials=60, parallel=4)
    assert len({item["x"] for item in points}) == 60


def test_a_batch_larger_than_any_generation_has_distinct_points() -> None:
    search = Search(SPACES["doubles"].algorithm("cmaes", random_state=1).build())
    search.tune(bowl, trials=20)
    points = [tuple(pairs(item).values()) for item in search.ask(100).assignments]
    assert len(set(points)) == 100


def test_points_of_other_origin_are_learned_from() -> None:
    owner = SPACES["doubles"].algorithm("cmaes", random_state=1, sigma="0.02").build()
    search = Search(owner)
    for place in range(8):
        values = {"x": 2 + place / 10, "y": 0.5}
        search.trials.append(trial(f"mine-{place}").of(owner).assign(**values).succeeded(loss=1 + place).build())
    (point,) = search.ask(1).assignments
    assert 1 < float(pairs(point)["x"]) < 4


@pytest.mark.parametrize("label", ["", "7.7", "x.1", "0.x", "0.99", "0.123456789012345"])
def test_whatever_a_label_says_it_goes_on(label: str) -> None:
    search = Search(SPACES["everything"].algorithm("cmaes", random_state=1).build())
    search.tune(bowl, trials=40, parallel=4)
    search.trials = [item.but(spec=item.spec.but(labels={RUN_LABEL: label})) for item in search.trials]
    assert len(search.ask(3).assignments) == 3


def test_a_change_of_parallel_trial_count_takes_effect_at_once() -> None:
    search = Search(SPACES["doubles"].parallel(2).algorithm("cmaes", random_state=1).build())
    search.tune(bowl, trials=40)
    search.owner = SPACES["doubles"].parallel(20).algorithm("cmaes", random_state=1).build()
    kept = search.ask(2)
    search.engine = Engine()
    assert search.ask(2) == kept


@pytest.mark.parametrize("value", ["none", "None", "ipop", "bipop"])
def test_katibs_strategies_are_accepted(value: str) -> None:
    assert not Engine().validate(SPACES["one double"].algorithm("cmaes", restart_strategy=value).build())


@pytest.mark.parametrize(
    ("name", "value"),
    [("restart_strategy", "sometimes"), ("sigma", "-1"), ("sigma", "wide"), ("random_state", "-1"), ("popsize", "9")],
)
def test_other_settings_are_refused_by_name(name: str, value: str) -> None:
    (error,) = Engine().validate(SPACES["one double"].algorithm("cmaes", **{name: value}).build())
    assert name in f"{error.rule} {error.value}"


def test_more_numbers_than_can_be_handled_are_refused_by_name() -> None:
    body = {"parameterType": "double", "feasibleSpace": {"min": "0", "max": "1"}}
    for count, wrong in ((NUMBERS, 0), (NUMBERS + 1, 1)):
        parameters = [{"name": f"p{place}", **body} for place in range(count)]
        errors = Engine().validate(experiment().spec(parameters=parameters).algorithm("cmaes").build())
        assert [error.field for error in errors] == ["spec.parameters"] * wrong


def test_a_sigma_of_0_is_the_default() -> None:
    plain, zero = (
        Search(SPACES["one double"].algorithm("cmaes", random_state=1, **said).build()).tune(float_of_x, 20, 2)
        for said in ({}, {"sigma": "0"})
    )
    assert plain == zero


def float_of_x(values: dict[str, str]) -> float:
    return float(next(iter(values.values())))
