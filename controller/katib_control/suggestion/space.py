"""The search space: an Experiment's parameters as dimensions, its points as text and as numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from katib_control.api.constraints import Constraint, parse
from katib_control.api.errors import ExpressionError, FieldError, InvalidObject, Reason
from katib_control.api.experiment import InitialPoint, ParameterSpec
from katib_control.api.model import NameValue
from katib_control.suggestion.dimensions import Choices, Dimension, Interval, Lattice, exact_number, real_number
from katib_control.suggestion.priors import LOGARITHMIC, Uniform, prior

Point = tuple[str, ...]
"""One value per dimension, in the dimensions' order, exactly as a trial gets it."""

_UNIFORM = ("", "uniform", "unknown")


@dataclass(frozen=True)
class SearchSpace:
    """All points that may be suggested. ``size`` is their number, None when a dimension is continuous.

    ``size``, ``at`` and ``point`` know nothing of the constraints: ``feasible`` tells.
    """

    dimensions: tuple[Dimension, ...]
    constraints: tuple[Constraint, ...] = ()

    def feasible(self, point: Point) -> bool:
        """Whether the point keeps every constraint."""
        if not self.constraints:
            return True
        values: dict[str, float | str] = {
            dimension.name: value if dimension.kind == "categorical" else float(value)
            for dimension, value in zip(self.dimensions, point, strict=True)
        }
        return all(constraint.holds(values) for constraint in self.constraints)

    @property
    def size(self) -> int | None:
        """The number of points."""
        sizes = [dimension.size for dimension in self.dimensions]
        return None if None in sizes else math.prod(size for size in sizes if size is not None)

    def point(self, units: Sequence[float]) -> Point:
        """Return the point at these shares (0 to 1), one per dimension."""
        return tuple(
            dimension.from_unit(unit) for dimension, unit in zip(self.dimensions, units, strict=True)
        )  # fmt: skip

    def units(self, point: Point) -> tuple[float, ...]:
        """Return a point's shares (0 to 1), one per dimension."""
        return tuple(dimension.to_unit(value) for dimension, value in zip(self.dimensions, point, strict=True))

    def at(self, index: int) -> Point:
        """Return the point of this index (0 to size - 1): the last dimension varies fastest."""
        values = []
        for dimension in reversed(self.dimensions):
            if dimension.size is None:
                raise TypeError(f"{dimension.name} is continuous: its points cannot be counted")
            index, rank = divmod(index, dimension.size)
            values.append(dimension.at(rank))
        return tuple(reversed(values))

    def read(self, assignments: Mapping[str, str]) -> Point | None:
        """Return the point that a trial ran; None where a value is missing or not in the space."""
        values = []
        for dimension in self.dimensions:
            text = assignments.get(dimension.name)
            value = None if text is None else dimension.read(text)
            if value is None:
                return None
            values.append(value)
        return tuple(values)

    def assignments(self, point: Point) -> list[NameValue]:
        """Return the point as a Trial carries it."""
        return [
            NameValue(name=dimension.name, value=value)
            for dimension, value in zip(self.dimensions, point, strict=True)
        ]  # fmt: skip


def search_space(parameters: Sequence[ParameterSpec], constraints: Sequence[str] = ()) -> SearchSpace:
    """Read an Experiment's parameters and constraints; raise InvalidObject with every rule they break.

    Rules that the validation of Experiments knows too are told in its words, so that nothing is told twice.
    """
    errors: list[FieldError] = []
    dimensions: list[Dimension] = []
    names: set[str] = set()
    for position, parameter in enumerate(parameters):
        if parameter.name in names:
            path = f"spec.parameters[{position}].name"
            errors.append(FieldError(path, "is the name of another parameter", parameter.name, "FieldValueDuplicate"))
        names.add(parameter.name)
        reader = _Reader(parameter, f"spec.parameters[{position}]", errors)
        dimension = reader.dimension()
        if dimension is not None:
            dimensions.append(dimension)
    if not parameters:
        errors.append(FieldError("spec.parameters", "at least one parameter is needed", None, "FieldValueRequired"))
    kinds: dict[str, type] = {item.name: str if item.kind == "categorical" else float for item in dimensions}
    parsed = []
    for position, text in enumerate(constraints if not errors else ()):
        try:
            parsed.append(parse(text, kinds))
        except ExpressionError as error:
            errors.append(FieldError(f"spec.constraints[{position}]", str(error), text))
    if errors:
        raise InvalidObject(errors)
    return SearchSpace(tuple(dimensions), tuple(parsed))


