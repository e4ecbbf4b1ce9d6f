"""Hyperband's brackets: how many configurations run with which budget (Li et al., JMLR 2018, algorithm 1).

Everything is computed in fractions: the logarithm of doubles takes 243 for a little less than the fifth power of 3.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property, lru_cache
from typing import Protocol

MOST_RUNGS = 64
"""More than this come only from an eta next to 1, with which the rungs would all be the same."""


@dataclass(frozen=True)
class Rung:
    """``size`` configurations are to run with the budget of this level (0 the lowest)."""

    size: int
    level: int


class Shape(Protocol):
    """Which brackets there are, counted from 0 without an end, and the rungs of each."""

    def rungs(self, bracket: int) -> tuple[Rung, ...]:
        """Return a bracket's rungs, the one with the lowest budget first; none where there is no such bracket."""

    def starting_at(self, level: int) -> Iterator[int]:
        """Yield the brackets whose first rung has this level, in ascending order."""


@dataclass(frozen=True)
class Ladder:
    """The budgets: ``top``, and ``rungs - 1`` times a fraction 1 / ``eta`` of the one above."""

    top: Fraction
    eta: Fraction
    rungs: int

    @property
    def s_max(self) -> int:
        """The number of times that a configuration can be promoted."""
        return self.rungs - 1

    def budget(self, level: int) -> Fraction:
        """Return the exact budget of a level."""
        return self.top / self.eta ** (self.s_max - level)


def ladder(top: float, eta: float, low: float = 1.0) -> Ladder:
    """Return the longest ladder whose lowest budget is not below ``low``; never without the top itself.

    A ladder of more than ``MOST_RUNGS`` ends there.
    """
    # The decimal numbers as they were written, not the doubles next to them.
    highest, factor, least = (Fraction(repr(number)) for number in (top, eta, low))
    rungs, budget = 1, highest / factor
    while budget >= least and rungs <= MOST_RUNGS:
        rungs, budget = rungs + 1, budget / factor
    return Ladder(highest, factor, rungs)


@dataclass(frozen=True)
class Brackets:
    """Hyperband over a ladder: brackets s_max, ..., 1, 0, then the same again."""

    ladder: Ladder

    def s(self, bracket: int) -> int:
        """Return how often configurations of this bracket are promoted; the paper's s."""
        return self.ladder.s_max - bracket % self.ladder.rungs

    def rungs(self, bracket: int) -> tuple[Rung, ...]:
        """Return the paper's (n_i, r_i)."""
        return _halving(self.ladder.eta, self.ladder.s_max, self.s(bracket))

    def starting_at(self, level: int) -> Iterator[int]:
        """Yield them: one in each iteration."""
        while True:
            yield level
            level += self.ladder.rungs

    @cached_property
    def trials(self) -> int:
        """How many trials all brackets together have."""
        return sum(rung.size for bracket in range(self.ladder.rungs) for rung in self.rungs(bracket))


@dataclass(frozen=True)
class Endless:
    """One bracket whose rungs take as many configurations as there are."""

    ladder: Ladder

    def rungs(self, bracket: int) -> tuple[Rung, ...]:
        """Return a rung for each budget."""
        return () if bracket else _endless(self.ladder.rungs)

    def starting_at(self, level: int) -> Iterator[int]:
        """Yield it for the lowest budget."""
        yield from () if level else (0,)


@lru_cache(maxsize=4 * MOST_RUNGS)
def _halving(eta: Fraction, s_max: int, s: int) -> tuple[Rung, ...]:
    first = math.ceil(Fraction(s_max + 1, s + 1) * eta**s)
    return tuple(Rung(math.floor(first / eta**i), s_max - s + i) for i in range(s + 1))


@lru_cache(maxsize=MOST_RUNGS)
def _endless(rungs: int) -> tuple[Rung, ...]:
    return tuple(Rung(sys.maxsize, level) for level in range(rungs))
