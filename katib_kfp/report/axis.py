"""One parameter, or the objective, as an axis: where a value stands on it, and its ticks. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from katib_control.api.experiment import ParameterSpec
from katib_kfp.report.style import plain

LOGARITHMIC = ("logUniform", "logNormal")
TICKS = 5
MARKS = 8


@dataclass(frozen=True, kw_only=True)
class Axis:
    """A range of numbers (on a log scale or not), or a list of categories. ``marks`` are where ticks are wanted."""

    name: str
    low: float = 0.0
    high: float = 1.0
    log: bool = False
    whole: bool = False
    marks: Sequence[float] = ()
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
        return [(self.place(number) or 0.0, label(number)) for number in self._tick_numbers()]

    @property
    def layout(self) -> dict[str, Any]:
        """The same axis for plotly: its type, its range with a little room, and its ticks where they are given."""
        if self.categories:
            values = list(self.categories)
            texts = [plain(cut(item)) for item in values]
            order = {"categoryorder": "array", "categoryarray": values}
            return {"type": "category", **order, "tickvals": values, "ticktext": texts}
        low, high = (math.log10(self.low), math.log10(self.high)) if self.log else (self.low, self.high)
        room = (high - low) * 0.05 or 0.5
        ticks = {"tickvals": list(self.marks), "ticktext": [label(mark) for mark in self.marks]} if self.marks else {}
        return {"type": "log" if self.log else "linear", "range": [low - room, high + room], **ticks}

    def _tick_numbers(self) -> Sequence[float]:
        if self.marks:
            return self.marks
        if self.low == self.high:
            return [self.low]
        numbers = [self._at(index / (TICKS - 1)) for index in range(TICKS)]
        return list(dict.fromkeys(round(number) for number in numbers)) if self.whole else numbers

    def _at(self, part: float) -> float:
        if self.log:
            return math.exp(math.log(self.low) + part * (math.log(self.high) - math.log(self.low)))
        return self.low + part * (self.high - self.low)


def cut(text: str, most: int = 24) -> str:
    """Return the text, or its beginning where it is long."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


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
    if not numbers:
        return Axis(name=parameter.name)
    kind = parameter.parameter_type
    return Axis(
        name=parameter.name,
        low=min(numbers),
        high=max(numbers),
        log=space.distribution in LOGARITHMIC and min(numbers) > 0,
        whole=kind == "int",
        marks=sorted(set(numbers)) if kind == "discrete" and len(set(numbers)) <= MARKS else (),
    )


def objective_axis(name: str, values: Sequence[float]) -> Axis:
    """Return the axis of the objective: a log scale where positive values span more than three decades."""
    log = bool(values) and min(values) > 0 and max(values) / min(values) > 1000
    return Axis(name=name, low=min(values), high=max(values), log=log) if values else Axis(name=name)


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False
