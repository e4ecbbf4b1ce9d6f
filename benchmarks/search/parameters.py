"""Parameters of the benchmark problems: as an Experiment says them, as numbers, and as shares between 0 and 1.

Problems compute with numbers (for a categorical parameter the position in its list), one column for each parameter.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Real:
    """A double; ``log``: uniform in its logarithm."""

    name: str
    low: float
    high: float
    log: bool = False

    def spec(self) -> dict[str, Any]:
        """Return it as an Experiment's parameter."""
        space = {"min": repr(self.low), "max": repr(self.high), "distribution": "logUniform" if self.log else "uniform"}
        return {"name": self.name, "parameterType": "double", "feasibleSpace": space}

    def number(self, text: str) -> float:
        """Return the number that a trial's text means."""
        return float(text)

    def value(self, share: Array) -> Array:
        """Return the numbers at these shares of the distribution."""
        if self.log:
            return np.exp(math.log(self.low) + share * math.log(self.high / self.low))
        return self.low + share * (self.high - self.low)

    def share(self, value: Array) -> Array:
        """Return the shares of these numbers."""
        if self.log:
            return np.log(value / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)


@dataclass(frozen=True)
class Steps:
    """Ints, and doubles with a step: low, low + step, ... high."""

    name: str
    low: int
    high: int
    step: int = 1

    @property
    def size(self) -> int:
        """How many values there are."""
        return (self.high - self.low) // self.step + 1

    def spec(self) -> dict[str, Any]:
        """Return it as an Experiment's parameter."""
        space = {"min": str(self.low), "max": str(self.high), "step": str(self.step)}
        return {"name": self.name, "parameterType": "int", "feasibleSpace": space}

    def number(self, text: str) -> float:
        """Return the number that a trial's text means."""
        return float(int(text))

    def value(self, share: Array) -> Array:
        """Return the numbers whose cells hold these shares."""
        return self.low + self.step * np.minimum(np.floor(share * self.size), self.size - 1)

    def share(self, value: Array) -> Array:
        """Return shares from 0 for the lowest value to 1 for the highest."""
        return (value - self.low) / (self.step * (self.size - 1))


@dataclass(frozen=True)
class Listed:
    """Discrete numbers in ascending order."""

    name: str
    values: tuple[float, ...]

    @property
    def size(self) -> int:
        """How many values there are."""
        return len(self.values)

    def spec(self) -> dict[str, Any]:
        """Return it as an Experiment's parameter."""
        listed = [repr(item) for item in self.values]
        return {"name": self.name, "parameterType": "discrete", "feasibleSpace": {"list": listed}}

    def number(self, text: str) -> float:
        """Return the number that a trial's text means."""
        return float(text)

    def value(self, share: Array) -> Array:
        """Return the numbers whose cells hold these shares."""
        ranks = np.minimum(np.floor(share * self.size), self.size - 1).astype(int)
        return np.asarray(np.asarray(self.values)[ranks], dtype=float)

    def share(self, value: Array) -> Array:
        """Return shares from 0 for the first value to 1 for the last, evenly."""
        return np.asarray(np.searchsorted(np.asarray(self.values), value) / (self.size - 1), dtype=float)


@dataclass(frozen=True)
class Named:
    """Categories; their numbers are positions in the list."""

    name: str
    values: tuple[str, ...]

    @property
    def size(self) -> int:
        """How many values there are."""
        return len(self.values)

    def spec(self) -> dict[str, Any]:
        """Return it as an Experiment's parameter."""
        return {"name": self.name, "parameterType": "categorical", "feasibleSpace": {"list": list(self.values)}}

    def number(self, text: str) -> float:
        """Return the position of a trial's text."""
        return float(self.values.index(text))

    def value(self, share: Array) -> Array:
        """Return the positions whose cells hold these shares."""
        return np.minimum(np.floor(share * self.size), self.size - 1)

    def share(self, value: Array) -> Array:
        """Return the positions as they are: between categories there is nothing."""
        return value


Parameter = Real | Steps | Listed | Named


def draw(parameters: tuple[Parameter, ...], rng: np.random.Generator, count: int) -> Array:
    """Return random points of the parameters' own distributions, one a row: random search."""
    shares = rng.random((count, len(parameters)))
    return np.column_stack([item.value(shares[:, column]) for column, item in enumerate(parameters)])


def shares(parameters: tuple[Parameter, ...], points: Array) -> Array:
    """Return each number's share; categories stay positions."""
    columns = [item.share(points[:, column]) for column, item in enumerate(parameters)]
    return np.asarray(np.column_stack(columns), dtype=float)
