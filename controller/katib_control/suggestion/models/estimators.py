"""Optuna's Parzen estimators and its TPE sampler, tuned for few trials.

Three things differ from Optuna's defaults, each measured (docs/algorithms/tpe.md): good trials weigh by their rank,
kernels may be narrower, and a category that was not seen yet is thought less likely. Loads Optuna.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from optuna import Study
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.samplers import TPESampler

# Optuna names the class to be replaced to change how densities are estimated, but exports it nowhere.
from optuna.samplers._tpe.parzen_estimator import _ParzenEstimator
from optuna.trial import FrozenTrial

from katib_control.suggestion.models.optuna_study import Axes
from katib_control.suggestion.space import Point

Accept = Callable[[Point], bool]
Array = NDArray[np.float64]

_WIDTH = 0.54
_UNSEEN = 0.3


@dataclass(frozen=True, kw_only=True)
class Tuning:
    """What the sampler is told: of how many finished trials (shown or not) how many are good ones, and the like."""

    candidates: int
    prior_weight: float
    finished: int
    good: int


class Density(_ParzenEstimator):  # type: ignore[misc]  # mypy does not follow Optuna
    """A mixture of one kernel for each trial, and the prior. ``narrowest`` is the least width of a kernel (0 to 1)."""

    def __init__(
        self, observations: dict[str, Array], search_space: dict[str, BaseDistribution], parameters: Any,
        *, weights: Array | None, narrowest: float,
    ) -> None:  # fmt: skip
        self._narrowest = narrowest
        super().__init__(observations, search_space, parameters, weights)

    def _calculate_numerical_distributions(
        self, observations: Array, search_space: FloatDistribution | IntDistribution, parameters: Any
    ) -> Any:
        """Let kernels be as wide as the gap to the next one, but not narrower than that share of the range."""
        plain = parameters._replace(consider_magic_clip=False)
        kernels = super()._calculate_numerical_distributions(observations, search_space, plain)
        narrowest = self._narrowest * (kernels.adapted_high - kernels.adapted_low)
        return kernels._replace(sigma=np.maximum(kernels.sigma, narrowest))

    def _calculate_categorical_distributions(
        self, observations: Array, param_name: str, search_space: CategoricalDistribution, parameters: Any
    ) -> Any:
        """Believe less in categories without a trial."""
        parameters = parameters._replace(prior_weight=_UNSEEN * parameters.prior_weight)
        return super()._calculate_categorical_distributions(observations, param_name, search_space, parameters)


class Sampler(TPESampler):  # type: ignore[misc]  # mypy does not follow Optuna
    """Optuna's, which is told how many trials are good, and which candidates are out of the question."""

    def __init__(self, tuning: Tuning, axes: Axes, accept: Accept, seed: int) -> None:
        super().__init__(
            n_startup_trials=0, n_ei_candidates=tuning.candidates, multivariate=True, constant_liar=True, seed=seed
        )
        self._axes = axes
        self._accept = accept
        self._tuning = tuning
        # Optuna warns when these two are given to the constructor, and warnings cannot be silenced for one thread.
        self._gamma = lambda _: tuning.good
        estimator: Any = self._parzen_estimator_parameters
        self._parzen_estimator_parameters: Any = estimator._replace(prior_weight=tuning.prior_weight)

    def _build_parzen_estimator(
        self, study: Study, search_space: dict[str, BaseDistribution], trials: list[FrozenTrial], handle_below: bool
    ) -> _ParzenEstimator:
        """Let good trials weigh by their rank, where there is one order of them; the others by their age, as Optuna."""
        weights = None
        if handle_below:
            alone = len(study.directions) == 1
            weights = weights_by_rank([trial.values[0] for trial in trials]) if alone else np.ones(len(trials))
        return Density(
            self._get_internal_repr(trials, search_space, study),
            search_space,
            self._parzen_estimator_parameters,
            weights=weights,
            narrowest=_WIDTH / math.sqrt(self._tuning.finished + 1),
        )

    def _compute_acquisition_func(self, samples: dict[str, Array], mpe_below: Any, mpe_above: Any) -> Array:
        """Put that candidate first that is the best of those that can be had: one fit then serves for all of them."""
        values: Array = super()._compute_acquisition_func(samples, mpe_below, mpe_above)
        for place in np.argsort(-values, kind="stable"):
            if self._accept(self._axes.decode({name: column[place] for name, column in samples.items()})):
                break
            values[place] = -np.inf
        return values


def weights_by_rank(losses: list[float]) -> Array:
    """Return weights that add up to their number: log(n + 1/2) - log(rank), as the recombination of CMA-ES has them."""
    count = len(losses)
    if not count:
        return np.ones(0)
    ranks = np.argsort(np.argsort(losses, kind="stable"), kind="stable") + 1
    weights = np.log(count + 0.5) - np.log(ranks)
    return np.asarray(weights * (count / weights.sum()))
