"""Exploring around a point: the two ways of population-based training (Jaderberg et al., 2017, section 4.1.2).

*Perturb* multiplies numbers by 0.8 or 1.2 and goes to a neighbour in a list; *resample* draws some parameters anew from
their distributions. Both stay inside the space and on its lattices.
"""

from __future__ import annotations

import random
from collections.abc import Collection
from decimal import Decimal
from fractions import Fraction

from katib_control.suggestion.dimensions import Dimension, Lattice
from katib_control.suggestion.distinct import Infeasible, any_free, draw, free
from katib_control.suggestion.space import Point, SearchSpace

FACTORS = Decimal("0.8"), Decimal("1.2")

_STEPS = 16
"""Attempts that begin at the winner; as many again each begin where the one before has ended."""


def explore(
    space: SearchSpace, start: Point, rng: random.Random, taken: Collection[Point], resample: float | None
) -> Point:
    """Return a point near ``start`` that is not taken and keeps the constraints.

    ``resample`` is the chance of each parameter to be drawn anew; None perturbs. At 0, and in a space where every
    point is taken, it is ``start`` itself.
    """
    if resample == 0:
        return start
    here = start
    for attempt in range(2 * _STEPS):
        origin = here if attempt >= _STEPS and space.feasible(here) else start
        here = _perturbed(space, origin, rng) if resample is None else _resampled(space, origin, rng, resample)
        if here not in taken and space.feasible(here):
            return here
    try:
        return free(space, lambda: draw(space, rng), taken, attempts=2) or any_free(space, rng, taken) or start
    except Infeasible:
        return start


def _perturbed(space: SearchSpace, point: Point, rng: random.Random) -> Point:
    return tuple(perturb(item, value, rng) for item, value in zip(space.dimensions, point, strict=True))


def _resampled(space: SearchSpace, point: Point, rng: random.Random, chance: float) -> Point:
    """Draw at least one parameter anew, else nothing would have been explored."""
    chosen = [rng.random() < chance for _ in point]
    if not any(chosen):
        chosen[rng.randrange(len(chosen))] = True
    return tuple(
        item.from_unit(rng.random()) if fresh else value
        for item, value, fresh in zip(space.dimensions, point, chosen, strict=True)
    )


def perturb(dimension: Dimension, value: str, rng: random.Random) -> str:
    """Return the value times 0.8 or 1.2; a neighbour in an ordered list; every other time another of an unordered one.

    What would leave the range stays at its end. On a lattice it is the nearest value, at least one step away. Of 0,
    which no factor moves, it is a neighbour on a lattice and a fresh draw otherwise.
    """
    up = rng.random() < 0.5
    if dimension.kind == "categorical":
        others = [other for rank in range(dimension.size or 0) if (other := dimension.at(rank)) != value]
        return rng.choice(others) if up and others else value
    if isinstance(dimension, Lattice):
        return _on_lattice(dimension, value, up)
    if dimension.size is not None:
        return dimension.at(_clamped(dimension.rank(value) + (1 if up else -1), dimension.size))
    number = Decimal(value)
    if not number:
        return dimension.from_unit(rng.random())
    low, high = float(dimension.from_unit(0.0)), float(dimension.from_unit(1.0))
    # In decimal numbers 0.1 times 0.8 is 0.08.
    return repr(min(max(float(number * FACTORS[up]), low), high))


def _on_lattice(dimension: Lattice, value: str, up: bool) -> str:
    rank = dimension.rank(value)
    whole = dimension.start + rank * dimension.step
    nearest = round((whole * Fraction(FACTORS[up]) - dimension.start) / dimension.step)
    # A factor moves negative numbers the other way.
    side = 1 if up == (whole >= 0) else -1
    if (nearest - rank) * side < 1:
        nearest = rank + side
    return dimension.at(_clamped(nearest, dimension.size))


def _clamped(rank: int, size: int) -> int:
    return min(max(rank, 0), size - 1)
