"""The search space: that every parameter has a name of its own and values to try."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Sequence

from katib_control.api.errors import FieldError
from katib_control.api.experiment import DISTRIBUTIONS, FeasibleSpace, ParameterSpec
from katib_control.api.validation.installed import one_of

TYPES = ("double", "int", "discrete", "categorical")
_LOGARITHMIC = ("logUniform", "logNormal")
_INTEGER = re.compile(r"[-+]?\d+", re.ASCII)
_REAL = re.compile(r"[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d+)?", re.ASCII)


def check_parameters(parameters: Sequence[ParameterSpec], path: str) -> Iterator[FieldError]:
    """All parameters of a list that stands at ``path``."""
    seen: set[str] = set()
    for index, parameter in enumerate(parameters):
        here = f"{path}[{index}]"
        if not parameter.name:
            yield FieldError(f"{here}.name", "must not be empty", None, "FieldValueRequired")
        elif parameter.name in seen:
            yield FieldError(f"{here}.name", "is the name of another parameter", parameter.name, "FieldValueDuplicate")
        seen.add(parameter.name)
        if parameter.parameter_type not in TYPES:
            yield one_of(f"{here}.parameterType", parameter.parameter_type, TYPES)
        yield from _space(parameter, f"{here}.feasibleSpace")


def _space(parameter: ParameterSpec, path: str) -> Iterator[FieldError]:
    space = parameter.feasible_space
    if space.distribution and space.distribution not in DISTRIBUTIONS:
        yield one_of(f"{path}.distribution", space.distribution, DISTRIBUTIONS)
    if parameter.parameter_type == "int":
        yield from _range(space, path, _integer, "a whole number")
    elif parameter.parameter_type == "double":
        yield from _range(space, path, _real, "a finite number")
    elif parameter.parameter_type in TYPES:
        yield from _choices(space, path, numeric=parameter.parameter_type == "discrete")


def _integer(text: str) -> float | None:
    return int(text) if _INTEGER.fullmatch(text) else None


def _real(text: str) -> float | None:
    return float(text) if _REAL.fullmatch(text) and math.isfinite(float(text)) else None


Read = Callable[[str], float | None]


def _range(space: FeasibleSpace, path: str, read: Read, wanted: str) -> Iterator[FieldError]:
    if space.choices:
        rule = "is for discrete and categorical parameters: give min and max"
        yield FieldError(f"{path}.list", rule, tuple(space.choices), "FieldValueForbidden")
    numbers: dict[str, float] = {}
    for name, text in (("min", space.min), ("max", space.max), ("step", space.step)):
        if not text:
            if name != "step":
                yield FieldError(f"{path}.{name}", f"must be {wanted}", None, "FieldValueRequired")
        elif (number := read(text)) is None:
            yield FieldError(f"{path}.{name}", f"must be {wanted}", text)
        else:
            numbers[name] = number
    yield from _order(space, path, numbers)


def _order(space: FeasibleSpace, path: str, numbers: dict[str, float]) -> Iterator[FieldError]:
    low, high, step = numbers.get("min"), numbers.get("max"), numbers.get("step")
    # A range of one value is a constant; for the resource of Hyperband, as in Katib's examples, a placeholder.
    if low is not None and high is not None and low > high:
        yield FieldError(f"{path}.min", f"must be below max, which is {space.max}", space.min)
    if low is not None and high is not None and not math.isfinite(high - low):
        yield FieldError(f"{path}.max", "is too far from min", space.max)
    if step is not None and step <= 0:
        yield FieldError(f"{path}.step", "must be above 0", space.step)
    if low is not None and low <= 0 and space.distribution in _LOGARITHMIC:
        yield FieldError(f"{path}.min", f"must be above 0 for the distribution {space.distribution}", space.min)


def _choices(space: FeasibleSpace, path: str, *, numeric: bool) -> Iterator[FieldError]:
    for name, value in (("min", space.min), ("max", space.max), ("step", space.step)):
        if value:
            rule = "is for int and double parameters: give a list"
            yield FieldError(f"{path}.{name}", rule, value, "FieldValueForbidden")
    if not space.choices:
        yield FieldError(f"{path}.list", "must have at least one value", None, "FieldValueRequired")
    seen: set[str | float] = set()
    for index, text in enumerate(space.choices):
        number = _real(text) if numeric else None
        if numeric and number is None:
            yield FieldError(f"{path}.list[{index}]", "must be a finite number", text)
            continue
        key = text if number is None else number
        if key in seen:
            yield FieldError(f"{path}.list[{index}]", "is in the list twice", text, "FieldValueDuplicate")
        seen.add(key)
