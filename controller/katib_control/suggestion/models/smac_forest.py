"""SMAC3's random forest as a surrogate. Loads smac, so it is imported where it is used."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from ConfigSpace import CategoricalHyperparameter, ConfigurationSpace, UniformFloatHyperparameter
from scipy.special import ndtr
from smac.model.random_forest import RandomForest

from katib_control.suggestion.algorithm import Request
from katib_control.suggestion.models.acquisition import QUICK, Accept, Coordinates, Hunt, Matrix, Numbers
from katib_control.suggestion.models.evidence import Evidence
from katib_control.suggestion.space import Point, SearchSpace

_BASES = 10
_LEAST_VARIANCE = 1e-10
_QUANTILE = 5


class SmacForest:
    """See the module."""

    def __init__(self, request: Request, seen: Evidence) -> None:
        self._coordinates = Coordinates(request.space)
        self._settings = request.settings
        self._rows = self._coordinates.rows(seen.points)
        self._losses = logarithmic(np.array(seen.losses))
        self._bases = self._rows[np.argsort(self._losses, kind="stable")[:_BASES]]
        # The same trees at every answer, so that its points differ because the trials do.
        self._seed = request.number(0, "trees") >> 33
        if lies := [*seen.failed, *seen.running]:
            self._lie(lies)
        else:
            self._train()

    def add(self, point: Point) -> None:
        """Count a point as running."""
        self._lie([point])

    def propose(self, number: int, accept: Accept) -> Point | None:
        """Return the most promising point; None where there is no accepted one, or chance has its turn."""
        rng = np.random.default_rng(number)
        if rng.random() < self._settings["random_probability"]:
            return None
        hunt = Hunt(self._coordinates, accept, self._bases, rng, QUICK)
        found = hunt.best(self._improvement)
        return None if found is None else self._coordinates.point(found[0])

    def _lie(self, points: Sequence[Point]) -> None:
        """Take points that have no loss for average ones."""
        self._rows = np.vstack([self._rows, self._coordinates.rows(points)])
        self._losses = np.concatenate([self._losses, np.full(len(points), self._losses.mean())])
        self._train()

    def _train(self) -> None:
        # As the facade for hyperparameter optimisation sets it.
        self._forest = RandomForest(
            _configuration_space(self._coordinates.space),
            n_trees=self._settings["n_trees"], ratio_features=1.0, min_samples_split=2, min_samples_leaf=1,
            max_depth=1 << 20, bootstrapping=True, log_y=True, seed=self._seed, n_jobs=1,
            # Never more than there are; the library allocates its default, a million for each tree.
            max_leaf_nodes=max(2, len(self._rows)),
        )  # fmt: skip
        features = self._coordinates.counted(self._rows)
        self._forest.train(features, self._losses.reshape(-1, 1))
        # Not the lowest loss, which may be low by luck.
        self._best = float(self._forest.predict(features)[0].min())

    def _improvement(self, rows: Matrix) -> Numbers:
        """Return the expected improvement of a loss whose logarithm is normal (Hutter et al., 2009)."""
        mean, variance = self._forest.predict(self._coordinates.counted(rows))
        mean, variance = mean[:, 0], np.maximum(variance[:, 0], _LEAST_VARIANCE)
        deviation = np.sqrt(variance)
        apart = (self._best - mean) / deviation
        return np.asarray(np.exp(self._best) * ndtr(apart) - np.exp(variance / 2 + mean) * ndtr(apart - deviation))


def logarithmic(losses: Numbers) -> Numbers:
    """Return the logarithms of losses that are moved to be positive: differences between good ones count more."""
    low = float(losses.min())
    margin = max(float(np.percentile(losses, _QUANTILE)) - low, 1e-2)
    span = float(losses.max()) - low + margin
    return np.log((losses - low + margin) / span)


def _configuration_space(space: SearchSpace) -> ConfigurationSpace:
    """Return what the forest is told of the features: which of them are categories, and how many there are."""
    found = ConfigurationSpace()
    # Numbered: the library sorts nothing here, but it has rules for names.
    for place, dimension in enumerate(space.dimensions):
        name = f"p{place:05d}"
        if dimension.kind == "categorical" and dimension.size != 1:
            found.add(CategoricalHyperparameter(name, list(range(dimension.size or 1))))
        else:
            found.add(UniformFloatHyperparameter(name, 0.0, 1.0))
    return found
