"""The parameter that a multi-fidelity algorithm sets itself: epochs, a share of the data, whatever a trial's cost is.

Its value is never drawn: it is the budget of the rung, written as the parameter's type asks. All other parameters make
the space in which configurations are searched.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property

from katib_control.api.errors import FieldError
from katib_control.api.experiment import ExperimentSpec
from katib_control.api.settings import Setting, Settings
from katib_control.suggestion.dimensions import Choices, Dimension, Interval, Lattice
from katib_control.suggestion.distinct import ENUMERABLE, feasible_points
from katib_control.suggestion.priors import Uniform
from katib_control.suggestion.schedules.brackets import MOST_RUNGS, Ladder, ladder
from katib_control.suggestion.space import Point, SearchSpace

RESOURCE_NAME = Setting(
    name="resource_name", type="text", required=True,
    help="the parameter that is set to a trial's budget: epochs, for example",
)  # fmt: skip
R_L = Setting(
    name="r_l", type="float", above=0, required=True,
    help="the highest budget: what the best configurations are run with",
)  # fmt: skip
ETA = Setting(
    name="eta", type="float", above=1, default=3.0,
    help="of each rung, one in so many is promoted to a budget so many times as high",
)  # fmt: skip
R_MIN = Setting(
    name="r_min", type="float", above=0, default=1.0,
    help="no budget is below this one; the lowest is r_l divided by eta as often as this allows",
)  # fmt: skip
BUDGET_SETTINGS = (ETA, R_L, RESOURCE_NAME, R_MIN)


@dataclass(frozen=True)
class Resource:
    """The resource's position among the parameters, its value at every level, and the space of all others."""

    position: int
    texts: tuple[str, ...]
    configurations: SearchSpace

    @cached_property
    def capacity(self) -> int:
        """How many configurations there are; for most spaces more than anybody can run."""
        size = self.configurations.size
        if size is not None and size <= ENUMERABLE:
            # With none at all, drawing one tells which constraints are to blame.
            return max(1, len(feasible_points(self.configurations)))
        return sys.maxsize if size is None else size

    def level(self, point: Point) -> int | None:
        """Return the level at whose budget the point runs; None for a budget that is none of the ladder's."""
        text = point[self.position]
        return self.texts.index(text) if text in self.texts else None

    def configuration(self, point: Point) -> Point:
        """Return the point without its budget."""
        return point[: self.position] + point[self.position + 1 :]

    def point(self, configuration: Point, level: int) -> Point:
        """Return a configuration with the budget of a level."""
        return (*configuration[: self.position], self.texts[level], *configuration[self.position :])


def budgets(settings: Settings) -> Ladder:
    """Return the ladder that the settings describe."""
    return ladder(settings["r_l"], settings["eta"], settings["r_min"])


def resource(space: SearchSpace, settings: Settings) -> Resource:
    """Return the resource of settings that passed ``check_resource``."""
    position = _position(space, settings)
    rungs, dimension = budgets(settings), space.dimensions[position]
    texts = [spelled(dimension, rungs.budget(level)) for level in range(rungs.rungs)]
    others = [item for item in space.dimensions if item is not dimension]
    return Resource(position, tuple(map(str, texts)), SearchSpace(tuple(others), space.constraints))


def opened(space: SearchSpace, settings: Settings) -> SearchSpace:
    """Return the space with room for every budget where the resource has but one value.

    Katib overwrites the resource whatever its feasible space is; its examples have a range of one value there, which
    says nothing and so allows everything.
    """
    position = next((at for at, item in enumerate(space.dimensions) if item.name == settings["resource_name"]), None)
    if position is None or space.dimensions[position].size != 1 or space.dimensions[position].kind == "categorical":
        return space
    dimensions, rungs = list(space.dimensions), budgets(settings)
    dimensions[position] = _holding(dimensions[position], [rungs.budget(level) for level in range(rungs.rungs)])
    return replace(space, dimensions=tuple(dimensions))


def spelled(dimension: Dimension, budget: Fraction) -> str | None:
    """Return a budget as the parameter's value; None where it has no such value. Ints are cut off, as Katib does."""
    whole = str(max(1, int(budget)))
    if dimension.kind == "int":
        return dimension.read(whole)
    exact = dimension.read(repr(float(budget)))
    return exact or (dimension.read(whole) if dimension.kind == "discrete" else None)


