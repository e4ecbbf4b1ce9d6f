"""Where an acquisition function is largest: points of the search space that keep the constraints and are not taken.

It asks for nothing but scores, so Gaussian processes and forests share it, and every kind of parameter is moved in its
own way: numbers by a step that shrinks, lattices to another of their values, categories to any other one. Loads numpy
and scipy, so it is imported where it is used.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

from katib_control.suggestion.dimensions import Dimension
from katib_control.suggestion.space import Point, SearchSpace

Numbers = npt.NDArray[np.float64]
Matrix = npt.NDArray[np.float64]
"""One row per point: its shares (0 to 1) as ``SearchSpace.units`` has them."""

Score = Callable[[Matrix], Numbers]
"""Returns one number per row; more is better."""

Accept = Callable[[Point], bool]

_SAMPLES = 1024
_BASES, _VARIANTS = 12, 32
_AROUND = (0.2, 0.05, 0.01)
THOROUGH = (0.3, 0.1, 0.1, 0.05, 0.03, 0.01, 0.003, 0.001)
"""How far points are moved, round by round."""
QUICK = (0.1, 0.03)
"""For surrogates that take long to ask, and are piecewise constant anyway."""

# Lattices with more values are moved like continuous parameters: no model tells their neighbours apart.
_CELLS = 4096
_ENUMERABLE = 2048
_PROBE = 1e-6


class Surrogate(Protocol):
    """A model of the losses, which knows where to look next."""

    def propose(self, number: int, accept: Accept) -> Point | None:
        """Return an accepted point by the random numbers of ``number``; None where it finds none."""

    def add(self, point: Point) -> None:
        """Count a point as running from now on."""


class Coordinates:
    """The shares of a space's points: drawn, moved, and put on the middle of the cells of their values."""

    def __init__(self, space: SearchSpace) -> None:
        self.space = space
        self.movable = [place for place, dimension in enumerate(space.dimensions) if dimension.size != 1]
        self.continuous = [place for place, dimension in enumerate(space.dimensions) if dimension.size is None]
        self._centres = [_centres(dimension) for dimension in space.dimensions]
        self._categorical = [dimension.kind == "categorical" for dimension in space.dimensions]

    def rows(self, points: Sequence[Point]) -> Matrix:
        """Return the shares of points."""
        return np.array([self.space.units(point) for point in points]).reshape(-1, len(self.space.dimensions))

    def point(self, row: Numbers) -> Point:
        """Return the point at a row."""
        return self.space.point(row.tolist())

    def every(self) -> Matrix | None:
        """Return all points of a small space, whether feasible or not; None for a larger one."""
        if self.space.size is None or self.space.size > _ENUMERABLE:
            return None
        columns = [centres for centres in self._centres if centres is not None]
        return np.asarray(np.stack([grid.ravel() for grid in np.meshgrid(*columns, indexing="ij")], axis=1))

    def draw(self, count: int, rng: np.random.Generator) -> Matrix:
        """Return random points."""
        return self.snapped(rng.random((count, len(self.space.dimensions))))

    def moved(self, rows: Matrix, scale: float, rng: np.random.Generator) -> Matrix:
        """Return a copy in which every point has moved in one or more of its parameters."""
        found: Matrix = rows.copy()
        count, width = found.shape
        if not self.movable:
            return found
        chosen = rng.random((count, width)) < max(1.5 / len(self.movable), 0.2)
        chosen[np.arange(count), rng.choice(self.movable, count)] = True
        steps = rng.normal(0.0, scale, (count, width))
        for place in self.movable:
            mask = chosen[:, place]
            found[mask, place] = self._moved(place, found[mask, place], steps[mask, place], rng)
        return self.snapped(found)

    def _moved(self, place: int, column: Numbers, steps: Numbers, rng: np.random.Generator) -> Numbers:
        centres = self._centres[place]
        if self._categorical[place] and centres is not None:
            others = _cells(centres, column) + rng.integers(1, len(centres), len(column))
            return np.asarray(centres[others % len(centres)])
        # Reflected at the borders.
        moved = np.abs(column + steps)
        moved = np.asarray(np.clip(np.where(moved > 1.0, 2.0 - moved, moved), 0.0, 1.0))
        if centres is None:
            return moved
        # At least to the next value of a lattice.
        old, new = _cells(centres, column), _cells(centres, moved)
        pushed = np.where(old == new, np.where(steps < 0, -1, 1), 0)
        beyond = (new + pushed < 0) | (new + pushed >= len(centres))
        return np.asarray(centres[new + np.where(beyond, -pushed, pushed)])

    def counted(self, rows: Matrix) -> Matrix:
        """Return a copy in which categories are counted from 0."""
        found: Matrix = rows.copy()
        for place, dimension in enumerate(self.space.dimensions):
            if self._categorical[place]:
                found[:, place] = np.floor(rows[:, place] * (dimension.size or 1))
        return found

    def snapped(self, rows: Matrix) -> Matrix:
        """Put lattices and categories on the middle of their cells, in place."""
        for place, centres in enumerate(self._centres):
            if centres is not None:
                rows[:, place] = centres[_cells(centres, rows[:, place])]
        return rows


