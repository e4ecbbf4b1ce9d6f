"""New configurations from a model of the good ones, as in BOHB (Falkner et al., ICML 2018).

Good are the best of the highest budget; where it has too few results yet, the best of the next lower one are added.
So what low budgets said of a configuration is forgotten as soon as a higher one has spoken. The model is fitted anew
for every answer, to a bounded number of results: its cost does not grow with the history.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from katib_control.api.settings import Setting
from katib_control.suggestion.algorithm import Request
from katib_control.suggestion.schedules.resource import Resource
from katib_control.suggestion.schedules.rungs import Ledger
from katib_control.suggestion.space import Point

if TYPE_CHECKING:
    from katib_control.suggestion.models.density import Kernels

MIN_POINTS = Setting(
    name="min_points_in_model", type="int", low=1,
    help="so many good results make a model, and as many others; without it one more than there are parameters",
)  # fmt: skip
RANDOM_FRACTION = Setting(
    name="random_fraction", type="float", low=0, high=1, default=1 / 3,
    help="share of new configurations that are random, whatever the model says; 1 is without a model",
)  # fmt: skip
NUM_SAMPLES = Setting(
    name="num_samples", type="int", low=1, high=100_000, default=64,
    help="how many candidates the model chooses from",
)  # fmt: skip
TOP_N_PERCENT = Setting(
    name="top_n_percent", type="int", low=1, high=99, default=15,
    help="percentage of the results that count as good",
)  # fmt: skip
BANDWIDTH_FACTOR = Setting(
    name="bandwidth_factor", type="float", above=0, default=3.0,
    help="candidates are drawn from kernels so many times as wide as those of the model",
)  # fmt: skip
MODEL_SETTINGS = (MIN_POINTS, RANDOM_FRACTION, NUM_SAMPLES, TOP_N_PERCENT, BANDWIDTH_FACTOR)

MOST_GOOD, MOST_BAD = 64, 192
"""So many results are looked at: the best ones, and the rest of them evenly."""


@dataclass
class Model:
    """Proposes configurations for one answer, from results that do not change meanwhile. ``rows`` is a cache."""

    request: Request
    resource: Resource
    ledger: Ledger
    rows: dict[Point, tuple[float, ...]]
    _fitted: tuple[Kernels, Kernels] | None = field(default=None, init=False)
    _tried: bool = field(default=False, init=False)

    def propose(self, number: int) -> Point | None:
        """Return a configuration that was not made yet; None when one is to be drawn at random."""
        settings = self.request.settings
        if self.request.number(number, "random") < settings["random_fraction"] * 2**64:
            return None
        if not self._tried:
            self._tried, self._fitted = True, self._fit()
        if self._fitted is None:
            return None
        import numpy as np  # takes a moment, and most algorithms need none

        from katib_control.suggestion.models.density import most_promising

        good, bad = self._fitted
        candidates = most_promising(
            self.resource.configurations, good, bad,
            samples=settings["num_samples"], factor=settings["bandwidth_factor"],
            rng=np.random.default_rng(self.request.number(number, "model")),
        )  # fmt: skip
        feasible = self.resource.configurations.feasible
        return next((item for item in candidates if item not in self.ledger.made and feasible(item)), None)

    def _fit(self) -> tuple[Kernels, Kernels] | None:
        space, settings = self.resource.configurations, self.request.settings
        # A budget at which all are the same says nothing of any: the first epoch of a slow training, for example.
        telling = [results for results in reversed(self.ledger.results) if _tells(results)]
        count = sum(map(len, telling))
        # A density of fewer points than parameters has no width in some direction.
        least = max(len(space.dimensions) + 1, settings["min_points_in_model"] or 0)
        cut = max(least, min(MOST_GOOD, math.ceil(count * settings["top_n_percent"] / 100)))
        step = max(1, math.ceil((count - cut) / MOST_BAD))
        good = [point for _, point in itertools.islice(itertools.chain.from_iterable(telling), cut)]
        bad = [point for _, point in itertools.islice(itertools.chain.from_iterable(telling), cut, None, step)]
        if min(len(good), len(bad)) < least or not space.dimensions:
            return None
        from katib_control.suggestion.models.density import categories, kernels

        sizes = categories(space)
        return kernels([*map(self._row, good)], sizes), kernels([*map(self._row, bad)], sizes)

    def _row(self, configuration: Point) -> tuple[float, ...]:
        row = self.rows.get(configuration)
        if row is None:
            row = self.rows[configuration] = self.resource.configurations.units(configuration)
        return row


def _tells(results: Sequence[tuple[float, Point]]) -> bool:
    return len(results) == 1 or (len(results) > 1 and results[0][0] < results[-1][0])
