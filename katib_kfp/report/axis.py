"""One parameter, or the objective, as an axis: where a value stands on it, and its ticks. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from katib_control.api.experiment import ParameterSpec

LOGARITHMIC = ("logUniform", "logNormal")
TICKS = 5


@dataclass(frozen=True, kw_only=True)
class Axis:
    """A range of numbers (on a log scale or not), or a list of categories."""

    name: str
    low: float = 0.0
    high: float = 1.0
    log: bool = False
    categories: Sequence[str] = ()

    def place(self, value: Any) -> float | None:
        """Return where the value stands, 0 at the bottom and 1 at the top; None for what is not on the axis."""
        if self.categories:
            text = label(value)
            if text not in self.categories:
                return None
            return 0.5 if len(self.categories) == 1 else self.categories.index(text) / (len(self.categories) - 1)
        if not isinstance(value, int | float) or isinstance(value, bool) or (self.log and value <= 0):
            return None
        low, high, here = map(math.log, (self.low, self.high, value)) if self.log else (self.low, self.high, value)
        return 0.5 if high == low else (here - low) / (high - low)

    @property
    def ticks(self) -> Sequence[tuple[float, str]]:
        """Place and text of each tick."""
        if self.categories:
            step = max(1, math.ceil(len(self.categories) / 20))
            return [(self.place(item) or 0.0, item) for item in self.categories[::step]]
        if self.low == self.high:
            return [(0.5, label(self.low))]
        parts = [index / (TICKS - 1) for index in range(TICKS)]
        return [(part, label(self._at(part))) for part in parts]

    def _at(self, part: float) -> float:
        if self.log:
            return math.exp(math.log(self.low) + part * (math.log(self.high) - math.log(self.low)))
        return self.low + part * (self.high - self.low)


def label(value: Any) -> str:
    """Return a short text: numbers with four digits."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    return str(value) if isinstance(value, int) else f"{value:.4g}"


def parameter_axis(parameter: ParameterSpec, values: Iterable[Any]) -> Axis:
    """Return the axis of a parameter: its feasible space, widened to the values that were tried."""
    space = parameter.feasible_space
    seen = list(values)
    if parameter.parameter_type == "categorical":
        known = dict.fromkeys([*space.choices, *map(label, seen)])
        return Axis(name=parameter.name, categories=tuple(known))
    limits = space.choices if parameter.parameter_type == "discrete" else (space.min, space.max)
    numbers = [float(item) for item in limits if item and _is_number(item)]
    numbers += [float(item) for item in seen if isinstance(item, int | float)]
    log = space.distribution in LOGARITHMIC and all(number > 0 for number in numbers)
    return _range(parameter.name, numbers, log=log)


def objective_axis(name: str, values: Sequence[float]) -> Axis:
    """Return the axis of the objective: a log scale where positive values span more than three decades."""
    log = bool(values) and min(values) > 0 and max(values) / min(values) > 1000
    return _range(name, list(values), log=log)


def _range(name: str, numbers: Sequence[float], *, log: bool) -> Axis:
    if not numbers:
        return Axis(name=name)
    return Axis(name=name, low=min(numbers), high=max(numbers), log=log)


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False
