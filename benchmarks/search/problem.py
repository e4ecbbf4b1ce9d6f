"""What a benchmark problem is, and how good random search is on it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from benchmarks.search.parameters import Array, Parameter, draw

RANDOM_SEARCHES = 201
"""Of so many random searches the median is taken."""


@dataclass(frozen=True, kw_only=True)
class Instance:
    """One placement of a problem: where its optimum lies depends on the seed it was made from.

    ``loss`` gives the true loss (to be minimised) of points, one a row. ``optimum`` is the least there is. ``noise`` is
    the standard deviation of what is added before it is observed. ``maximise``: trials report the negative loss, and
    the Experiment maximises. ``resource``: one more parameter, ``epochs``, from 1 to this number, is given to searches
    that divide it themselves; ``curve(points, epochs)`` is the loss after so many of them. Others train to the end.
    """

    parameters: tuple[Parameter, ...]
    loss: Callable[[Array], Array]
    optimum: float
    noise: float = 0.0
    maximise: bool = False
    resource: int = 0
    curve: Callable[[Array, Array], Array] | None = None

    def random_regret(self, budget: int, seed: int) -> float:
        """Return the median regret of random search with so many trials; noise misleads it as it does the others."""
        rng = np.random.default_rng([seed, 0x5EA7C4])
        points = draw(self.parameters, rng, RANDOM_SEARCHES * budget)
        true = self.loss(points)
        seen = true + self.noise * rng.standard_normal(len(true))
        best = seen.reshape(RANDOM_SEARCHES, budget).argmin(axis=1)
        chosen = true.reshape(RANDOM_SEARCHES, budget)[np.arange(RANDOM_SEARCHES), best]
        return float(np.median(chosen)) - self.optimum


@dataclass(frozen=True)
class Problem:
    """A family of instances: ``make`` places the optimum by the random numbers it is given."""

    name: str
    kind: str
    make: Callable[[np.random.Generator], Instance]

    def instance(self, seed: int) -> Instance:
        """Return the instance of this seed."""
        name = [ord(letter) for letter in self.name]
        return self.make(np.random.default_rng([seed, *name]))


def centre(rng: np.random.Generator, count: int, low: float = 0.12, high: float = 0.42) -> Array:
    """Return a place for an optimum: in no coordinate near an end or the middle."""
    near = rng.uniform(low, high, count)
    return np.where(rng.random(count) < 0.5, near, 1.0 - near)


def rotation(rng: np.random.Generator, count: int) -> Array:
    """Return a random rotation matrix."""
    matrix, triangle = np.linalg.qr(rng.standard_normal((count, count)))
    return np.asarray(matrix * np.sign(np.diag(triangle)))