def initial_points(space: SearchSpace, given: Sequence[InitialPoint]) -> list[dict[str, str]]:
    """Return the values named for each point to begin with, in canonical text; raise InvalidObject.

    A parameter that a point does not name is missing here too.
    """
    errors: list[FieldError] = []
    found = []
    dimensions = {dimension.name: dimension for dimension in space.dimensions}
    for position, item in enumerate(given):
        values: dict[str, str] = {}
        for place, pair in enumerate(item.parameter_assignments):
            path = f"spec.initialPoints[{position}].parameterAssignments[{place}]"
            dimension = dimensions.get(pair.name)
            value = dimension.read(pair.value) if dimension else None
            if dimension is None:
                rule = f"is no parameter; there is {', '.join(dimensions)}"
                errors.append(FieldError(f"{path}.name", rule, pair.name, "FieldValueNotFound"))
            elif value is None:
                rule = f"is not in the search space of {pair.name}: outside its bounds, between its steps or not listed"
                errors.append(FieldError(f"{path}.value", rule, pair.value))
            else:
                values[pair.name] = value
        if len(values) == len(dimensions) and not space.feasible(tuple(values[name] for name in dimensions)):
            broken = f"breaks a constraint ({', '.join(item.text for item in space.constraints)})"
            errors.append(FieldError(f"spec.initialPoints[{position}]", broken, values))
        found.append(values)
    if errors:
        raise InvalidObject(errors)
    return found


@dataclass
class _Reader:
    """Reads one parameter; what is wrong with it goes into ``errors``."""

    parameter: ParameterSpec
    path: str
    errors: list[FieldError]

    def dimension(self) -> Dimension | None:
        kind = self.parameter.parameter_type
        if kind in ("discrete", "categorical"):
            return self._choices(kind == "discrete")
        if kind in ("int", "double"):
            return self._numeric(whole=kind == "int")
        rule = "must be one of double, int, discrete, categorical"
        self.errors.append(FieldError(f"{self.path}.parameterType", rule, kind, "FieldValueNotSupported"))
        return None

    def _refuse(self, field: str, rule: str, value: object) -> None:
        reason: Reason = "FieldValueRequired" if value is None else "FieldValueInvalid"
        self.errors.append(FieldError(f"{self.path}.feasibleSpace.{field}", rule, value, reason))

    def _choices(self, numeric: bool) -> Dimension | None:
        given = tuple(dict.fromkeys(self.parameter.feasible_space.choices))
        bad = False
        for index, value in enumerate(self.parameter.feasible_space.choices):
            if numeric and real_number(value) is None:
                bad = True
                self._refuse(f"list[{index}]", "must be a finite number", value)
        if not given:
            self._refuse("list", "must have at least one value", None)
        if bad or not given:
            return None
        if numeric:
            return Choices(self.parameter.name, "discrete", tuple(sorted(given, key=float)))
        return Choices(self.parameter.name, "categorical", given)

    def _numeric(self, *, whole: bool) -> Dimension | None:
        space = self.parameter.feasible_space
        low = self._fraction("min", space.min, whole)
        high = self._fraction("max", space.max, whole)
        step = self._fraction("step", space.step or ("1" if whole else "0"), whole)
        if low is None or high is None or step is None:
            return None
        if low[0] * high[1] > high[0] * low[1]:
            self._refuse("min", f"must be below max, which is {space.max}", space.min)
        elif step[0] < 0 or (step[0] == 0 and space.step):
            self._refuse("step", "must be above 0", space.step)
        elif space.distribution in LOGARITHMIC and low[0] <= 0:
            self._refuse("min", f"must be above 0 for the distribution {space.distribution}", space.min)
        elif step[0] or low == high:
            return self._lattice(low, high, step if step[0] else (1, 1))
        else:
            low_value, high_value = low[0] / low[1], high[0] / high[1]
            uniform = space.distribution in _UNIFORM
            shape = Uniform(low_value, high_value) if uniform else prior(space.distribution, low_value, high_value)
            return Interval(self.parameter.name, low_value, high_value, shape, uniform)
        return None

    def _fraction(self, field: str, text: str | None, whole: bool) -> tuple[int, int] | None:
        """Return the exact number as numerator and denominator."""
        value = exact_number(text or "")
        if value is None or (whole and value != value.to_integral_value()):
            self._refuse(field, f"must be {'a whole' if whole else 'a finite'} number", text or None)
            return None
        return value.as_integer_ratio()

    def _lattice(self, low: tuple[int, int], high: tuple[int, int], step: tuple[int, int]) -> Lattice | None:
        scale = math.lcm(low[1], step[1])
        start, stride = low[0] * scale // low[1], step[0] * scale // step[1]
        size = (high[0] * scale // high[1] - start) // stride + 1
        whole = self.parameter.parameter_type == "int"
        found = Lattice(self.parameter.name, "int" if whole else "double", start, stride, scale, size)
        if size > 1 and (found.at(0) == found.at(1) or found.at(size - 2) == found.at(size - 1)):
            self._refuse("step", "is too small to tell neighbouring doubles apart", self.parameter.feasible_space.step)
            return None
        distribution = self.parameter.feasible_space.distribution
        if distribution in _UNIFORM or size == 1:
            return found
        top = start + (size - 1) * stride
        shape = prior(distribution, start / scale, top / scale, stride / scale)
        return Lattice(found.name, found.kind, start, stride, scale, size, shape)
