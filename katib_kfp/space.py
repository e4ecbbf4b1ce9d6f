"""The search space: one frozen class for each kind of parameter. Standard library only, no I/O.

    space = {
        "lr": Double(min=1e-4, max=0.1, log=True),
        "layers": Int(min=1, max=4),
        "batch_size": Discrete(choices=[16, 32, 64]),
        "optimizer": Categorical(choices=["sgd", "adam"]),
    }

Everything is checked when it is made. On the wire (Katib's ``ParameterSpec``) all values are strings; ``cast``
turns the string that a trial got back into a value of ``python_type``.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Union

Distribution = Literal["uniform", "logUniform", "normal", "logNormal"]
DISTRIBUTIONS = ("uniform", "logUniform", "normal", "logNormal")
_NAME = re.compile(r"[A-Za-z_][\w.\-]*", re.ASCII)


class SpaceError(ValueError):
    """A search space that cannot be searched; the message names the parameter class, the rule and the value."""


@dataclass(frozen=True, kw_only=True)
class Double:
    """A real number in [min, max]; with ``step`` only min, min + step, ...; ``log=True`` searches it on a log scale."""

    min: float
    max: float
    step: float | None = None
    distribution: Distribution | None = None
    log: bool = field(default=False, repr=False)

    def __post_init__(self) -> None:
        for name in ("min", "max", "step"):
            _set(self, name, _real(self, name))
        _check_range(self)

    @property
    def python_type(self) -> type[float]:
        """The type of the values."""
        return float

    def cast(self, text: Any) -> float:
        """Return the value that this text (or number) means; raise SpaceError when it means none."""
        return _number(text, self)

    def to_spec(self, name: str) -> dict[str, Any]:
        """Return Katib's ParameterSpec."""
        return _range_spec(self, name, "double")


@dataclass(frozen=True, kw_only=True)
class Int:
    """A whole number in [min, max]; with ``step`` only min, min + step, ...; ``log=True``: on a log scale."""

    min: int
    max: int
    step: int | None = None
    distribution: Distribution | None = None
    log: bool = field(default=False, repr=False)

    def __post_init__(self) -> None:
        for name in ("min", "max", "step"):
            value = getattr(self, name)
            if value is not None and (isinstance(value, bool) or not isinstance(value, int)):
                raise SpaceError(f"Int: {name} must be an int (got {value!r}); use Double for real numbers")
        _check_range(self)

    @property
    def python_type(self) -> type[int]:
        """The type of the values."""
        return int

    def cast(self, text: Any) -> int:
        """Return the value that this text (or number) means; raise SpaceError when it means none."""
        return _whole(text, self)

    def to_spec(self, name: str) -> dict[str, Any]:
        """Return Katib's ParameterSpec."""
        return _range_spec(self, name, "int")


@dataclass(frozen=True, kw_only=True)
class Discrete:
    """One of some numbers; all ints give ints, else floats."""

    choices: Sequence[float]

    def __post_init__(self) -> None:
        values = _choices(self)
        for value in values:
            if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
                raise SpaceError(f"Discrete: choices must be finite numbers (got {value!r}); use Categorical for text")
        if any(isinstance(value, float) for value in values):
            values = tuple(map(float, values))
        _set(self, "choices", _distinct(self, values))

    @property
    def python_type(self) -> type[int] | type[float]:
        """The type of the values."""
        return int if all(isinstance(value, int) for value in self.choices) else float

    def cast(self, text: Any) -> int | float:
        """Return the value that this text (or number) means; raise SpaceError when it means none."""
        return _whole(text, self) if self.python_type is int else _number(text, self)

    def to_spec(self, name: str) -> dict[str, Any]:
        """Return Katib's ParameterSpec."""
        return _list_spec(name, "discrete", [repr(value) for value in self.choices])


@dataclass(frozen=True, kw_only=True)
class Categorical:
    """One of some texts, without an order."""

    choices: Sequence[str]

    def __post_init__(self) -> None:
        values = _choices(self)
        for value in values:
            if not isinstance(value, str):
                raise SpaceError(
                    f"Categorical: choices must be strings (got {value!r}); use Discrete for numbers, "
                    "and 'true' and 'false' for a flag"
                )
        _set(self, "choices", _distinct(self, values))

    @property
    def python_type(self) -> type[str]:
        """The type of the values."""
        return str

    def cast(self, text: Any) -> str:
        """Return the text itself."""
        return str(text)

    def to_spec(self, name: str) -> dict[str, Any]:
        """Return Katib's ParameterSpec."""
        return _list_spec(name, "categorical", list(self.choices))


Parameter = Union[Double, Int, Discrete, Categorical]
Space = Mapping[str, Parameter]
PARAMETERS = (Double, Int, Discrete, Categorical)


def to_specs(space: Space) -> list[dict[str, Any]]:
    """Return ``spec.parameters``; raise SpaceError for an empty space, a bad name or a value that is no parameter."""
    if not space:
        raise SpaceError("the search space is empty: give at least one parameter, e.g. {'lr': Double(min=0.01, max=1)}")
    for name, parameter in space.items():
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise SpaceError(
                f"search space: a name starts with a letter and holds letters, digits, '_', '-', '.' (got {name!r})"
            )
        if not isinstance(parameter, PARAMETERS):
            raise SpaceError(f"search space: {name} must be a Double, Int, Discrete or Categorical (got {parameter!r})")
    return [parameter.to_spec(name) for name, parameter in space.items()]


