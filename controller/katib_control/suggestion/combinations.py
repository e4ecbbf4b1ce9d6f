"""The combinations of a finite space that keep its constraints, counted in order without making them.

Constraints speak of some parameters only. Of these every combination is looked at once, and how many ways lead on from
each beginning is kept; all others multiply. So a grid of any size costs what its constrained part costs.
"""

from __future__ import annotations

import itertools
import math
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from katib_control.suggestion.dimensions import Dimension
from katib_control.suggestion.space import Point, SearchSpace

Ranks = tuple[int, ...]


@dataclass
class _Branch:
    """What may follow a beginning: ranks, and how many ways there are up to and with each of them."""

    ranks: list[int] = field(default_factory=list)
    sums: list[int] = field(default_factory=list)


class Combinations:
    """Every feasible point by its index (0 to size - 1): the last parameter varies fastest."""

    def __init__(self, space: SearchSpace) -> None:
        self._dimensions = space.dimensions
        bound = constrained(space)
        self._bound = {item.name for item in bound}
        self._branches: dict[Ranks, _Branch] = {}
        count = 0
        for ranks in _feasible(space, bound):
            count += 1
            for depth, rank in enumerate(ranks):
                self._count(self._branches.setdefault(ranks[:depth], _Branch()), rank)
        # How many combinations of the unconstrained parameters there are behind each one.
        self._behind = [1] * len(space.dimensions)
        for place in range(len(space.dimensions) - 1, 0, -1):
            item = space.dimensions[place]
            self._behind[place - 1] = self._behind[place] * (1 if item.name in self._bound else _size(item))
        self.size = count * math.prod(_size(item) for item in space.dimensions if item.name not in self._bound)

    def at(self, index: int) -> Point:
        """Return the point of this index."""
        beginning: Ranks = ()
        values = []
        for item, behind in zip(self._dimensions, self._behind, strict=True):
            if item.name in self._bound:
                branch = self._branches[beginning]
                place = bisect_right(branch.sums, index // behind)
                index -= (branch.sums[place - 1] if place else 0) * behind
                rank = branch.ranks[place]
                beginning = (*beginning, rank)
            else:
                rank, index = divmod(index, self._ways(beginning) * behind)
            values.append(item.at(rank))
        return tuple(values)

    def index(self, point: Point) -> int:
        """Return the index of a feasible point."""
        beginning: Ranks = ()
        found = 0
        for item, behind, value in zip(self._dimensions, self._behind, point, strict=True):
            rank = item.rank(value)
            if item.name in self._bound:
                branch = self._branches[beginning]
                place = branch.ranks.index(rank)
                found += (branch.sums[place - 1] if place else 0) * behind
                beginning = (*beginning, rank)
            else:
                found += rank * self._ways(beginning) * behind
        return found

    def _ways(self, beginning: Ranks) -> int:
        """Return how many combinations of the other constrained parameters follow a beginning."""
        branch = self._branches.get(beginning)
        return branch.sums[-1] if branch else 1

    @staticmethod
    def _count(branch: _Branch, rank: int) -> None:
        if branch.ranks and branch.ranks[-1] == rank:
            branch.sums[-1] += 1
        else:
            branch.ranks.append(rank)
            branch.sums.append((branch.sums[-1] if branch.sums else 0) + 1)


def constrained(space: SearchSpace) -> Sequence[Dimension]:
    """Return the parameters that some constraint speaks of, in order."""
    names = {name for item in space.constraints for name in item.names}
    return [item for item in space.dimensions if item.name in names]


def any_feasible(space: SearchSpace) -> bool:
    """Whether there is any combination at all."""
    return any(True for _ in _feasible(space, constrained(space)))


def _feasible(space: SearchSpace, bound: Sequence[Dimension]) -> Iterator[Ranks]:
    """Yield the ranks of the constrained parameters that keep every constraint, in order."""
    rows = [
        [(rank, item.at(rank) if item.kind == "categorical" else float(item.at(rank))) for rank in range(_size(item))]
        for item in bound
    ]
    names = [item.name for item in bound]
    for chosen in itertools.product(*rows):
        values = dict(zip(names, (value for _, value in chosen), strict=True))
        if all(item.holds(values) for item in space.constraints):
            yield tuple(rank for rank, _ in chosen)


def _size(item: Dimension) -> int:
    if item.size is None:
        raise TypeError(f"{item.name} is continuous: its values cannot be counted")
    return item.size
