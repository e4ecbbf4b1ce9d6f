"""What the TPE sampler does differently from Optuna's own."""

from __future__ import annotations

import numpy as np
import pytest

from builders import experiment
from katib_control.suggestion.models.estimators import Sampler, Tuning, weights_by_rank
from katib_control.suggestion.models.optuna_study import Axes, Shown
from katib_control.suggestion.space import Point, search_space

TUNING = Tuning(candidates=24, prior_weight=1.0, finished=30, good=6)


def test_the_best_of_the_good_trials_weighs_most_wherever_it_stands() -> None:
    weights = weights_by_rank([0.3, 0.1, 0.2])
    assert np.argsort(-weights).tolist() == [1, 2, 0]
    assert weights.sum() == pytest.approx(3)
    assert (weights > 0).all()


@pytest.mark.parametrize("losses", [pytest.param([], id="none"), pytest.param([0.5], id="one")])
def test_few_good_trials_weigh_what_they_count(losses: list[float]) -> None:
    assert weights_by_rank(losses).tolist() == [1.0] * len(losses)


def shown() -> tuple[Axes, Shown]:
    axes = Axes(search_space(experiment().int("n", 0, 99).categorical("c", "a", "b").build().spec.parameters))
    found = Shown(axes)
    found.trials = [
        axes.trial(place, (str(place * 3), "ab"[place % 2]), (abs(place * 3 - 40) / 10,)) for place in range(30)
    ]
    return axes, found


def test_a_candidate_that_cannot_be_had_makes_way_for_the_next_best() -> None:
    axes, study = shown()
    refused: list[Point] = []

    def accept(point: Point) -> bool:
        if point not in refused and len(refused) < 3:
            refused.append(point)
        return point not in refused

    point = study.propose(Sampler(TUNING, axes, accept, 1), 30, jointly=True)
    assert len(refused) == 3
    assert point not in refused
    assert abs(int(point[0]) - 40) < 30


def test_kernels_get_narrower_as_trials_come_in() -> None:
    axes, study = shown()

    def spread(finished: int) -> float:
        tuning = Tuning(candidates=1, prior_weight=1e-3, finished=finished, good=6)
        samplers = (Sampler(tuning, axes, lambda _: True, seed) for seed in range(40))
        return float(np.std([int(study.propose(sampler, 30, jointly=True)[0]) for sampler in samplers]))

    assert spread(10_000) < spread(3)
