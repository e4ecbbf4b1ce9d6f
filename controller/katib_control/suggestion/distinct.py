"""Points that are not there yet."""

from __future__ import annotations

import random
from collections.abc import Callable, Collection

from katib_control.suggestion.space import Point, SearchSpace

ENUMERABLE = 20_000
"""Spaces up to this size are searched through when guessing does not find a free point."""


def draw(space: SearchSpace, rng: random.Random) -> Point:
    """Return a point of the parameters' own distributions."""
    return space.point([rng.random() for _ in space.dimensions])


def free(propose: Callable[[], Point], taken: Collection[Point], attempts: int) -> Point | None:
    """Return the first proposal that is not taken; None when none of the attempts was free."""
    for _ in range(attempts):
        point = propose()
        if point not in taken:
            return point
    return None


def any_free(space: SearchSpace, rng: random.Random, taken: Collection[Point]) -> Point | None:
    """Return a free point of a small space, each equally likely; None when there is none, or the space is too big."""
    if space.size is None or space.size > ENUMERABLE:
        return None
    open_points = [point for point in map(space.at, range(space.size)) if point not in taken]
    return rng.choice(open_points) if open_points else None
