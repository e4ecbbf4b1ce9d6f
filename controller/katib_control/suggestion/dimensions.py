"""One parameter of a search space, as values (text, exactly as a trial gets them) and as numbers between 0 and 1.

Lattices are computed in whole numbers: ``0.1 .. 0.5 step 0.1`` has the value "0.3", never 0.30000000000000004.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import Literal, Protocol

from katib_control.suggestion.priors import Prior

Kind = Literal["int", "double", "discrete", "categorical"]


class Dimension(Protocol):
    """What algorithms know of a parameter. Values are canonical text; ranks count them from 0 in ascending order."""

    @property
    def name(self) -> str:
        """The parameter's name."""

    @property
    def kind(self) -> Kind:
        """Katib's parameter type."""

    @property
    def size(self) -> int | None:
        """How many values there are; None for a continuous one."""

    @property
    def uniform(self) -> bool:
        """Whether every value is equally likely."""

    def from_unit(self, unit: float) -> str:
        """Return the value at this share (0 to 1) of the distribution."""

    def to_unit(self, value: str) -> float:
        """Return the share in the middle of what ``from_unit`` maps to this value."""

    def at(self, rank: int) -> str:
        """Return the value of this rank; only where ``size`` is known."""

    def rank(self, value: str) -> int:
        """Return the rank of a value; only where ``size`` is known."""

    def read(self, text: str) -> str | None:
        """Return the value that a text means ("5.0" for the int 5); None where it is not in the space."""


@dataclass(frozen=True)
class Lattice:
    """Ints, and doubles with a step: (start + rank * step) / scale for whole numbers start, step and scale.

    ``prior`` is None for the uniform distribution.
    """

    name: str
    kind: Literal["int", "double"]
    start: int
    step: int
    scale: int
    size: int
    prior: Prior | None = None

    @property
    def uniform(self) -> bool:
        """Whether every value is equally likely."""
        return self.prior is None

    def from_unit(self, unit: float) -> str:
        """Return the value whose cell holds this share."""
        if self.prior is None:
            rank = int(unit * (1 << 53)) * self.size >> 53
        else:
            value = Fraction(self.prior.value(unit))
            rank = math.floor((value * self.scale - self.start) / self.step + Fraction(1, 2))
        return self.at(min(max(rank, 0), self.size - 1))

    def to_unit(self, value: str) -> float:
        """Return the middle of the value's cell."""
        rank = self.rank(value)
        if self.prior is None:
            return (2 * rank + 1) / (2 * self.size)
        middle = 2 * (self.start + rank * self.step)
        low, high = (middle - self.step) / (2 * self.scale), (middle + self.step) / (2 * self.scale)
        bottom = self.prior.unit(low) if rank else 0.0
        top = self.prior.unit(high) if rank < self.size - 1 else 1.0
        return (bottom + top) / 2

    def at(self, rank: int) -> str:
        """Return the value of this rank; dividing whole numbers rounds correctly, so the text is the shortest."""
        whole = self.start + rank * self.step
        return str(whole) if self.kind == "int" else repr(whole / self.scale)

    def rank(self, value: str) -> int:
        """Return the rank of a value of this lattice."""
        exact = Fraction(int(value)) if self.kind == "int" else Fraction(float(value))
        return round((exact * self.scale - self.start) / self.step)

    def read(self, text: str) -> str | None:
        """Accept any spelling of a number on the lattice."""
        value = whole_number(text) if self.kind == "int" else real_number(text)
        spelled = "" if value is None else repr(value)
        rank = self.rank(spelled) if spelled else -1
        return spelled if 0 <= rank < self.size and self.at(rank) == spelled else None


@dataclass(frozen=True)
class Interval:
    """Doubles without a step."""

    name: str
    low: float
    high: float
    prior: Prior
    uniform: bool = True
    kind: Literal["double"] = "double"
    size: None = None

    def from_unit(self, unit: float) -> str:
        """Return the value's shortest text that reads back as the same double."""
        return repr(min(max(float(self.prior.value(unit)), self.low), self.high))

    def to_unit(self, value: str) -> float:
        """Return the value's share."""
        return self.prior.unit(float(value))

    def at(self, rank: int) -> str:
        """Raise TypeError: there are no ranks."""
        raise TypeError(f"{self.name} is continuous")

    def rank(self, value: str) -> int:
        """Raise TypeError: there are no ranks."""
        raise TypeError(f"{self.name} is continuous")

    def read(self, text: str) -> str | None:
        """Accept any spelling of a number between the bounds."""
        value = real_number(text)
        return repr(value) if value is not None and self.low <= value <= self.high else None


@dataclass(frozen=True)
class Choices:
    """Listed values, all equally likely: discrete ones in ascending order, categorical ones as given."""

    name: str
    kind: Literal["discrete", "categorical"]
    values: tuple[str, ...]
    uniform: bool = True
    _ranks: dict[str, int] = field(init=False, repr=False, compare=False)
    _numbers: dict[float, str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        numeric = self.kind == "discrete"
        object.__setattr__(self, "_ranks", {value: rank for rank, value in enumerate(self.values)})
        object.__setattr__(
            self, "_numbers", {float(value): value for value in reversed(self.values)} if numeric else {}
        )

    @property
    def size(self) -> int:
        """How many values are listed."""
        return len(self.values)

    def from_unit(self, unit: float) -> str:
        """Return the value whose share this is."""
        return self.values[min(int(unit * len(self.values)), len(self.values) - 1)]

    def to_unit(self, value: str) -> float:
        """Return the middle of the value's share."""
        return (self._ranks[value] + 0.5) / len(self.values)

    def at(self, rank: int) -> str:
        """Return the value of this rank, in the text of the list."""
        return self.values[rank]

    def rank(self, value: str) -> int:
        """Return the rank of a value."""
        return self._ranks[value]

    def read(self, text: str) -> str | None:
        """Accept a listed text; for discrete ones another spelling of a listed number too."""
        if text in self._ranks:
            return text
        number = real_number(text) if self._numbers else None
        return None if number is None else self._numbers.get(number)


def real_number(text: str) -> float | None:
    """Return the finite double that the text is, else None."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) and "_" not in text else None


def whole_number(text: str) -> int | None:
    """Return the int that the text is ("7", "7.0", "7e0"), else None."""
    value = exact_number(text)
    return int(value) if value is not None and value == value.to_integral_value() else None


def exact_number(text: str) -> Decimal | None:
    """Return the decimal number that the text is, within the range of doubles; else None."""
    if real_number(text) is None:
        return None
    try:
        value = Decimal(text)
    except InvalidOperation:
        return None
    exponent = value.as_tuple().exponent
    return value if isinstance(exponent, int) and -400 <= exponent <= 400 else None
