"""Bayesian optimisation: which surrogate serves, what is refused, and that none of them warns or gets stuck."""

from __future__ import annotations

import importlib.util
import math
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from builders import ExperimentBuilder, experiment
from katib_control.suggestion.algorithms import bayesianoptimization
from katib_control.suggestion.engine import Engine
from searching import Search, pairs, parameters, with_parameters

ESTIMATORS = ["auto", "GP", "RF", "ET", "GBRT"]


def loss(values: dict[str, str]) -> float:
    return (float(values["x"]) - 0.7) ** 2 + abs(math.log10(float(values["y"])) + 2) + (values["c"] == "b")


def built(**options: object) -> ExperimentBuilder:
    space = experiment().double("x", -3, 3).double("y", 1e-4, 1, None, "logUniform").categorical("c", "a", "b", "c")
    return space.algorithm("bayesianoptimization", **{"random_state": 1, "n_initial_points": 4, **options})


def search(**options: object) -> Search:
    return Search(built(**options).build())


@pytest.fixture
def no_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "torch" else find(name))


def test_it_starts_with_sobols_sequence() -> None:
    sobol = Search(built().algorithm("sobol", random_state=1).build())
    assert search().tune(loss, 4, 2) == sobol.tune(loss, 4, 2)


def test_the_start_goes_on_until_enough_trials_have_a_value() -> None:
    one, sobol = search(), Search(built().algorithm("sobol", random_state=1).build())
    one.tune(lambda _: None, 6)
    sobol.tune(loss, 6)
    assert one.ask().assignments == sobol.ask().assignments


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_every_surrogate_finds_better_points_than_its_start(estimator: str) -> None:
    points = search(base_estimator=estimator, n_initial_points=8).tune(loss, 24, 2)
    assert min(map(loss, points[8:])) < 0.7 * min(map(loss, points[:8]))


@pytest.mark.parametrize("estimator", ESTIMATORS)
@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(space=parameters(), constant=st.booleans())
def test_no_surrogate_warns_or_fails_on_any_space(estimator: str, space: list, constant: bool) -> None:
    options = {"base_estimator": estimator, "n_initial_points": 1, "random_state": 1}
    one = Search(with_parameters(space).algorithm("bayesianoptimization", **options).build())
    points = one.tune(lambda values: 1.0 if constant else float(len(str(values))), 7, 3)
    assert len(points) == 7


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({"base_estimator": "RF"}, id="base_estimator"),
        pytest.param({"n_initial_points": 6}, id="n_initial_points"),
        pytest.param({"acq_func": "LCB"}, id="acq_func LCB"),
        pytest.param({"acq_func": "PI"}, id="acq_func PI"),
        pytest.param({"acq_optimizer": "sampling"}, id="acq_optimizer"),
        pytest.param({"random_state": 2}, id="random_state"),
    ],
)
def test_a_setting_changes_the_points(options: dict[str, object]) -> None:
    base = {"base_estimator": "GP", "acq_func": "EI"}
    assert search(**{**base, **options}).tune(loss, 8) != search(**base).tune(loss, 8)


def test_without_torch_auto_is_scikit_optimizes_process(no_torch: None) -> None:
    assert search().tune(loss, 7) == search(base_estimator="GP", acq_func="EI").tune(loss, 7)


def test_with_torch_auto_is_optunas_process() -> None:
    assert search().tune(loss, 7) != search(base_estimator="GP", acq_func="EI").tune(loss, 7)


def test_auto_honours_an_acquisition_function_by_the_surrogate_that_has_it() -> None:
    assert search(acq_func="LCB").tune(loss, 7) == search(base_estimator="GP", acq_func="LCB").tune(loss, 7)


def test_asking_whether_torch_is_there_does_not_load_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    assert bayesianoptimization.torch_is_there()
    assert "torch" not in sys.modules


def test_no_initial_points_means_a_model_of_the_first_trial() -> None:
    points = search(n_initial_points=0).tune(loss, 6)
    sobol = Search(built().algorithm("sobol", random_state=1).build()).tune(loss, 6)
    assert points[0] == sobol[0]
    assert points[1:] != sobol[1:]


