"""How likely the values of a numeric parameter are: Katib's four distributions, truncated to their bounds.

Each maps the unit interval to values by its inverse distribution function, so that a uniform number gives a value of
that distribution. ``uniform`` and ``normal`` work on the value itself, ``logUniform`` and ``logNormal`` on its natural
logarithm. As in Katib, the bounds of a normal distribution are its mean minus and plus three standard deviations:
mean = (min + max) / 2, sigma = (max - min) / 6, taken of the logarithms for ``logNormal``. Unlike Katib's, nothing
lies outside the bounds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import Protocol

LOGARITHMIC = ("logUniform", "logNormal")


class Prior(Protocol):
    """A distribution over [low, high]."""

    def value(self, unit: float) -> float:
        """Return the value below which the share ``unit`` (0 to 1) of all values lies."""

    def unit(self, value: float) -> float:
        """Return the share of all values that lies below ``value``; 0 and 1 outside the bounds."""


@dataclass(frozen=True)
class Uniform:
    """Every value alike."""

    low: float
    high: float

    def value(self, unit: float) -> float:
        """Interpolate; free of overflow for any two bounds."""
        return min(max(self.low * (1.0 - unit) + self.high * unit, self.low), self.high)

    def unit(self, value: float) -> float:
        """Return the position between the bounds."""
        half = self.high / 2 - self.low / 2
        return min(max((value / 2 - self.low / 2) / half, 0.0), 1.0)


@dataclass(frozen=True)
class Normal:
    """A bell cut off at the bounds."""

    low: float
    high: float
    mean: float
    sigma: float

    def _share(self, value: float) -> float:
        return 0.5 * math.erfc((self.mean - value) / (self.sigma * math.sqrt(2.0)))

    def value(self, unit: float) -> float:
        """Invert the truncated distribution function."""
        bottom, top = self._share(self.low), self._share(self.high)
        share = min(max(bottom + unit * (top - bottom), 1e-300), 1.0 - 1e-16)
        found = self.mean + self.sigma * NormalDist().inv_cdf(share)
        return min(max(found, self.low), self.high)

    def unit(self, value: float) -> float:
        """Return the truncated distribution function."""
        bottom, top = self._share(self.low), self._share(self.high)
        return min(max((self._share(value) - bottom) / (top - bottom), 0.0), 1.0)


@dataclass(frozen=True)
class Logarithmic:
    """A distribution of the value's natural logarithm, bounded exactly by [low, high] > 0."""

    inner: Prior
    low: float
    high: float

    def value(self, unit: float) -> float:
        """Return e to the power of the inner value."""
        return min(max(math.exp(self.inner.value(unit)), self.low), self.high)

    def unit(self, value: float) -> float:
        """Ask the inner distribution for the logarithm."""
        return self.inner.unit(math.log(min(max(value, self.low), self.high)))


def prior(distribution: str, low: float, high: float, step: float = 0.0) -> Prior:
    """Return the distribution of this name over [low, high], low < high.

    With a step every lattice point stands for the values nearest to it. The two outer cells are made as wide on their
    outer side as on their inner one (on the distribution's own scale), so that end points weigh what others weigh.
    """
    log = distribution in LOGARITHMIC
    bottom, top = (math.log(low), math.log(high)) if log else (low, high)
    mean, sigma = bottom / 2 + top / 2, top / 6 - bottom / 6
    if step:
        inner_low = math.log(low + step / 2) if log else low + step / 2
        inner_high = math.log(high - step / 2) if log else high - step / 2
        bottom, top = 2 * bottom - inner_low, 2 * top - inner_high
        low, high = (math.exp(bottom), math.exp(top)) if log else (bottom, top)
    normal = distribution in ("normal", "logNormal")
    flat: Prior = Normal(bottom, top, mean, sigma) if normal else Uniform(bottom, top)
    return Logarithmic(flat, low, high) if log else flat
