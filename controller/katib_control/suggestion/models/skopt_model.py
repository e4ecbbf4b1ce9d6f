"""Bayesian optimisation with the surrogates and acquisition functions of scikit-optimize.

Numbers are put to it as shares of their distribution, so that logarithms, normal distributions and steps are no special
cases, and categories as one feature each. Its own Optimizer is not used: it forgets which points run, silences warnings
for all threads, and is refitted for every point it is told of. Loads scikit-learn, so it is imported where it is used.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from skopt.acquisition import gaussian_ei, gaussian_lcb, gaussian_pi

from katib_control.suggestion.models.acquisition import (
    QUICK,
    THOROUGH,
    Accept,
    Coordinates,
    Hunt,
    Matrix,
    Numbers,
)
from katib_control.suggestion.models.evidence import Evidence
from katib_control.suggestion.models.skopt_surrogates import Forest, Process, Quantiles, Regressor
from katib_control.suggestion.space import Point, SearchSpace

_BASES = 10
_HEDGED = ("EI", "LCB", "PI")
# The library's own defaults, for losses of standard deviation 1.
_XI, _KAPPA = 0.01, 1.96


@dataclass(frozen=True, kw_only=True)
class Choice:
    """Katib's settings: the surrogate, the acquisition function, and whether its maximum is found by gradients."""

    estimator: str
    acquisition: str
    gradients: bool
    seed: int


class SkoptModel:
    """See the module."""

    def __init__(self, space: SearchSpace, choice: Choice, seen: Evidence) -> None:
        self._coordinates = Coordinates(space)
        self._choice = choice
        order = np.argsort(seen.losses, kind="stable")[:_BASES]
        self._bases = self._coordinates.rows([seen.points[place] for place in order])
        self._features = self._encoded(self._coordinates.rows(seen.points))
        self._losses = np.array(seen.losses)
        self._regressor = self._surrogate()
        self._regressor.fit(self._features, self._losses)
        if lies := [*seen.failed, *seen.running]:
            self._lie(self._coordinates.rows(lies))

    def add(self, point: Point) -> None:
        """Count a point as running."""
        self._lie(self._coordinates.rows([point]))

    def propose(self, number: int, accept: Accept) -> Point | None:
        """Return the most promising point; None where there is no accepted one."""
        rng = np.random.default_rng(number)
        scales = THOROUGH if self._choice.estimator == "GP" else QUICK
        hunt = Hunt(self._coordinates, accept, self._bases, rng, scales, self._choice.gradients)
        name = self._choice.acquisition
        if name == "gp_hedge":
            name = self._hedged(hunt.pool(), rng)
        least = self._least()
        found = hunt.best(lambda rows: _score(name, self._encoded(rows), self._regressor, least))
        return None if found is None else self._coordinates.point(found[0])

    def _surrogate(self) -> Regressor:
        kind, seed = self._choice.estimator, self._choice.seed
        if kind == "GP":
            return Process(self._features.shape[1], max(1, len(self._coordinates.movable)))
        return Quantiles(seed) if kind == "GBRT" else Forest(kind, seed)

    def _lie(self, rows: Matrix) -> None:
        """Take points that have no loss for average ones (constant liar, Ginsbourger et al., 2010)."""
        self._features = np.vstack([self._features, self._encoded(rows)])
        self._losses = np.concatenate([self._losses, np.zeros(len(rows))])
        self._regressor.fit(self._features, self._losses)

    def _least(self) -> float:
        """Return the lowest mean at a point that was made: the lowest loss may be low by luck."""
        return float(self._regressor.predict(self._features).min())

    def _hedged(self, pool: Matrix, rng: np.random.Generator) -> str:
        """Return one of the three functions, the likelier the lower the mean is where it would look.

        Hoffman, Brochu and de Freitas (2011) add that up over all answers; without a memory it is that of now.
        """
        known, least = _Known(*self._regressor.predict(self._encoded(pool), return_std=True)), self._least()
        gains = np.array([-known.mean[np.argmax(_score(name, pool, known, least))] for name in _HEDGED])
        weights = np.exp(gains - gains.max())
        return str(rng.choice(_HEDGED, p=weights / weights.sum()))

    def _encoded(self, rows: Matrix) -> Matrix:
        """Return features: shares of numbers; for categories 0 and 1, or one column for each of three and more."""
        columns, counted = [], self._coordinates.counted(rows)
        for place, dimension in enumerate(self._coordinates.space.dimensions):
            column, size = counted[:, [place]], dimension.size or 0
            several = dimension.kind == "categorical" and size > 2
            columns.append((column == np.arange(size)).astype(float) if several else column)
        return np.hstack(columns)


class _Known:
    """Predictions that are there already."""

    def __init__(self, mean: Numbers, deviation: Numbers) -> None:
        self.mean = mean
        self._deviation = deviation

    def predict(self, features: Matrix, return_std: bool = True) -> tuple[Numbers, Numbers]:
        """Return them, whatever is asked for."""
        return self.mean, self._deviation


def _score(name: str, features: Matrix, model: Regressor | _Known, least: float) -> Numbers:
    if name == "LCB":
        return -np.asarray(gaussian_lcb(features, model, _KAPPA))
    improvement = gaussian_ei if name == "EI" else gaussian_pi
    return np.asarray(improvement(features, model, least, _XI))
