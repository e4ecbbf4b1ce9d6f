"""NSGA-II: its generations are counted off the trials, its children come from the best of them."""

from __future__ import annotations

import random
import warnings

import numpy as np
import pytest

from builders import experiment, trial
from katib_control.api.experiment import Experiment
from katib_control.suggestion.models.breeding import Blend, Breeder, choose
from searching import Search, pairs

SEVERAL = {
    "type": "minimize", "objectiveMetricName": "loss",
    "additionalObjectives": [{"type": "maximize", "objectiveMetricName": "score"}],
}  # fmt: skip


def owner(several: bool = False, **options: object) -> Experiment:
    built = experiment().double("x", -3, 3).double("y", 0, 1).categorical("c", "a", "b", "d")
    if several:
        built = built.spec(objective=SEVERAL)
    return built.algorithm("nsgaii", **{"random_state": 1, **options}).build()


def loss(values: dict[str, str]) -> float:
    return (float(values["x"]) - 1) ** 2 + float(values["y"]) + (values["c"] != "b")


def tuned(several: bool = False, trials: int = 60, **options: object) -> Search:
    """Losses that pull apart along y; x = 1 and c = b are best for both."""
    found, rng = Search(owner(several, **options)), random.Random(5)
    while found.index < trials:
        found.run(found.name(found.ask(3)))
        for position in range(len(found.trials) - 3, len(found.trials)):
            values = found.trials[position].spec.assignments
            metrics = {"loss": loss(values)}
            if several and rng.random() < 0.9:
                metrics["score"] = 2 * float(values["y"]) - loss(values)
            body = trial(found.trials[position].metadata.name).of(found.owner).assign(**values)
            found.trials[position] = body.succeeded(**metrics).build()
    return found


def test_the_first_generation_is_random_search() -> None:
    chance = Search(owner().but(spec=owner().spec.but(algorithm=owner().spec.algorithm.but(algorithm_name="random"))))
    assert Search(owner(population_size=14)).tune(loss, 14, 2) == chance.tune(loss, 14, 2)


def test_with_one_objective_it_gets_better() -> None:
    losses = [loss(item) for item in tuned().points]
    assert np.median(losses[-20:]) < 0.5 * np.median(losses[:10])


def test_with_several_objectives_the_points_gather_along_the_front() -> None:
    points = tuned(several=True, trials=90).points[-30:]
    assert sum(abs(float(item["x"]) - 1) < 0.5 and item["c"] == "b" for item in points) > 10
    assert len({round(float(item["y"]), 1) for item in points}) > 4


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({"population_size": 5}, id="population_size"),
        pytest.param({"mutation_prob": 0.9}, id="mutation_prob"),
        pytest.param({"crossover_prob": 0.0}, id="crossover_prob"),
        pytest.param({"swapping_prob": 0.0}, id="swapping_prob"),
        pytest.param({"random_state": 2}, id="random_state"),
    ],
)
def test_a_setting_changes_the_points(options: dict[str, object]) -> None:
    assert tuned(trials=30, **options).points != tuned(trials=30).points


def test_children_are_not_copies_of_what_was_there() -> None:
    built = experiment().int("n", 1, 12).categorical("c", "a", "b").algorithm("nsgaii", random_state=1)
    points = Search(built.build()).tune(lambda values: float(values["n"]), 24, 3)
    assert len({tuple(item.items()) for item in points}) == 24


def test_points_keep_the_constraints() -> None:
    built = experiment().double("x", 0, 1).double("y", 0, 1).spec(constraints=["x + y <= 0.5"])
    points = Search(built.algorithm("nsgaii", random_state=1).build()).tune(lambda item: -float(item["x"]), 40, 4)
    assert all(float(item["x"]) + float(item["y"]) <= 0.5 for item in points)


def test_a_late_trial_counts_in_its_own_generation_with_and_without_a_cache() -> None:
    kept = tuned(several=True, trials=45)
    late = kept.trials[3]
    metrics = {item.name: float(item.latest) for item in (late.status.observation.metrics)} if (
        late.status.observation) else {}  # fmt: skip
    body = trial(late.metadata.name).of(kept.owner).assign(**late.spec.assignments)
    for state in (body.running().build(), body.succeeded(**{**metrics, "loss": -5.0, "score": 9.0}).build()):
        kept.trials[3] = state
        fresh = Search(kept.owner)
        fresh.trials, fresh.index = list(kept.trials), kept.index
        answer = kept.ask(2)
        assert answer == fresh.ask(2)
        assert len({tuple(pairs(item).items()) for item in answer.assignments}) == 2


def test_the_dominated_do_not_survive() -> None:
    losses = {3: (0.0, 1.0), 5: (1.0, 0.0), 8: (1.0, 1.0), 9: (2.0, 2.0), 11: (0.4, 0.4)}
    assert choose(losses, 3) == [3, 5, 11]


def test_of_the_last_rank_the_crowded_go_first() -> None:
    losses = {0: (0.0, 1.0), 1: (0.5, 0.5), 2: (0.51, 0.49), 3: (0.52, 0.48), 4: (1.0, 0.0)}
    assert 2 not in choose(losses, 4)


def test_blended_children_lie_within_the_bounds_however_many_parameters_there_are() -> None:
    parents = np.array([np.zeros(400), np.ones(400)])
    bounds = np.array([[0.0, 1.0]] * 400)
    child = Blend().crossover(parents, np.random.RandomState(1), None, bounds)
    assert ((child >= 0) & (child <= 1)).all()


def test_nothing_is_warned_about() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Breeder(population_size=4)
        tuned(trials=15)
