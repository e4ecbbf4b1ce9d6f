"""The search space: checked when made, strings on the wire, typed values back."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from katib_kfp.space import (
    Categorical,
    Discrete,
    Double,
    Int,
    SpaceError,
    cast_all,
    from_spec,
    from_specs,
    to_specs,
)

SPACE = {
    "lr": Double(min=1e-4, max=0.1, log=True),
    "momentum": Double(min=0, max=1, step=0.25, distribution="normal"),
    "layers": Int(min=1, max=9, step=2),
    "batch": Discrete(choices=[16, 32, 64]),
    "dropout": Discrete(choices=[0, 0.5]),
    "optimizer": Categorical(choices=["sgd", 'a"dam']),
}


def test_wire_form_is_katibs_and_all_strings() -> None:
    assert to_specs(SPACE)[:3] == [
        {
            "name": "lr",
            "parameterType": "double",
            "feasibleSpace": {"min": "0.0001", "max": "0.1", "distribution": "logUniform"},
        },
        {
            "name": "momentum",
            "parameterType": "double",
            "feasibleSpace": {"min": "0.0", "max": "1.0", "step": "0.25", "distribution": "normal"},
        },
        {"name": "layers", "parameterType": "int", "feasibleSpace": {"min": "1", "max": "9", "step": "2"}},
    ]
    assert to_specs({"batch": SPACE["batch"]}) == [
        {"name": "batch", "parameterType": "discrete", "feasibleSpace": {"list": ["16", "32", "64"]}}
    ]


def test_a_space_reads_back_from_its_wire_form() -> None:
    assert from_specs(to_specs(SPACE)) == SPACE


def test_defaulted_distribution_reads_back_as_none() -> None:
    spec = {
        "name": "x",
        "parameterType": "double",
        "feasibleSpace": {"min": "0", "max": "1", "distribution": "uniform"},
    }
    assert from_spec(spec) == Double(min=0, max=1)


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        pytest.param("lr", "0.0005", 0.0005, id="a double is a float"),
        pytest.param("lr", "1", 1.0, id="a double without a point is a float"),
        pytest.param("layers", "3", 3, id="an int is an int"),
        pytest.param("layers", "3.0", 3, id="an int that KFP made a float is an int again"),
        pytest.param("layers", 3.0, 3, id="a float in a dict is an int again"),
        pytest.param("layers", str(2**60 + 1), 2**60 + 1, id="a large int keeps all its digits"),
        pytest.param("batch", "32", 32, id="discrete ints are ints"),
        pytest.param("dropout", "0", 0.0, id="mixed discrete numbers are floats"),
        pytest.param("optimizer", 'a"dam', 'a"dam', id="a categorical is its text"),
    ],
)
def test_cast_gives_the_declared_type(name: str, text: object, value: object) -> None:
    found = SPACE[name].cast(text)
    assert (found, type(found)) == (value, type(value))


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_double_survives_the_wire(value: float) -> None:
    assert SPACE["lr"].cast(repr(value)) == value


@pytest.mark.parametrize(
    ("make", "message"),
    [
        pytest.param(lambda: Double(min=1, max=1), "min must be below max", id="an empty range"),
        pytest.param(lambda: Double(min=0, max=math.inf), "max must be a finite number", id="an infinite bound"),
        pytest.param(lambda: Double(min="0", max=1), "min must be a finite number (got '0')", id="a bound as text"),
        pytest.param(lambda: Double(min=0, max=1, log=True), "log scale needs min above 0", id="log from zero"),
        pytest.param(lambda: Double(min=1, max=2, step=0), "step must be above 0", id="a step of zero"),
        pytest.param(lambda: Double(min=1, max=2, step=5), "at most max - min", id="a step beyond the range"),
        pytest.param(
            lambda: Double(min=1, max=2, log=True, distribution="normal"), "contradicts", id="log and not log"
        ),
        pytest.param(lambda: Double(min=1, max=2, distribution="beta"), "must be one of", id="a distribution unknown"),
        pytest.param(lambda: Int(min=0.5, max=2), "must be an int (got 0.5); use Double", id="a fractional int"),
        pytest.param(lambda: Int(min=True, max=2), "must be an int (got True)", id="a bool for an int"),
        pytest.param(lambda: Discrete(choices=[]), "must not be empty", id="no choices"),
        pytest.param(lambda: Discrete(choices=["a"]), "use Categorical", id="text among discrete numbers"),
        pytest.param(lambda: Discrete(choices=[1, 1.0]), "twice", id="a choice twice"),
        pytest.param(lambda: Categorical(choices=[1]), "use Discrete", id="numbers among categories"),
        pytest.param(lambda: Categorical(choices="abc"), "must be a list", id="one text instead of a list"),
        pytest.param(lambda: to_specs({}), "is empty", id="no parameter at all"),
        pytest.param(lambda: to_specs({"1x": SPACE["lr"]}), "starts with a letter", id="a name that no flag can have"),
        pytest.param(lambda: to_specs({"x": (0, 1)}), "must be a Double", id="a tuple for a parameter"),
        pytest.param(lambda: SPACE["lr"].cast("nan"), "not a finite number", id="nan as a value"),
        pytest.param(lambda: SPACE["layers"].cast("2.5"), "not a whole number", id="a fraction for an int"),
        pytest.param(lambda: from_spec({"name": "x", "parameterType": "int"}), "needs max and min", id="no bounds"),
        pytest.param(lambda: from_spec({"name": "x", "parameterType": "odd"}), "x: parameterType", id="a type unknown"),
    ],
)
def test_what_cannot_be_searched_is_refused(make: object, message: str) -> None:
    with pytest.raises(SpaceError) as caught:
        make()  # type: ignore[operator]
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_parameters_are_frozen_and_keyword_only() -> None:
    with pytest.raises(TypeError):
        Double(0, 1)  # type: ignore[misc]
    with pytest.raises(AttributeError):
        SPACE["layers"].min = 3  # type: ignore[misc]


def test_cast_all_keeps_the_order_of_the_space_and_what_it_does_not_know() -> None:
    found = cast_all(SPACE, {"extra": "x", "layers": "3", "lr": "1"})
    assert list(found.items()) == [("lr", 1.0), ("layers", 3), ("extra", "x")]