def from_spec(spec: Mapping[str, Any]) -> Parameter:
    """Return the parameter that a ParameterSpec describes; raise SpaceError when it describes none."""
    kind = spec.get("parameterType", "")
    feasible = spec.get("feasibleSpace") or {}
    if kind == "categorical":
        return Categorical(choices=tuple(map(str, feasible.get("list") or ())))
    if kind == "discrete":
        return Discrete(choices=tuple(_literal(text, spec) for text in feasible.get("list") or ()))
    if kind not in ("double", "int"):
        raise SpaceError(
            f"{spec.get('name')}: parameterType must be double, int, discrete or categorical (got {kind!r})"
        )
    bounds = {name: feasible[name] for name in ("min", "max", "step") if feasible.get(name) not in (None, "")}
    if missing := {"min", "max"} - set(bounds):
        raise SpaceError(f"{spec.get('name')}: feasibleSpace needs {' and '.join(sorted(missing))}")
    distribution = feasible.get("distribution")
    distribution = None if distribution in (None, "", "uniform", "unknown") else distribution
    if kind == "int":
        whole = {name: _whole(text, spec) for name, text in bounds.items()}
        if whole["min"] == whole["max"]:  # one value: a budget that an algorithm sets itself, say
            return Discrete(choices=(whole["min"],))
        return Int(min=whole["min"], max=whole["max"], step=whole.get("step"), distribution=distribution)
    real = {name: _number(text, spec) for name, text in bounds.items()}
    if real["min"] == real["max"]:
        return Discrete(choices=(real["min"],))
    return Double(min=real["min"], max=real["max"], step=real.get("step"), distribution=distribution)


def from_specs(specs: Sequence[Mapping[str, Any]]) -> dict[str, Parameter]:
    """Return the search space of ``spec.parameters``."""
    return {spec["name"]: from_spec(spec) for spec in specs}


def cast_all(space: Space, assignments: Mapping[str, Any]) -> dict[str, Any]:
    """Return typed values in the order of the space, then what the space does not know, as it is."""
    known = {name: space[name].cast(assignments[name]) for name in space if name in assignments}
    return known | {name: value for name, value in assignments.items() if name not in space}


def _set(parameter: Any, name: str, value: Any) -> None:
    object.__setattr__(parameter, name, value)


def _real(parameter: Double, name: str) -> float | None:
    value = getattr(parameter, name)
    if value is None and name == "step":
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise SpaceError(f"Double: {name} must be a finite number (got {value!r})")
    return float(value)


def _check_range(parameter: Double | Int) -> None:
    kind = type(parameter).__name__
    if not parameter.min < parameter.max:
        raise SpaceError(f"{kind}: min must be below max (got min={parameter.min!r}, max={parameter.max!r})")
    if parameter.step is not None and not 0 < parameter.step <= parameter.max - parameter.min:
        raise SpaceError(f"{kind}: step must be above 0 and at most max - min (got step={parameter.step!r})")
    given = parameter.distribution
    if given is not None and given not in DISTRIBUTIONS:
        raise SpaceError(f"{kind}: distribution must be one of {', '.join(DISTRIBUTIONS)} (got {given!r})")
    if parameter.log and given not in (None, "logUniform", "logNormal"):
        raise SpaceError(f"{kind}: log=True contradicts distribution={given!r}; give one of the two")
    if parameter.log and given is None:
        _set(parameter, "distribution", "logUniform")
    _set(parameter, "log", parameter.distribution in ("logUniform", "logNormal"))
    if parameter.log and parameter.min <= 0:
        raise SpaceError(f"{kind}: a log scale needs min above 0 (got min={parameter.min!r})")


def _choices(parameter: Discrete | Categorical) -> tuple[Any, ...]:
    kind, given = type(parameter).__name__, parameter.choices
    if isinstance(given, str) or not isinstance(given, Sequence):
        raise SpaceError(f"{kind}: choices must be a list (got {given!r})")
    if not given:
        raise SpaceError(f"{kind}: choices must not be empty")
    return tuple(given)


def _distinct(parameter: Any, values: tuple[Any, ...]) -> tuple[Any, ...]:
    twice = [value for index, value in enumerate(values) if value in values[:index]]
    if twice:
        raise SpaceError(f"{type(parameter).__name__}: choices must differ (got {twice[0]!r} twice)")
    return values


def _range_spec(parameter: Double | Int, name: str, kind: str) -> dict[str, Any]:
    feasible = {"min": repr(parameter.min), "max": repr(parameter.max)}
    if parameter.step is not None:
        feasible["step"] = repr(parameter.step)
    if parameter.distribution is not None:
        feasible["distribution"] = parameter.distribution
    return {"name": name, "parameterType": kind, "feasibleSpace": feasible}


def _list_spec(name: str, kind: str, texts: list[str]) -> dict[str, Any]:
    return {"name": name, "parameterType": kind, "feasibleSpace": {"list": texts}}


def _number(text: Any, what: Any) -> float:
    try:
        value = float(text)
    except (TypeError, ValueError):
        value = math.nan
    if not math.isfinite(value):
        raise SpaceError(f"{what}: {text!r} is not a finite number")
    return value


def _whole(text: Any, what: Any) -> int:
    try:
        return int(str(text))
    except ValueError:
        value = _number(text, what)
        if not value.is_integer():
            raise SpaceError(f"{what}: {text!r} is not a whole number") from None
        return int(value)


def _literal(text: Any, what: Any) -> int | float:
    try:
        return int(str(text))
    except ValueError:
        return _number(text, what)