@pytest.mark.parametrize(
    ("options", "rule"),
    [
        pytest.param({"acq_func": "EIps"}, "acq_func EIps and PIps need the time", id="EIps"),
        pytest.param({"acq_func": "PIps", "base_estimator": "GP"}, "acq_func EIps and PIps need", id="PIps with GP"),
        pytest.param({"acq_optimizer": "lbfgs", "base_estimator": "RF"}, "acq_optimizer lbfgs needs a", id="RF"),
        pytest.param({"acq_optimizer": "lbfgs", "base_estimator": "ET"}, "acq_optimizer lbfgs needs a", id="ET"),
        pytest.param({"acq_optimizer": "lbfgs", "base_estimator": "GBRT"}, "acq_optimizer lbfgs needs a", id="GBRT"),
        pytest.param({"n_initial_points": -1}, "n_initial_points must be a whole number", id="negative start"),
        pytest.param({"base_estimator": "gp"}, "base_estimator must be one of auto, GP", id="unknown surrogate"),
    ],
)
def test_what_can_never_work_is_refused_at_its_field(options: dict[str, object], rule: str) -> None:
    owner = built(**options).build()
    given = [item.name for item in owner.spec.algorithm.algorithm_settings]
    (error,) = Engine().validate(owner)
    assert error.field == f"spec.algorithm.algorithmSettings[{given.index(next(iter(options)))}].value"
    assert rule in error.rule


@pytest.mark.parametrize("options", [{}, {"base_estimator": "GP"}, {"base_estimator": "RF"}])
def test_a_batch_spreads_and_keeps_off_points_that_run(options: dict[str, object]) -> None:
    one = search(**options)
    one.tune(loss, 12)
    one.run(one.name(one.ask(3)))
    batch = [pairs(item) for item in one.ask(4).assignments]
    spread = [(round(float(point["x"]), 3), point["c"]) for point in [*one.points[-3:], *batch]]
    assert len(set(spread)) == 7


@pytest.mark.parametrize("estimator", ["auto", "GP"])
def test_points_that_fail_are_not_tried_again_next_door(estimator: str) -> None:
    one = Search(experiment().double("x", 0, 1).algorithm("bayesianoptimization", base_estimator=estimator).build())
    one.tune(lambda values: float(values["x"]) if float(values["x"]) > 0.2 else None, 25)
    failed = [float(item["x"]) for item in one.points if float(item["x"]) <= 0.2]
    # The best lies where nothing works: a process that knew nothing of failures would look nowhere else.
    assert min(float(item["x"]) for item in one.points if float(item["x"]) > 0.2) < 0.3
    assert len({round(value, 2) for value in failed}) > len(failed) / 2


@pytest.mark.parametrize("estimator", ["auto", "GP", "ET"])
def test_constraints_hold_for_points_of_the_model(estimator: str) -> None:
    space = experiment().double("x", 0, 1).double("y", 0, 1).spec(constraints=["x + y <= 0.5"])
    owner = space.algorithm("bayesianoptimization", n_initial_points=3, base_estimator=estimator).build()
    points = Search(owner).tune(lambda values: -float(values["x"]) - 2 * float(values["y"]), 14, 2)
    assert all(float(point["x"]) + float(point["y"]) <= 0.5 for point in points)
    assert max(float(point["x"]) + 2 * float(point["y"]) for point in points) > 0.8


def test_a_small_space_is_used_up_before_points_are_repeated() -> None:
    space = experiment().int("n", 1, 6).categorical("c", "a", "b")
    one = Search(space.algorithm("bayesianoptimization", n_initial_points=3).build())
    points = [tuple(item.values()) for item in one.tune(lambda values: float(values["n"]), 16, 2)]
    assert len(set(points[:12])) == 12
    assert len(points) == 16


@pytest.mark.parametrize("estimator", ["auto", "GP"])
def test_losses_out_of_all_proportion_do_no_harm(estimator: str) -> None:
    def diverging(values: dict[str, str]) -> float:
        return 1e300 if float(values["x"]) > 2 else loss(values)

    one = search(base_estimator=estimator, n_initial_points=8)
    points = one.tune(diverging, 24)
    assert min(map(diverging, points[8:])) < min(map(diverging, points[:8]))


def test_experiments_asked_at_once_get_the_answers_they_get_alone() -> None:
    def answers(seed: int) -> list[dict]:
        return search(random_state=seed).tune(loss, 10, 2)

    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(answers, range(4)))
    assert together == [answers(seed) for seed in range(4)]
