"""A search distribution over mixed spaces that learns from ranked points: CatCMA with margin (Hamano et al., 2025).

A normal distribution covers the ints, doubles and discrete parameters, in shares of their own distributions, so that a
logarithmic scale is nothing special; where there are few values, a margin keeps each next value within reach. Every
categorical parameter, and every other one of two values, has a probability for each of its values. The arithmetic is
that of the package ``cmaes``.
"""

from __future__ import annotations

import copy
import itertools
import math
import random
from bisect import bisect
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from katib_control.suggestion.dimensions import Dimension
from katib_control.suggestion.space import Point, SearchSpace

_FEW = 100
"""Up to so many values a number is handled as a row of values; with more its steps are finer than any that matter."""

_LONGEST = 1.5
"""How far a told point may lie from the mean, in multiples of the longest usual distance (Hansen, 2011): one that this
distribution would hardly have made moves it no further than one that it would."""


@dataclass(frozen=True)
class Coordinates:
    """A point as this distribution sees it: shares of the numbers, and ranks of the categories."""

    numbers: tuple[float, ...]
    categories: tuple[int, ...]


class Axes:
    """Which parameters are numbers and which are categories. Those with a single value are neither."""

    def __init__(self, space: SearchSpace) -> None:
        self._fixed = [item.at(0) if item.size else "" for item in space.dimensions]
        several = [(place, item) for place, item in enumerate(space.dimensions) if item.size != 1]
        self.categories = [(place, item) for place, item in several if item.kind == "categorical" or item.size == 2]
        numbers = [(place, item) for place, item in several if item.kind != "categorical" and item.size != 2]
        smooth = [(place, item) for place, item in numbers if item.size is None or item.size > _FEW]
        # The package wants the continuous ones first.
        self.numbers = smooth + [(place, item) for place, item in numbers if item.size and item.size <= _FEW]
        self.smooth = len(smooth)
        self.rows = [[item.to_unit(item.at(rank)) for rank in range(item.size or 0)] for _, item in self._rows]
        self._limits = [[(low + high) / 2 for low, high in itertools.pairwise(row)] for row in self.rows]

    @property
    def _rows(self) -> Sequence[tuple[int, Dimension]]:
        return self.numbers[self.smooth :]

    @property
    def count(self) -> int:
        """How many parameters there are to choose."""
        return len(self.numbers) + len(self.categories)

    def read(self, point: Point) -> Coordinates:
        """Return a point's coordinates."""
        numbers = tuple(item.to_unit(point[place]) for place, item in self.numbers)
        return Coordinates(numbers, tuple(item.rank(point[place]) for place, item in self.categories))

    def point(self, numbers: Sequence[float], categories: Sequence[int]) -> Point:
        """Return the point at these coordinates; numbers outside 0 and 1 are mirrored back, or are the last of a row.

        Mirrored rather than cut off, so that points do not pile up on the bounds.
        """
        values = list(self._fixed)
        for (place, item), number in zip(self.numbers[: self.smooth], numbers, strict=False):
            turned = abs(number) % 2.0
            values[place] = item.from_unit(min(turned, 2.0 - turned))
        for (place, item), limits, number in zip(self._rows, self._limits, numbers[self.smooth :], strict=True):
            values[place] = item.at(bisect(limits, number))
        for (place, item), rank in zip(self.categories, categories, strict=True):
            values[place] = item.at(rank)
        return tuple(values)


class Distribution:
    """See the module. It learns in generations of exactly ``population`` points.

    It begins around weighted points (the weights sum to 1), or in the middle where there are none; ``step`` is its
    first standard deviation in every direction.
    """

    def __init__(self, axes: Axes, population: int, step: float, around: Sequence[tuple[float, Coordinates]]) -> None:
        import numpy as np
        from cmaes import CatCMAwM

        self._axes = axes
        self.population = population
        count, sizes = len(axes.numbers), [item.size or 0 for _, item in axes.categories]
        options: dict[str, Any] = {}
        if count:
            mean = sum((weight * np.array(item.numbers) for weight, item in around), np.zeros(count))
            options |= {"mean": mean if around else mean + 0.5, "sigma": step, "cov": np.eye(count)}
        if axes.smooth:
            options["x_space"] = [[0.0, 1.0]] * axes.smooth
        if axes.rows:
            options["z_space"] = axes.rows
        if sizes:
            options |= {"c_space": sizes, "cat_param": _shares(sizes, [(w, item.categories) for w, item in around])}
        self._model: Any = CatCMAwM(population_size=population, **options)
        self._offsets = [max(sizes, default=0) * row for row in range(len(sizes))]
        self._width = max(sizes, default=0)

    def copy(self) -> Distribution:
        """Return one that learns apart from this one."""
        other = copy.copy(self)
        other._model = copy.deepcopy(self._model)
        return other

    def tell(self, ranked: Sequence[Coordinates]) -> None:
        """Learn from a generation, best first. Ranks are told, not losses: nothing else matters, and they differ."""
        import numpy as np

        told = []
        with np.errstate(all="ignore"):
            for rank, item in enumerate(ranked):
                hot = np.zeros(len(self._offsets) * self._width, dtype=bool)
                hot[[offset + place for offset, place in zip(self._offsets, item.categories, strict=True)]] = True
                choice = hot.reshape(len(self._offsets), -1) if self._offsets else None
                solution = self._model.Solution(None, None, choice, self._nearer(np.array(item.numbers)))
                told.append((solution, float(rank)))
            self._model.tell(told)

    def sample(self, seed: int, spread: float = 1.0) -> Point:
        """Return a point; ``spread`` above 1 looks further around, for when all that is near was tried."""
        model = self._model
        model.reseed_rng(seed & 0xFFFFFFFF)  # numpy's legacy seeds have 32 bits
        found = model.ask()
        numbers = found._v_raw
        if numbers is not None:
            numbers = (model._mean + spread * (numbers - model._mean)).tolist()
        categories = [] if found.c is None else found.c.argmax(axis=1).tolist()
        if spread > 1.0:
            chance = random.Random(seed)
            for row, (_, item) in enumerate(self._axes.categories):
                if chance.random() > 1.0 / spread:
                    categories[row] = chance.randrange(item.size or 1)
        return self._axes.point(numbers or (), categories)

    @property
    def width(self) -> float:
        """The largest standard deviation over the continuous parameters, as a share; infinite where there are none."""
        model, smooth = self._model, self._axes.smooth
        if not smooth:
            return math.inf
        return float((model._sigma * model._A * model._C.diagonal() ** 0.5)[:smooth].max())

    def _nearer(self, numbers: Any) -> Any:
        """Return a point's numbers, drawn towards the mean where they are too far away."""
        import numpy as np

        if not len(numbers):
            return None
        model = self._model
        turned, lengths = model._eigen_decomposition()
        away = numbers - model._mean
        distance = float(np.linalg.norm(turned.T @ (away / (model._sigma * model._A)) / lengths))
        longest = _LONGEST * (math.sqrt(len(numbers)) + 2 * len(numbers) / (len(numbers) + 2))
        return model._mean + away * (longest / distance) if distance > longest else numbers


def _shares(sizes: Sequence[int], around: Sequence[tuple[float, Sequence[int]]]) -> Any:
    """Return the first probabilities of categories: half to all alike, half to the points to begin around."""
    import numpy as np

    shares = np.zeros((len(sizes), max(sizes)))
    for row, size in enumerate(sizes):
        shares[row, :size] = 1 / size
    for weight, ranks in around:
        for row, rank in enumerate(ranks):
            shares[row, rank] += weight
    return shares / shares.sum(axis=1, keepdims=True)
