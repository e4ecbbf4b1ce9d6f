"""A Gaussian process by Optuna: Matern 5/2, a length scale for each parameter, all of them with priors.

Its acquisition function is the logarithm of the expected improvement (Ament et al., 2023), taken together with the
points that run (q-EI). Everything is fitted anew for each answer, so nothing has to be remembered. Loads torch (1.5 s),
so it is imported where it is used.
"""

from __future__ import annotations

import logging
import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from optuna.samplers import GPSampler

from katib_control.suggestion.models.acquisition import Accept, Coordinates, Hunt, Matrix
from katib_control.suggestion.models.evidence import LIARS, Evidence
from katib_control.suggestion.models.optuna_study import Axes, Shown, quiet
from katib_control.suggestion.space import Point, SearchSpace

_BASES = 10
_SAMPLES = 64
# Variance, of losses whose variance is 1: with less, points that all but coincide cannot be told from bad numbers.
_LEAST_NOISE, _FIRST_NOISE = 1e-5, 1e-2

logger = logging.getLogger(__name__)


class OptunaProcess:
    """See the module."""

    def __init__(self, space: SearchSpace, seen: Evidence) -> None:
        self._coordinates = Coordinates(space)
        self._axes = Axes(space)
        self._shown = Shown(self._axes)
        known = [*zip(seen.points, seen.losses, strict=True), *((point, 0.0) for point in seen.failed)]
        self._known = [self._axes.trial(number, point, (loss,)) for number, (point, loss) in enumerate(known)]
        self._running = list(seen.running)
        order = np.argsort(seen.losses, kind="stable")[:_BASES]
        self._bases = self._coordinates.rows([seen.points[place] for place in order])
        self._fitted: list[Any] | None = None

    def add(self, point: Point) -> None:
        """Count a point as running."""
        self._running.append(point)

    def propose(self, number: int, accept: Accept) -> Point | None:
        """Return the most promising point; None where there is no accepted one, or the numbers fail."""
        count = len(self._known)
        running = enumerate(self._running[-LIARS:], count)
        self._shown.trials = [*self._known, *(self._axes.trial(place, point) for place, point in running)]
        hunt = Hunt(self._coordinates, accept, self._bases, np.random.default_rng(number))
        sampler = _Sampler(number >> 32, hunt, self._fitted)
        try:
            # It says so when a kernel cannot be fitted, and goes on with a standard one.
            with quiet("optuna._gp.gp"):
                point = self._shown.propose(sampler, len(self._shown.trials), jointly=True)
            self._fitted = sampler.fitted
        except _Nothing:
            return None
        except (RuntimeError, ValueError) as error:
            # Linear algebra on points that all but coincide; the next trials will be others.
            logger.warning("no model of %d trials: %s", len(self._shown.trials), error)
            return None
        return point if accept(point) else None


class _Nothing(Exception):
    """No accepted point was found."""


class _Sampler(GPSampler):  # type: ignore[misc] # Optuna is not typed
    """Optuna's sampler; where the acquisition function is largest is for ``Hunt`` to find, which knows the space."""

    def __init__(self, seed: int, hunt: Hunt, fitted: list[Any] | None) -> None:
        super().__init__(seed=seed, n_startup_trials=0, warn_independent_sampling=False)
        self._hunt = hunt
        self._log_prior = log_prior
        self._minimum_noise = _LEAST_NOISE
        self._n_qmc_samples_qei = _SAMPLES
        # Where the fit starts. In a batch from the kernel before: the finished trials are the same.
        self._gprs_cache_list = fitted or [_plausible(len(hunt.coordinates.movable))]

    @property
    def fitted(self) -> list[Any] | None:
        """The process of the last answer."""
        return self._gprs_cache_list

    def _optimize_acqf(self, acqf: Any, best_params: Any) -> Any:
        """Override what Optuna offers for overriding."""
        found = self._hunt.best(lambda rows: acqf.eval_acqf_no_grad(self._normalized(rows)))
        if found is None:
            raise _Nothing
        return self._normalized(found)[0]

    def _normalized(self, rows: Matrix) -> Matrix:
        """Return shares as Optuna has them: the same, but for categories, which it counts."""
        coordinates = self._hunt.coordinates
        found: Matrix = coordinates.counted(rows)[:, coordinates.movable]
        return found


def _plausible(dimensions: int) -> Any:
    """Return a kernel from the middle of what is plausible; only its parameters are asked for."""
    return SimpleNamespace(
        inverse_squared_lengthscales=torch.full((dimensions,), math.exp(-2 * _centre(dimensions)), dtype=torch.float64),
        kernel_scale=torch.tensor(1.0, dtype=torch.float64),
        noise_var=torch.tensor(_FIRST_NOISE, dtype=torch.float64),
    )


def _centre(dimensions: int) -> float:
    """Return the logarithm of a plausible length scale."""
    return math.log(0.6) + 0.25 * math.log(max(1, dimensions))


def log_prior(process: Any) -> Any:
    """Return how plausible the parameters of a kernel are: the more dimensions, the longer the scales.

    After Hvarfner, Hellsten and Nardi (2024), who show that this is what keeps a process useful in many dimensions.
    """
    scales = -0.5 * torch.log(process.inverse_squared_lengthscales)
    centre = _centre(len(scales))
    amplitude = torch.log(process.kernel_scale)
    noise = 0.1 * torch.log(process.noise_var) - 30 * process.noise_var
    return -0.5 * ((scales - centre) ** 2).sum() - 0.5 * amplitude**2 + noise