def check_resource(space: SearchSpace, settings: Settings, spec: ExperimentSpec) -> list[FieldError]:
    """Return why the budgets cannot be given to the resource, or that something else lays claim to it."""
    name = settings["resource_name"]
    dimension = next((item for item in space.dimensions if item.name == name), None)
    if dimension is None:
        listed = ", ".join(item.name for item in space.dimensions)
        rule = f"resource_name must be the name of a parameter; there is {listed}"
        return [FieldError(_at(spec, "resource_name"), rule, name, "FieldValueNotFound")]
    if dimension.kind == "categorical":
        rule = "resource_name must be an int, double or discrete parameter; this one is categorical"
        return [FieldError(_at(spec, "resource_name"), rule, name)]
    errors = list(_claims(name, space, spec))
    if settings["r_min"] > settings["r_l"]:
        rule = f"r_min must be at most r_l, which is {settings['r_l']:g}"
        return [*errors, FieldError(_at(spec, "r_min"), rule, settings["r_min"])]
    return errors or list(_unspellable(dimension, settings, spec))


def _position(space: SearchSpace, settings: Settings) -> int:
    return [item.name for item in space.dimensions].index(settings["resource_name"])


def _at(spec: ExperimentSpec, name: str) -> str:
    """Return the path of a setting's value; of two of a name the last counts."""
    given = spec.algorithm.algorithm_settings if spec.algorithm else []
    places = [place for place, item in enumerate(given) if item.name == name]
    path = "spec.algorithm.algorithmSettings"
    return f"{path}[{places[-1]}].value" if places else path


def _claims(name: str, space: SearchSpace, spec: ExperimentSpec) -> Iterator[FieldError]:
    """Yield what else would decide the resource's value: initial points and constraints."""
    for position, constraint in enumerate(space.constraints):
        if name in constraint.names:
            rule = f"speaks of {name}, whose value is the rung's budget: leave it out"
            yield FieldError(f"spec.constraints[{position}]", rule, constraint.text, "FieldValueForbidden")
    for position, item in enumerate(spec.initial_points):
        for place, pair in enumerate(item.parameter_assignments):
            if pair.name == name:
                path = f"spec.initialPoints[{position}].parameterAssignments[{place}].name"
                rule = f"{name} is the resource: its value is the rung's budget; leave it out"
                yield FieldError(path, rule, pair.name, "FieldValueForbidden")


def _unspellable(dimension: Dimension, settings: Settings, spec: ExperimentSpec) -> Iterator[FieldError]:
    rungs = budgets(settings)
    if rungs.rungs > MOST_RUNGS:
        rule = f"eta is so small that there are more than {MOST_RUNGS} budgets from r_min to r_l: raise eta or r_min"
        yield FieldError(_at(spec, "eta"), rule, settings["eta"])
        return
    told: dict[str, Fraction] = {}
    for level in reversed(range(rungs.rungs)):
        budget = rungs.budget(level)
        text = spelled(dimension, budget)
        if text is None:
            word = "r_l" if budget == rungs.top else f"r_l / eta^{rungs.s_max - level}"
            rule = (
                f"the budget {float(budget):g} ({word}) is not in the space of {dimension.name}, which is "
                f"{_range(dimension)}: change that space, r_l, eta or r_min (now {settings['r_min']:g})"
            )
            yield FieldError(_at(spec, "r_l"), rule, settings["r_l"])
            return
        if text in told:
            rule = (
                f"the budgets {float(budget):g} and {float(told[text]):g} are both {text} as values of "
                f"{dimension.name}: raise eta or r_min"
            )
            yield FieldError(_at(spec, "eta"), rule, settings["eta"])
            return
        told[text] = budget


def _range(dimension: Dimension) -> str:
    if isinstance(dimension, Interval):
        return f"{dimension.low:g} to {dimension.high:g}"
    if isinstance(dimension, Lattice):
        step = dimension.step / dimension.scale
        between = "" if dimension.kind == "int" and step == 1 else f" in steps of {step:g}"
        return f"{dimension.at(0)} to {dimension.at(dimension.size - 1)}{between}"
    return ", ".join(dimension.at(rank) for rank in range(dimension.size or 0))


def _holding(dimension: Dimension, values: Sequence[Fraction]) -> Dimension:
    """Return a dimension of the same kind from the lowest to the highest of the values."""
    low, high = min(values), max(values)
    if dimension.kind == "int":
        start, end = max(1, int(low)), max(1, int(high))
        return Lattice(dimension.name, "int", start, 1, 1, end - start + 1)
    if dimension.kind == "double" and low == high:
        return Lattice(dimension.name, "double", low.numerator, 1, low.denominator, 1)
    if dimension.kind == "double":
        return Interval(dimension.name, float(low), float(high), Uniform(float(low), float(high)))
    texts = [str(int(value)) if value.denominator == 1 else repr(float(value)) for value in values]
    return Choices(dimension.name, "discrete", tuple(texts))
