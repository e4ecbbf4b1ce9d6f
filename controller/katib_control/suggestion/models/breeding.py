"""The two steps of NSGA-II (Deb et al., 2002) by Optuna: survivors of a generation, and a child of parents.

Loads Optuna, so it is imported where it is used.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from optuna import Study
from optuna.samplers import NSGAIISampler
from optuna.samplers.nsgaii import BaseCrossover, PolynomialMutation
from optuna.trial import FrozenTrial

from katib_control.api.settings import Settings
from katib_control.suggestion.models.archive import Losses
from katib_control.suggestion.models.optuna_study import Axes, Shown
from katib_control.suggestion.space import Point, SearchSpace

Array = NDArray[np.float64]

_BEYOND = 0.5
_INDEX = 20.0


class Blend(BaseCrossover):  # type: ignore[misc]  # mypy does not follow Optuna
    """BLX-alpha (Eshelman and Schaffer, 1993): anywhere between the parents or as far again as half of it beyond.

    Unlike Optuna's it is cut off at the bounds rather than repeated: near a corner of many dimensions that takes long.
    """

    n_parents = 2

    def crossover(
        self, parents_params: Array, rng: np.random.RandomState, study: Study, search_space_bounds: Array
    ) -> Array:
        """Return the child of parents (parents x parameters) within the bounds (parameters x 2)."""
        low, high = parents_params.min(axis=0), parents_params.max(axis=0)
        beyond = _BEYOND * (high - low)
        low = np.maximum(low - beyond, search_space_bounds[:, 0])
        high = np.minimum(high + beyond, search_space_bounds[:, 1])
        return np.asarray(low + rng.rand(low.size) * (high - low))


class Mutation(PolynomialMutation):  # type: ignore[misc]  # mypy does not follow Optuna
    """Polynomial mutation as in the paper."""

    def __init__(self) -> None:
        # Optuna's own constructor warns that the class is experimental, at every call.
        self._eta = _INDEX


class Breeder(NSGAIISampler):  # type: ignore[misc]  # mypy does not follow Optuna
    """Optuna's, with the parents that it is given."""

    parents: Sequence[FrozenTrial] = ()

    def get_trial_generation(self, study: Study, trial: FrozenTrial) -> int:
        """Return any generation but the first, which is drawn at random."""
        return 1

    def get_population(self, study: Study, generation: int) -> list[FrozenTrial]:
        """Return those who are there to be selected from."""
        return list(self.parents)

    def get_parent_population(self, study: Study, generation: int) -> list[FrozenTrial]:
        """Return the parents of a generation; the first has none."""
        return list(self.parents) if generation else []


class Family:
    """Parents, and the children that they have."""

    def __init__(self, space: SearchSpace, parents: Sequence[tuple[Point, Losses]]) -> None:
        axes = Axes(space)
        self._parents = [axes.trial(number, point, losses) for number, (point, losses) in enumerate(parents)]
        self._shown = Shown(axes, len(parents[0][1]))

    def sampler(self, settings: Settings, seed: int) -> Breeder:
        """Return the source of one child after another."""
        breeder = Breeder(
            population_size=settings["population_size"],
            mutation_prob=settings["mutation_prob"],
            crossover_prob=settings["crossover_prob"],
            swapping_prob=settings["swapping_prob"],
            crossover=Blend(),
            mutation=Mutation(),
            seed=seed,
        )
        breeder.parents = self._parents
        return breeder

    def child(self, sampler: Breeder) -> Point:
        """Return a child; it may be a copy of somebody."""
        return self._shown.propose(sampler, len(self._parents), jointly=True)


def choose(losses: Mapping[int, Losses], count: int) -> list[int]:
    """Return so many of the positions: by rank of non-domination, and of the last rank the least crowded ones."""
    axes = Axes(SearchSpace(()))
    sampler = Breeder(population_size=max(2, count))
    sampler.parents = [axes.trial(place, (), values) for place, values in losses.items()]
    study = Shown(axes, len(sampler.parents[0].values)).study(sampler)
    return sorted(trial.number for trial in sampler.select_parent(study, 1))
