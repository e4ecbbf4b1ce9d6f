"""What an Experiment may ask of a search algorithm, and how to see that it gets it.

``scripts/generate.py`` makes the matrix of docs/algorithms.md of this list: an algorithm says yes by accepting an
Experiment with the feature, and no by refusing it by name. tests/contract/test_features.py holds it to both.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

from builders import ExperimentBuilder, experiment
from katib_control.suggestion.engine import Engine
from searching import Search, start_up, with_algorithm

TRIALS = 14
Values = dict[str, str]


@dataclass(frozen=True)
class Feature:
    """``built`` has it; ``honoured`` judges the points of a search of ``trials`` trials that went two at a time."""

    name: str
    built: ExperimentBuilder
    honoured: Callable[[Sequence[Values]], bool]
    trials: int = TRIALS


def plain() -> ExperimentBuilder:
    return experiment().int("y", 0, 40).double("x", 0, 1, "0.01")


def on_lattice(name: str, low: str, high: str, step: str) -> Callable[[Sequence[Values]], bool]:
    def judge(points: Sequence[Values]) -> bool:
        values = [Fraction(point[name]) for point in points]
        inside = all(Fraction(low) <= value <= Fraction(high) for value in values)
        return (
            inside and all((value - Fraction(low)) % Fraction(step) == 0 for value in values) and len(set(values)) > 1
        )

    return judge


def listed(name: str, *choices: str) -> Callable[[Sequence[Values]], bool]:
    return lambda points: (
        {point[name] for point in points} <= set(choices) and len({point[name] for point in points}) > 1
    )


def share(low: float, high: float, least: float, most: float) -> Callable[[Sequence[Values]], bool]:
    """So large a share of the values of z lies between two numbers; or all 33 there are were tried."""

    def judge(points: Sequence[Values]) -> bool:
        values = [float(point["z"]) for point in points]
        found = sum(low <= value <= high for value in values) / len(values)
        return least <= found <= most or len(set(values)) == 33

    return judge


def spread(distribution: str) -> ExperimentBuilder:
    return experiment().int("y", 0, 40).int("z", 1, 33, 1, distribution)


def initial(*points: Values) -> list[dict[str, object]]:
    return [
        {"parameterAssignments": [{"name": key, "value": value} for key, value in point.items()]} for point in points
    ]


def begins_with(*expected: Values) -> Callable[[Sequence[Values]], bool]:
    def judge(points: Sequence[Values]) -> bool:
        pairs = zip(points, expected, strict=False)
        return all(point.items() >= wanted.items() for point, wanted in pairs) and len(points) > len(expected)

    return judge


SEVERAL = {
    "type": "minimize", "objectiveMetricName": "loss",
    "additionalObjectives": [{"type": "maximize", "objectiveMetricName": "gain"}],
}  # fmt: skip
FIRST = {"y": "7", "x": "0.25"}, {"y": "30", "x": "0.5"}

FEATURES: tuple[Feature, ...] = (
    Feature(
        "`double` without a step", experiment().double("x", -1, 1).int("y", 0, 40),
        lambda points: all(-1 <= float(point["x"]) <= 1 for point in points),
    ),
    Feature("`double` with a step", plain(), on_lattice("x", "0", "1", "0.01")),
    Feature("`int` with a step", plain().int("n", 3, 50, 4), on_lattice("n", "3", "50", "4")),
    Feature("`discrete`", plain().discrete("d", "0.5", 2, 16), listed("d", "0.5", "2", "16")),
    Feature("`categorical`", plain().categorical("c", "a", "b", "c"), listed("c", "a", "b", "c")),
    Feature("one parameter alone", experiment().int("n", 1, 64), on_lattice("n", "1", "64", "1")),
    Feature(
        "categorical parameters alone", experiment().categorical("c", *"abcdef").categorical("d", *"uvwxyz"),
        listed("c", *"abcdef"),
    ),
    # Of the 33 values a uniform search would put 15 %, a third and 21 % of its points into these ranges.
    Feature("`logUniform`", spread("logUniform"), share(1, 5, 0.3, 0.85), trials=33),
    Feature("`normal`", spread("normal"), share(12, 22, 0.5, 0.95), trials=33),
    Feature("`logNormal`", spread("logNormal"), share(4, 10, 0.45, 0.95), trials=33),
    Feature("`initialPoints`", plain().spec(initialPoints=initial(*FIRST)), begins_with(*FIRST)),
    Feature(
        "`constraints`", plain().spec(constraints=["x * 40 <= y"]),
        lambda points: all(float(point["x"]) * 40 <= int(point["y"]) for point in points),
    ),
    Feature("`additionalObjectives`", plain().spec(objective=SEVERAL), lambda points: len(points) == TRIALS),
)  # fmt: skip


def owner(feature: Feature, algorithm: str) -> ExperimentBuilder:
    """The Experiment with the feature and this algorithm, with all that the algorithm requires."""
    return with_algorithm(feature.built, algorithm, **start_up(algorithm))


def accepted(feature: Feature, algorithm: str) -> bool:
    return not Engine().validate(owner(feature, algorithm).build())


def search(feature: Feature, algorithm: str) -> Sequence[Values]:
    """Tune with it. Where there is a z no trial ends well: nothing is learned, its distribution alone decides."""
    found = Search(owner(feature, algorithm).build())

    def loss(values: Values) -> float | None:
        if "z" in values:
            return None
        return math.fsum(math.sin(len(key) + sum(map(ord, text))) for key, text in values.items())

    return found.tune(loss, feature.trials, parallel=2)


def matrix(algorithms: Sequence[str]) -> Iterator[str]:
    """The lines of a Markdown table."""
    yield "| | " + " | ".join(f"`{name}`" for name in algorithms) + " |"
    yield "| --- |" + " --- |" * len(algorithms)
    for feature in FEATURES:
        cells = ("yes" if accepted(feature, name) else "refused" for name in algorithms)
        yield f"| {feature.name} | {' | '.join(cells)} |"
