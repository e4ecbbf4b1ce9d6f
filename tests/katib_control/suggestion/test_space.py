"""Parameters as a search space: points by share and by index, and everything that is refused."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builders import ExperimentBuilder, experiment
from katib_control.api.errors import InvalidObject
from katib_control.api.validation import validate
from katib_control.suggestion.space import SearchSpace, search_space
from searching import parameters, with_parameters


def space(built: ExperimentBuilder) -> SearchSpace:
    return search_space(built.build().spec.parameters)


def test_points_are_counted_with_the_last_parameter_fastest() -> None:
    found = space(experiment().int("a", 1, 2).discrete("b", 2, 1).categorical("c", "x", "y", "z"))
    assert found.size == 12
    assert [found.at(index) for index in range(12)] == list(itertools.product("12", "12", "xyz"))


def test_a_continuous_parameter_makes_the_space_uncountable() -> None:
    found = space(experiment().int("a", 1, 2).double("b", 0, 1))
    assert found.size is None
    with pytest.raises(TypeError, match="b is continuous"):
        found.at(0)


def test_assignments_keep_the_order_of_the_parameters() -> None:
    found = space(experiment().int("b", 1, 2).categorical("a", "x"))
    assert [(item.name, item.value) for item in found.assignments(("2", "x"))] == [("b", "2"), ("a", "x")]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        pytest.param({"a": "2.0", "c": "x"}, ("2", "x"), id="another spelling"),
        pytest.param({"a": "2", "c": "x", "more": "1"}, ("2", "x"), id="a value too many"),
        pytest.param({"a": "2"}, None, id="a value too few"),
        pytest.param({"a": "3", "c": "x"}, None, id="a value outside"),
    ],
)
def test_reading_what_a_trial_ran(values: dict[str, str], expected: tuple[str, ...] | None) -> None:
    assert space(experiment().int("a", 1, 2).categorical("c", "x", "y")).read(values) == expected


@settings(deadline=None)
@given(st.data())
def test_shares_lead_back_to_the_point(data: st.DataObject) -> None:
    found = space(with_parameters(data.draw(parameters(finite=True))))
    units = data.draw(st.lists(st.floats(0, 1), min_size=len(found.dimensions), max_size=len(found.dimensions)))
    point = found.point(units)
    assert found.point(found.units(point)) == point


@pytest.mark.parametrize(
    ("kind", "given_space", "field", "rule"),
    [
        pytest.param("int", {"min": 1}, "feasibleSpace.max", "must be a whole number", id="no max"),
        pytest.param("int", {"min": "0.5", "max": 1}, "feasibleSpace.min", "must be a whole number", id="half an int"),
        pytest.param("int", {"min": 0, "max": 4, "step": "0.5"}, "feasibleSpace.step", "whole", id="half a step"),
        pytest.param("double", {"min": "a", "max": 1}, "feasibleSpace.min", "must be a finite number", id="a word"),
        pytest.param("double", {"min": 0, "max": "inf"}, "feasibleSpace.max", "must be a finite number", id="infinity"),
        pytest.param("double", {"min": 2, "max": 1}, "feasibleSpace.min", "below max, which is 1", id="max below min"),
        pytest.param("double", {"min": 0, "max": 1, "step": 0}, "feasibleSpace.step", "must be above 0", id="step 0"),
        pytest.param("double", {"min": 0, "max": 1, "step": -1}, "feasibleSpace.step", "must be above 0", id="step -1"),
        pytest.param(
            "double", {"min": 0, "max": 1, "distribution": "logUniform"}, "feasibleSpace.min",
            "above 0 for the distribution logUniform", id="the logarithm of 0",
        ),
        pytest.param(
            "int", {"min": -1, "max": 1, "distribution": "logNormal"}, "feasibleSpace.min",
            "above 0 for the distribution logNormal", id="the logarithm of -1",
        ),
        pytest.param(
            "double", {"min": "1e16", "max": "1.1e16", "step": "0.1"}, "feasibleSpace.step",
            "too small to tell", id="a step below the precision of doubles",
        ),
        pytest.param("discrete", {"list": ["1", "x"]}, "feasibleSpace.list[1]", "finite number", id="a discrete word"),
        pytest.param("categorical", {"list": []}, "feasibleSpace.list", "at least one value", id="an empty list"),
        pytest.param("float", {"min": 0, "max": 1}, "parameterType", "must be one of double, int", id="unknown type"),
    ],
)  # fmt: skip
def test_what_is_refused(kind: str, given_space: dict[str, object], field: str, rule: str) -> None:
    with pytest.raises(InvalidObject) as caught:
        space(experiment().parameter("p", kind, **given_space))
    (error,) = caught.value.errors
    assert error.field == f"spec.parameters[0].{field}"
    assert rule in error.rule


@pytest.mark.parametrize(
    "built",
    [
        pytest.param(experiment().parameter("p", "int", min=1), id="no max"),
        pytest.param(experiment().double("p", "a", 1), id="a word"),
        pytest.param(experiment().int("p", 0, 4, "0.5"), id="half a step"),
        pytest.param(experiment().double("p", 2, 1), id="max below min"),
        pytest.param(experiment().double("p", 0, 1, 0), id="step 0"),
        pytest.param(experiment().double("p", 0, 1, None, "logUniform"), id="the logarithm of 0"),
        pytest.param(experiment().discrete("p", 1, "x"), id="a discrete word"),
        pytest.param(experiment().parameter("p", "categorical", list=[]), id="an empty list"),
        pytest.param(experiment().parameter("p", "float", min=0, max=1), id="an unknown type"),
        pytest.param(experiment().int("p", 1, 2).int("p", 1, 2), id="a name twice"),
    ],
)
def test_what_validation_tells_already_is_told_in_the_same_words(built: ExperimentBuilder) -> None:
    with pytest.raises(InvalidObject) as caught:
        space(built)
    assert set(caught.value.errors) <= set(validate(built.build()))


def test_all_errors_come_at_once() -> None:
    with pytest.raises(InvalidObject) as caught:
        space(experiment().int("a", 2, 1).int("b", 1, 2).double("c", "x", "y"))
    assert [error.field.partition("]")[0] for error in caught.value.errors] == [
        "spec.parameters[0", "spec.parameters[2", "spec.parameters[2",
    ]  # fmt: skip


def test_no_parameters_are_refused() -> None:
    with pytest.raises(InvalidObject, match="at least one parameter"):
        search_space([])
