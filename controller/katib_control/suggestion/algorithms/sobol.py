"""Sobol's sequence (Sobol', 1967; scrambled after Matousek, 1998): points that fill the space more evenly than chance.

Every parameter is a dimension, categorical ones too, and a share of a dimension becomes a value by the parameter's
distribution. The seed picks the scrambling, the index picks the point; points to begin with are not counted. What
breaks a constraint is skipped. In a space that can be used up, what came before is skipped too while something else is
left; when all points are made the search goes on at random and repeats them, as ``random`` does.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

from katib_control.api.errors import FieldError
from katib_control.api.experiment import ExperimentSpec
from katib_control.api.settings import RANDOM_STATE, Setting, Settings
from katib_control.suggestion.algorithm import ANY_OBJECTIVE, Feature, Found, Request, Suggested
from katib_control.suggestion.distinct import DRAWS, any_free, draw, next_point
from katib_control.suggestion.space import Point, SearchSpace

DIMENSIONS = 21_201
"""What the direction numbers of Joe and Kuo (2008) are known for."""

_FINE, _COARSE = 53, 32
_MANY = 1_000
"""Up to so many dimensions shares have 53 bits, as many as a double; beyond, the scrambling would take gigabytes."""

_BLOCK = 64
_NUMBERS = 1 << 20
"""How many shares are drawn at once where they are only passed by."""

_REPEATS = 64


class Sobol:
    """See the module."""

    settings: ClassVar[tuple[Setting, ...]] = (RANDOM_STATE,)
    supports: ClassVar[frozenset[Feature]] = ANY_OBJECTIVE

    def check(self, space: SearchSpace, settings: Settings, spec: ExperimentSpec) -> Sequence[FieldError]:
        """Refuse more dimensions than there are direction numbers for."""
        if len(space.dimensions) <= DIMENSIONS:
            return ()
        rule = f"algorithm sobol works with at most {DIMENSIONS} parameters"
        return (FieldError("spec.parameters", rule, len(space.dimensions)),)

    def ask(self, request: Request) -> Found:
        """Go on with the sequence."""
        first = request.index - len(request.initial)
        if request.space.size is None and not request.space.constraints:
            sequence = sobol_points(request)
            return Found([Suggested(sequence.point(first + place)) for place in range(request.count)])
        distinct = request.memo.get("distinct")
        if distinct is None:
            distinct = request.memo["distinct"] = _Distinct(request)
        return Found([Suggested(point) for point in _selected(request, distinct, first)])


def sobol_points(request: Request) -> SobolPoints:
    """Return the sequence that the seed picks; it is kept in the memo."""
    found: SobolPoints | None = request.memo.get("sequence")
    if found is None:
        found = request.memo["sequence"] = SobolPoints(request.space, request.number(0, "sobol"))
    return found


def _selected(request: Request, distinct: _Distinct, first: int) -> list[Point]:
    """Return the points for these indices; one that somebody else has tried already makes way for the next one."""
    made = request.history().made()
    chosen: list[Point] = []
    for place in range(request.count):
        number = first + place
        point = distinct.point(request, number)
        while point is not None and point in made:
            number += 1
            point = distinct.point(request, number)
        if point is None:
            busy = request.history().running().union(chosen)
            point = next_point(request.space, request.rng(request.index + place), made, busy)
        chosen.append(point)
        made.add(point)
    return chosen


class SobolPoints:
    """The points of the sequence by their position, computed in blocks."""

    def __init__(self, space: SearchSpace, seed: int) -> None:
        import numpy as np  # these two take half a second, and only this algorithm needs them at once
        from scipy.stats import qmc

        self._space = space
        count = len(space.dimensions)
        bits = _FINE if count <= _MANY else _COARSE
        self._engine: Any = qmc.Sobol(count, scramble=True, bits=bits, rng=np.random.default_rng(seed))
        self._large = max(1, _NUMBERS // count)
        self._start = 0
        self._rows: list[list[float]] = []

    def point(self, position: int) -> Point:
        """Return the point of this position (counted from 0)."""
        if not self._start <= position < self._start + len(self._rows):
            self._load(position)
        return self._space.point(self._rows[position - self._start])

    def _load(self, position: int) -> None:
        if position < self._engine.num_generated:
            self._engine.reset()
        # Drawn and thrown away: scipy's fast_forward fails with more than 32 bits.
        while ahead := position - self._engine.num_generated:
            self._draw(min(ahead, self._large))
        self._rows = self._draw(_BLOCK).tolist()
        self._start = position

    def _draw(self, count: int) -> Any:
        # The very first one comes alone: scipy demands a power of two of the size of the first block, and warns.
        return self._engine.random(count if self._engine.num_generated else 1)


class _Distinct:
    """The points of the sequence that may be suggested: feasible, and in a finite space each only once."""

    def __init__(self, request: Request) -> None:
        self._sequence = sobol_points(request)
        self._position = 0
        self._finite = request.space.size is not None
        self._seen = set(request.initial)
        self._points: list[Point] = []
        self._ended = False

    def point(self, request: Request, number: int) -> Point | None:
        """Return the point of this number (counted from 0); None where there are no more."""
        while number >= len(self._points) and not self._ended:
            rng = request.rng(len(self._points))
            point = self._next(request.space, rng) or any_free(request.space, rng, self._seen)
            if point is None:
                self._ended = True
            else:
                self._points.append(point)
                if self._finite:
                    self._seen.add(point)
        return None if number >= len(self._points) else self._points[number]

    def _next(self, space: SearchSpace, rng: random.Random) -> Point | None:
        """Return the next point of the sequence; None where too many are repeats; raise Infeasible."""
        repeats = 0
        for point in self._ahead():
            if not space.feasible(point):
                continue
            if not self._finite or point not in self._seen:
                return point
            repeats += 1
            if repeats == _REPEATS:
                return None
        return None if repeats else draw(space, rng)

    def _ahead(self) -> Iterator[Point]:
        for _ in range(DRAWS):
            self._position += 1
            yield self._sequence.point(self._position - 1)
