"""A Gaussian process by Optuna: Matern 5/2, a length scale for each parameter, all of them with priors.

Its acquisition function is the logarithm of the expected improvement (Ament et al., 2023), taken together with the
points that run (q-EI). Everything is fitted anew for each answer, so nothing has to be remembered. Loads torch (1.5 s),
so it is imported where it is used.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from optuna.samplers import GPSampler

from katib_control.suggestion.algorithms.acquisition import Accept, Coordinates, Hunt, Matrix
from katib_control.suggestion.algorithms.evidence import Evidence
from katib_control.suggestion.algorithms.optuna_study import Axes, Shown
from katib_control.suggestion.space import Point, SearchSpace

_BASES = 10

logger = logging.getLogger(__name__)


class OptunaProcess:
    """See the module."""

    def __init__(self, space: SearchSpace, seen: Evidence) -> None:
        self._coordinates = Coordinates(space)
        self._axes = Axes(space)
        self._shown = Shown(self._axes)
        for point, loss in zip(seen.points, seen.losses, strict=True):
            self._shown.trials.append(self._axes.trial(len(self._shown.trials), point, (loss,)))
        order = np.argsort(seen.losses, kind="stable")[:_BASES]
        self._bases = self._coordinates.rows([seen.points[place] for place in order])
        for point in seen.pending:
            self.add(point)

    def add(self, point: Point) -> None:
        """Count a point as running."""
        self._shown.trials.append(self._axes.trial(len(self._shown.trials), point))

    def propose(self, number: int, accept: Accept) -> Point | None:
        """Return the most promising point; None where there is no accepted one, or the numbers fail."""
        hunt = Hunt(self._coordinates, accept, self._bases, np.random.default_rng(number))
        sampler = _Sampler(number >> 32, hunt)
        try:
            with _one_thread():
                point = self._shown.propose(sampler, len(self._shown.trials), jointly=True)
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

    def __init__(self, seed: int, hunt: Hunt) -> None:
        super().__init__(seed=seed, n_startup_trials=0, warn_independent_sampling=False)
        self._hunt = hunt
        self._log_prior = log_prior

    def _optimize_acqf(self, acqf: Any, best_params: Any) -> Any:
        """Override what Optuna offers for overriding."""
        found = self._hunt.best(lambda rows: acqf.eval_acqf_no_grad(self._normalized(rows)))
        if found is None:
            raise _Nothing
        return self._normalized(found)[0]

    def _normalized(self, rows: Matrix) -> Matrix:
        """Return shares as Optuna has them: the same, but for categories, which it counts."""
        coordinates = self._hunt.coordinates
        found = rows.copy()
        for place, dimension in enumerate(coordinates.space.dimensions):
            if dimension.kind == "categorical":
                found[:, place] = np.floor(rows[:, place] * (dimension.size or 1))
        return found[:, coordinates.movable]


def log_prior(process: Any) -> Any:
    """Return how plausible the parameters of a kernel are: the more dimensions, the longer the scales.

    After Hvarfner, Hellsten and Nardi (2024), who show that this is what keeps a process useful in many dimensions.
    """
    scales = -0.5 * torch.log(process.inverse_squared_lengthscales)
    centre = np.log(0.6) + 0.25 * np.log(len(scales))
    amplitude = torch.log(process.kernel_scale)
    noise = 0.1 * torch.log(process.noise_var) - 30 * process.noise_var
    return -0.5 * ((scales - centre) ** 2).sum() - 0.5 * amplitude**2 + noise


_LOCK = threading.Lock()
_inside = 0
_before: tuple[int, str | None] = (0, None)
_VARIABLE = "OPENBLAS_NUM_THREADS"


@contextmanager
def _one_thread() -> Iterator[None]:
    """Keep linear algebra on one thread while any of ours computes, and put back what was set before.

    Optuna does so by itself, but of two threads that overlap the second would take the 1 of the first for the user's
    own setting, and leave it for ever.
    """
    global _inside, _before
    with _LOCK:
        if not _inside:
            _before = torch.get_num_threads(), os.environ.get(_VARIABLE)
            torch.set_num_threads(1)
            os.environ[_VARIABLE] = "1"
        _inside += 1
    try:
        yield
    finally:
        with _LOCK:
            _inside -= 1
            if not _inside:
                threads, variable = _before
                torch.set_num_threads(threads)
                if variable is None:
                    os.environ.pop(_VARIABLE, None)
                else:
                    os.environ[_VARIABLE] = variable
