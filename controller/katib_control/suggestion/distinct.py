"""Points that are not there yet, and that keep the constraints."""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Mapping
from functools import lru_cache

from katib_control.api.errors import KatibError
from katib_control.suggestion.space import Point, SearchSpace

ENUMERABLE = 20_000
"""Spaces up to this size are searched through when guessing does not find a free point."""

DRAWS = 10_000
"""Random points that are drawn in search of one that keeps the constraints."""


class Infeasible(KatibError):
    """The constraints leave nothing, or too little to be found by chance."""


def draw(space: SearchSpace, rng: random.Random) -> Point:
    """Return a point of the parameters' own distributions that keeps the constraints; raise Infeasible."""
    return completed(space, rng, {})


def completed(space: SearchSpace, rng: random.Random, given: Mapping[str, str]) -> Point:
    """Return such a point that has the given values; raise Infeasible."""
    for _ in range(DRAWS):
        drawn = space.point([rng.random() for _ in space.dimensions])
        point = tuple(given.get(item.name, value) for item, value in zip(space.dimensions, drawn, strict=True))
        if space.feasible(point):
            return point
    told = ", ".join(item.text for item in space.constraints)
    raise Infeasible(f"spec.constraints: none of {DRAWS} random points keeps them all ({told}): loosen them")


def free(space: SearchSpace, propose: Callable[[], Point], taken: Collection[Point], attempts: int) -> Point | None:
    """Return the first proposal that is not taken and keeps the constraints; None when no attempt did."""
    for _ in range(attempts):
        point = propose()
        if point not in taken and space.feasible(point):
            return point
    return None


def any_free(space: SearchSpace, rng: random.Random, taken: Collection[Point]) -> Point | None:
    """Return a free point of a small space, each equally likely; None when there is none, or the space is too big."""
    if space.size is None or space.size > ENUMERABLE:
        return None
    open_points = [point for point in feasible_points(space) if point not in taken]
    return rng.choice(open_points) if open_points else None


@lru_cache(maxsize=16)
def feasible_points(space: SearchSpace) -> tuple[Point, ...]:
    """Return every point of a space that can be counted, in order, without those that break a constraint."""
    return tuple(filter(space.feasible, map(space.at, range(space.size or 0))))


def next_point(space: SearchSpace, rng: random.Random, made: Collection[Point], busy: Collection[Point]) -> Point:
    """Return a random point that was not made; where all are made, one that is not busy; where all are busy, any."""
    for taken in (made, busy):
        if space.size is None or len(taken) < space.size:
            found = free(space, lambda: draw(space, rng), taken, _ATTEMPTS) or any_free(space, rng, taken)
            if found is not None:
                return found
    return draw(space, rng)


_ATTEMPTS = 30
