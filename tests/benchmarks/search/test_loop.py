"""The order of asking, running and telling, and what it is worth."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from benchmarks.search.loop import Asked, Outcome, Plan, normalised, search
from benchmarks.search.ours import Ours, experiment
from benchmarks.search.parameters import Real, draw
from benchmarks.search.problem import Instance
from benchmarks.search.run import BY_NAME

PLAIN = Instance(parameters=(Real("x", 0.0, 1.0),), loss=lambda points: points[:, 0], optimum=0.0)
NOISY = Instance(parameters=PLAIN.parameters, loss=PLAIN.loss, optimum=0.0, noise=0.5)
TRAINED = Instance(
    parameters=PLAIN.parameters, loss=PLAIN.loss, optimum=0.0, resource=9,
    curve=lambda points, epochs: points[:, 0] + 9 / epochs - 1,
)  # fmt: skip


class Recording:
    """Asks for these values, and writes down what happens."""

    def __init__(self, values: Sequence[float], epochs: int = 0, at_most: int = 100) -> None:
        self.values, self.epochs, self.at_most = list(values), epochs, at_most
        self.said: list[str] = []
        self.told: dict[int, float] = {}

    def ask(self, count: int) -> Sequence[Asked]:
        self.said.append(f"ask {count}")
        found = self.values[: min(count, self.at_most)]
        del self.values[: len(found)]
        return [Asked(np.array([value]), self.epochs) for value in found]

    def tell(self, index: int, loss: float) -> None:
        self.said.append(f"tell {index}")
        self.told[index] = loss


def test_one_at_a_time() -> None:
    searcher = Recording([0.5, 0.2, 0.9])
    assert search(PLAIN, searcher, Plan(budget=3), 0) == Outcome(0.2, 3)
    assert searcher.said == ["ask 1", "tell 0", "ask 1", "tell 1", "ask 1", "tell 2"]


def test_a_batch_is_told_whole_before_the_next_is_asked_for() -> None:
    searcher = Recording([0.5] * 9)
    search(PLAIN, searcher, Plan(budget=6, batch=4), 0)
    assert searcher.said == ["ask 4", *(f"tell {index}" for index in range(4)), "ask 2", "tell 4", "tell 5"]


def test_asynchronously_one_is_asked_for_as_one_ends() -> None:
    searcher = Recording([0.5] * 20)
    search(PLAIN, searcher, Plan(budget=8, batch=4, asynchronous=True), 0)
    assert [word for word in searcher.said if word.startswith("ask")] == ["ask 4", *["ask 1"] * 4]
    assert sorted(searcher.told) == list(range(8))


def test_a_searcher_that_has_no_more_points_ends_the_search() -> None:
    assert search(PLAIN, Recording([0.4, 0.3]), Plan(budget=60, batch=4), 0) == Outcome(0.3, 2)
    with pytest.raises(RuntimeError, match="no point"):
        search(PLAIN, Recording([]), Plan(), 0)


def test_noise_is_told_and_what_counts_is_the_true_loss_of_what_looked_best() -> None:
    values = np.linspace(0, 1, 40)
    searcher = Recording(values)
    outcome = search(NOISY, searcher, Plan(budget=40), 5)
    best = min(searcher.told, key=searcher.told.__getitem__)
    assert outcome.loss == values[best]
    assert searcher.told[best] != values[best]
    batched = Recording(values)
    search(NOISY, batched, Plan(budget=40, batch=4), 5)
    assert batched.told == searcher.told


def test_a_resource_is_spent_in_trainings() -> None:
    searcher = Recording([0.5] * 100, epochs=3)
    assert search(TRAINED, searcher, Plan(budget=4), 0) == Outcome(pytest.approx(2.5), pytest.approx(4))
    assert len(searcher.told) == 12


def test_random_search_is_worth_about_one() -> None:
    instance, scores = BY_NAME["branin"].instance(3), []
    for seed in range(60):
        points = draw(instance.parameters, np.random.default_rng([seed, 1]), 30)
        scores.append(normalised(instance, Outcome(float(instance.loss(points).min()), 30), 9))
    assert np.median(scores) == pytest.approx(1, abs=0.35)
    assert normalised(instance, Outcome(0.0, 30), 9) == 0


@pytest.mark.parametrize("name", ["mixed7", "peaks4", "steps5", "curves4"])
def test_the_engine_searches_and_finds_more_than_its_first_points(name: str) -> None:
    instance = BY_NAME[name].instance(1)
    plan = Plan(budget=16, batch=4)
    owner = experiment(instance, "tpe", {"n_startup_trials": "4"}, seed=1, plan=plan)
    outcome = search(instance, Ours(instance, owner), plan, 1)
    points = draw(instance.parameters, np.random.default_rng(0), 200)
    assert instance.optimum <= outcome.loss < np.median(instance.loss(points))


def test_those_that_divide_a_resource_are_given_one() -> None:
    instance = BY_NAME["curves4"].instance(1)
    owner = experiment(instance, "hyperband", {}, seed=1, plan=Plan(budget=5))
    outcome = search(instance, Ours(instance, owner), Plan(budget=5, batch=9), 1)
    assert 5 <= outcome.trials < 7
