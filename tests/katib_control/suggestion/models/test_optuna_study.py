"""Points survive the way to Optuna and back; a sampler sees the trials that it is shown, and leaves nothing behind."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.samplers import RandomSampler
from optuna.study import Study
from optuna.trial import FrozenTrial

from builders import ExperimentBuilder, experiment
from katib_control.suggestion.models.optuna_study import Axes, Shown
from katib_control.suggestion.space import SearchSpace, search_space
from searching import parameters, with_parameters


def space(built: ExperimentBuilder) -> SearchSpace:
    return search_space(built.build().spec.parameters)


@settings(max_examples=100, deadline=None)
@given(given_parameters=parameters(), number=st.integers(0, 2**53 - 1))
def test_a_point_comes_back_as_it_was(given_parameters: list[dict[str, object]], number: int) -> None:
    searched = space(with_parameters(given_parameters))
    axes, point = Axes(searched), searched.point([number / 2**53] * len(searched.dimensions))
    coordinates = axes.encode(point)
    assert all(axes.distributions[name]._contains(value) for name, value in coordinates.items())
    back = axes.decode(coordinates)
    for dimension, old, new in zip(searched.dimensions, point, back, strict=True):
        assert new == old or (dimension.size is None and float(new) == pytest.approx(float(old), rel=1e-9, abs=1e-12))


@pytest.mark.parametrize(
    ("built", "expected"),
    [
        pytest.param(experiment().int("p", 1, 9, 2), IntDistribution(0, 4), id="a lattice is its ranks"),
        pytest.param(experiment().discrete("p", 8, 2, 4), IntDistribution(0, 2), id="a list of numbers is ordered"),
        pytest.param(
            experiment().categorical("p", "a", "b"), CategoricalDistribution((0, 1)), id="categories have no order"
        ),
        pytest.param(experiment().double("p", -9, 9), FloatDistribution(0, 1), id="a double is a share"),
        pytest.param(
            experiment().int("p", 1, 1000, 1, "logUniform"), FloatDistribution(0, 1), id="so is what is not uniform"
        ),
        pytest.param(
            experiment().int("p", 0, 10**12), FloatDistribution(0, 1), id="and what has too many values to be ranked"
        ),
    ],
)
def test_each_parameter_lies_flat(built: ExperimentBuilder, expected: object) -> None:
    assert Axes(space(built)).distributions == {"p": expected}


def test_a_parameter_with_one_value_is_not_put_to_the_sampler() -> None:
    axes = Axes(space(experiment().int("one", 3, 3).double("x", 0, 1)))
    assert list(axes.distributions) == ["x"]
    assert axes.decode({"x": 0.5}) == ("3", "0.5")


def test_numbers_of_numpy_become_the_same_texts() -> None:
    axes = Axes(space(experiment().int("n", 0, 9).double("x", 0, 1).categorical("c", "a", "b")))
    assert axes.decode({"n": np.int64(3), "x": np.float64(0.25), "c": np.int64(1)}) == ("3", "0.25", "b")


class Witness(RandomSampler):
    """Notes what it is shown."""

    def sample_relative(self, study: Study, trial: FrozenTrial, search_space: dict[str, Any]) -> dict[str, Any]:
        self.seen = [(item.number, item.state.name, item.params) for item in study.get_trials()]
        self.asked = trial.number
        return {}


def test_a_sampler_sees_the_trials_of_the_moment() -> None:
    axes = Axes(space(experiment().int("n", 0, 9)))
    shown, witness = Shown(axes), Witness(seed=1)
    for trials in ([axes.trial(4, ("7",), (0.5,))], [axes.trial(2, ("3",)), axes.trial(4, ("7",), (0.5,))]):
        shown.trials = trials
        shown.propose(witness, 6, jointly=True)
        assert witness.asked == 6
        assert len(witness.seen) == len(trials)
    assert witness.seen == [(2, "RUNNING", {"n": 3}), (4, "COMPLETE", {"n": 7})]


def test_parameters_one_by_one_come_from_the_sampler_too() -> None:
    axes = Axes(space(experiment().double("x", 0, 1).int("n", 0, 5)))
    first, again = (Shown(axes).propose(RandomSampler(seed=4), 0, jointly=False) for _ in range(2))
    assert first == again