def _centres(dimension: Dimension) -> Numbers | None:
    size = dimension.size
    if size is None or size > _CELLS:
        return None
    if dimension.uniform:
        return (np.arange(size) + 0.5) / size
    return np.array([dimension.to_unit(dimension.at(rank)) for rank in range(size)])


def _cells(centres: Numbers, column: Numbers) -> npt.NDArray[np.intp]:
    return np.searchsorted((centres[1:] + centres[:-1]) / 2, column, side="right")


@dataclass(frozen=True)
class Hunt:
    """Looks for the highest score among accepted points; what it finds depends on its random numbers alone.

    ``bases``: rows of good points, around which it looks more closely. ``scales``: how far it moves, round by round.
    ``climb``: whether continuous parameters follow the gradient (L-BFGS) at the end.
    """

    coordinates: Coordinates
    accept: Accept
    bases: Matrix
    rng: np.random.Generator
    scales: Sequence[float] = THOROUGH
    climb: bool = False

    def best(self, score: Score) -> Matrix | None:
        """Return the best row found (a matrix of one); None where no accepted point was found."""
        every = self.coordinates.every()
        if every is not None:
            found, _ = self._accepted(every, score(every), 1)
            return found if len(found) else None
        top, values = self._searched(score)
        if not len(top):
            return None
        return self._climbed(top[:1], values[0], score) if self.climb else top[:1]

    def pool(self) -> Matrix:
        """Return points from everywhere, and points around the bases."""
        moves = [self.coordinates.moved(self.bases.repeat(16, axis=0), scale, self.rng) for scale in _AROUND]
        return np.vstack([self.coordinates.draw(_SAMPLES, self.rng), *moves])

    def _searched(self, score: Score) -> tuple[Matrix, Numbers]:
        pool = self.pool()
        top, values = self._accepted(pool, score(pool), _BASES)
        for scale in self.scales if len(top) else ():
            moved = self.coordinates.moved(top.repeat(_VARIANTS, axis=0), scale, self.rng)
            fresh, worth = self._accepted(moved, score(moved), _BASES)
            top, values = np.vstack([top, fresh]), np.concatenate([values, worth])
            order = np.argsort(-values, kind="stable")[:_BASES]
            top, values = top[order], values[order]
        return top, values

    def _accepted(self, rows: Matrix, values: Numbers, count: int) -> tuple[Matrix, Numbers]:
        """Return so many of the best rows that are accepted, the best first."""
        found: list[int] = []
        seen: set[Point] = set()
        for place in np.argsort(-values, kind="stable").tolist():
            point = self.coordinates.point(rows[place])
            if point not in seen and self.accept(point):
                found.append(place)
                if len(found) == count:
                    break
            seen.add(point)
        return rows[found], values[found]

    def _climbed(self, row: Matrix, value: float, score: Score) -> Matrix:
        """Return the row, or a better one uphill from it."""
        places = self.coordinates.continuous
        if not places:
            return row

        def downhill(shares: Numbers) -> tuple[float, Any]:
            # One row more than there are parameters gives the value and its slope along each of them.
            rows = row.repeat(len(places) + 1, axis=0)
            rows[:, places] = shares
            steps = np.where(shares < 0.5, _PROBE, -_PROBE)
            rows[np.arange(1, len(places) + 1), places] += steps
            values = score(rows)
            return -float(values[0]), -(values[1:] - values[0]) / steps

        ended = minimize(
            downhill, row[0, places], jac=True, method="L-BFGS-B",
            bounds=[(0.0, 1.0)] * len(places), options={"maxiter": 20, "maxfun": 40},
        )  # fmt: skip
        higher: Matrix = row.copy()
        higher[0, places] = np.clip(ended.x, 0.0, 1.0)
        # Judged again where it will be tried: never worse than the row, and still accepted.
        if score(higher)[0] > value and self.accept(self.coordinates.point(higher[0])):
            return higher
        return row
