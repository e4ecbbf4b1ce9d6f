"""Which resources can carry which budgets, and what is said of those that cannot."""

from __future__ import annotations

from typing import Any

import pytest

from builders import ExperimentBuilder, experiment
from katib_control.api.errors import FieldError
from katib_control.suggestion.engine import Engine
from searching import Search

NAMES = ["hyperband", "asha", "bohb"]
SETTINGS = "spec.algorithm.algorithmSettings"


def built(kind: str = "int", name: str = "hyperband", r_l: Any = 9, **options: Any) -> ExperimentBuilder:
    space = options.pop("space", {"min": 1, "max": 100})
    settings = {"r_l": r_l, "resource_name": "epochs", **options}
    return experiment().double("x", 0, 1).parameter("epochs", kind, **space).algorithm(name, **settings)


def budgets(owner: ExperimentBuilder) -> list[str]:
    """The different values of the resource, in the order in which they come."""
    points = Search(owner.build()).tune(lambda values: float(values["x"]), 200)
    return list(dict.fromkeys(point["epochs"] for point in points))


def refused(owner: ExperimentBuilder) -> FieldError:
    (error,) = Engine().validate(owner.build())
    return error


@pytest.mark.parametrize(
    ("kind", "space", "r_l", "options", "expected"),
    [
        ("int", {"min": 1, "max": 9}, 9, {}, ["1", "3", "9"]),
        ("int", {"min": 1, "max": 100}, 10, {}, ["1", "3", "10"]),
        ("int", {"min": 1, "max": 5}, 5, {"eta": 1.5}, ["1", "2", "3", "5"]),
        ("int", {"min": 5, "max": 100, "step": 5}, 60, {"r_min": 15, "eta": 2}, ["15", "30", "60"]),
        ("int", {"min": 9, "max": 81}, 81, {"r_min": 9}, ["9", "27", "81"]),
        ("int", {"min": 1, "max": 2}, 1.5, {}, ["1"]),
        ("double", {"min": 0, "max": 9}, 9, {}, ["1.0", "3.0", "9.0"]),
        ("double", {"min": 0.1, "max": 1}, 1, {"r_min": 0.25, "eta": 2}, ["0.25", "0.5", "1.0"]),
        ("double", {"min": 0.1, "max": 1, "step": 0.1}, 0.8, {"r_min": 0.2, "eta": 2}, ["0.2", "0.4", "0.8"]),
        ("discrete", {"list": [9, 1, 27, 3]}, 27, {}, ["1", "3", "9", "27"]),
        ("discrete", {"list": ["1.0", "3.00", "1e1"]}, 10, {}, ["1.0", "3.00", "1e1"]),
    ],
)
def test_budgets_are_values_of_the_resource(
    kind: str, space: dict[str, Any], r_l: float, options: dict[str, Any], expected: list[str]
) -> None:
    for name in NAMES:
        assert sorted(budgets(built(kind, name, r_l, space=space, **options)), key=float) == expected


@pytest.mark.parametrize(
    ("kind", "space", "expected"),
    [
        ("int", {"min": 1, "max": 1}, ["1", "2"]),
        ("int", {"min": 20, "max": 20}, ["1", "2"]),
        ("double", {"min": 1, "max": 1}, ["1.0", "2.0"]),
        ("discrete", {"list": [7]}, ["1", "2"]),
    ],
)
def test_a_resource_of_one_value_takes_any_budget_as_in_katibs_examples(
    kind: str, space: dict[str, Any], expected: list[str]
) -> None:
    assert budgets(built(kind, r_l=2, eta=2, space=space)) == expected


def test_a_single_budget_replaces_the_single_value_too() -> None:
    assert budgets(built("double", r_l=2, space={"min": 1, "max": 1})) == ["2.0"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("owner", "field", "words"),
    [
        (built(resource_name="epoch"), f"{SETTINGS}[1].value", "name of a parameter; there is x, epochs"),
        (built("categorical", space={"list": ["a", "b"]}), f"{SETTINGS}[1].value", "this one is categorical"),
        (built(r_l=200), f"{SETTINGS}[0].value", "the budget 200 (r_l) is not in the space of epochs, which is 1 to"),
        (
            built(r_l=81, space={"min": 5, "max": 81}), f"{SETTINGS}[0].value",
            "the budget 3 (r_l / eta^3) is not in the space of epochs",
        ),
        (built(r_l=9, space={"min": 1, "max": 11, "step": 2}, eta=2), f"{SETTINGS}[0].value", "1 to 11 in steps of 2"),
        (built("discrete", space={"list": [1, 9]}), f"{SETTINGS}[0].value", "the budget 3 (r_l / eta^1)"),
        (built(r_l=3, eta=1.1), f"{SETTINGS}[2].value", "are both 2 as values of epochs: raise eta or r_min"),
        (built(r_l=100, eta=1.0001), f"{SETTINGS}[2].value", "more than 64 budgets"),
        (built(r_l=9, r_min=10), f"{SETTINGS}[2].value", "r_min must be at most r_l, which is 9"),
        (built().spec(constraints=["x <= epochs"]), "spec.constraints[0]", "whose value is the rung's budget"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_with_the_field_and_a_remedy(
    name: str, owner: ExperimentBuilder, field: str, words: str
) -> None:
    body = owner.to_dict()["spec"]["algorithm"]
    error = refused(owner.spec(algorithm={**body, "algorithmName": name}))
    assert error.field == field
    assert words in error.rule


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"r_l": 0}, "greater than 0"), ({"r_l": "many"}, "a number"),
        ({"eta": 1}, "greater than 1"), ({"eta": "x"}, "a number"),
    ],
)  # fmt: skip
def test_settings_have_bounds(options: dict[str, Any], words: str) -> None:
    error = refused(built(**options))
    assert error.field.startswith(SETTINGS)
    assert words in error.rule


@pytest.mark.parametrize("missing", ["r_l", "resource_name"])
def test_the_settings_that_katib_needs_are_needed(missing: str) -> None:
    given = {"r_l": 9, "resource_name": "epochs"}
    del given[missing]
    error = refused(experiment().int("epochs", 1, 9).algorithm("hyperband", **given))
    assert missing in error.rule


def test_an_initial_point_must_leave_the_resource_out() -> None:
    pairs = [{"name": "x", "value": "0.5"}, {"name": "epochs", "value": "9"}]
    error = refused(built().spec(initialPoints=[{"parameterAssignments": pairs}]))
    assert error.field == "spec.initialPoints[0].parameterAssignments[1].name"
    assert "leave it out" in error.rule
