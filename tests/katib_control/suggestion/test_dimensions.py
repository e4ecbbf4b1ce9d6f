"""Values of one parameter: exact text, ranks, shares, and reading what trials have written."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builders import experiment
from katib_control.suggestion.dimensions import Dimension, exact_number, real_number, whole_number
from katib_control.suggestion.space import search_space
from searching import numeric, with_parameters


def dimension(kind: str, **space: object) -> Dimension:
    return search_space(experiment().parameter("p", kind, **space).build().spec.parameters).dimensions[0]


def values(found: Dimension) -> list[str]:
    return [found.at(rank) for rank in range(found.size or 0)]


@pytest.mark.parametrize(
    ("kind", "low", "high", "step", "expected"),
    [
        pytest.param("double", "0.1", "0.5", "0.1", ["0.1", "0.2", "0.3", "0.4", "0.5"], id="tenths have no noise"),
        pytest.param("double", "0.01", "0.03", "0.005", ["0.01", "0.015", "0.02", "0.025", "0.03"], id="fine steps"),
        pytest.param("double", "5", "7", "0.8", ["5.0", "5.8", "6.6"], id="anchored at min, top trimmed"),
        pytest.param("double", "0.10", "0.3", "1e-1", ["0.1", "0.2", "0.3"], id="any spelling of the bounds"),
        pytest.param("double", "1e-7", "3e-7", "1e-7", ["1e-07", "2e-07", "3e-07"], id="small doubles"),
        pytest.param("double", "-0.2", "0.2", "0.1", ["-0.2", "-0.1", "0.0", "0.1", "0.2"], id="zero has no sign"),
        pytest.param("int", "1", "10", "4", ["1", "5", "9"], id="an int with step stays on the lattice"),
        pytest.param("int", "1.0", "3.0", "1.0", ["1", "2", "3"], id="ints given with .0 print without"),
        pytest.param("int", "1e1", "2e1", "5", ["10", "15", "20"], id="ints given with an exponent"),
        pytest.param("int", "-3", "3", "3", ["-3", "0", "3"], id="negative ints"),
        pytest.param("int", "4", "4", None, ["4"], id="a constant int"),
        pytest.param("double", "4", "4", None, ["4.0"], id="a constant double needs no step"),
    ],
)
def test_values_are_exact(kind: str, low: str, high: str, step: str | None, expected: list[str]) -> None:
    assert values(dimension(kind, min=low, max=high, step=step)) == expected


def test_the_largest_int_of_a_huge_range_is_reached_exactly() -> None:
    found = dimension("int", min="0", max=str(10**30))
    assert found.size == 10**30 + 1
    assert found.at(10**30) == str(10**30)
    assert found.from_unit(1.0) == str(10**30)


def test_discrete_values_keep_their_text_and_come_in_ascending_order() -> None:
    assert values(dimension("discrete", list=["32", "1e1", "0.50"])) == ["0.50", "1e1", "32"]


def test_categorical_values_come_as_listed() -> None:
    assert values(dimension("categorical", list=["sgd", "adam", "sgd", ""])) == ["sgd", "adam", ""]


@pytest.mark.parametrize(
    ("kind", "space", "text", "expected"),
    [
        pytest.param("int", {"min": 1, "max": 9}, "5.0", "5", id="an int that came back as a float"),
        pytest.param("int", {"min": 1, "max": 9}, "5e0", "5", id="an int with an exponent"),
        pytest.param("int", {"min": 1, "max": 9}, "5.5", None, id="half an int"),
        pytest.param("int", {"min": 1, "max": 9, "step": 2}, "4", None, id="an int between the steps"),
        pytest.param("int", {"min": 1, "max": 9}, "10", None, id="an int above max"),
        pytest.param("int", {"min": 1, "max": 9}, "nan", None, id="no number at all"),
        pytest.param("int", {"min": 1, "max": 9}, "", None, id="nothing"),
        pytest.param("double", {"min": 0, "max": 1}, "1", "1.0", id="a double without a point"),
        pytest.param("double", {"min": 0, "max": 1}, "1.01", None, id="a double above max"),
        pytest.param("double", {"min": 0, "max": 1}, "inf", None, id="infinity"),
        pytest.param("double", {"min": 0, "max": 1, "step": "0.1"}, "0.30", "0.3", id="another spelling of a step"),
        pytest.param("double", {"min": 0, "max": 1, "step": "0.1"}, "0.30000000000000004", None, id="Katib's noise"),
        pytest.param("discrete", {"list": ["1e1", "20"]}, "10", "1e1", id="another spelling of a listed number"),
        pytest.param("discrete", {"list": ["1e1", "20"]}, "15", None, id="a number that is not listed"),
        pytest.param("categorical", {"list": ["10"]}, "10.0", None, id="a category is its exact text"),
    ],
)
def test_reading_a_text(kind: str, space: dict[str, object], text: str, expected: str | None) -> None:
    assert dimension(kind, **space).read(text) == expected


@settings(deadline=None)
@given(numeric("int") | numeric("double"), st.floats(0, 1))
def test_a_value_reads_back_as_itself(space: dict[str, object], unit: float) -> None:
    found = search_space(with_parameters([space]).build().spec.parameters).dimensions[0]
    value = found.from_unit(unit)
    assert found.read(value) == value


@settings(deadline=None)
@given(numeric("int") | numeric("double", stepped=True), st.floats(0, 1))
def test_the_middle_of_a_cell_leads_to_its_value(space: dict[str, object], unit: float) -> None:
    found = search_space(with_parameters([space]).build().spec.parameters).dimensions[0]
    value = found.from_unit(unit)
    assert found.from_unit(found.to_unit(value)) == value
    assert found.at(found.rank(value)) == value


@pytest.mark.parametrize(
    ("space", "expected"),
    [
        pytest.param({"min": 1, "max": 4}, [0.25, 0.25, 0.25, 0.25], id="uniform ints, ends as likely as the rest"),
        pytest.param({"min": 1, "max": 64, "step": 21}, [0.25] * 4, id="uniform ints with a step"),
        pytest.param(
            {"min": 1, "max": 3, "distribution": "logUniform"}, [0.480, 0.303, 0.217], id="log ints fall like 1 / n"
        ),
        pytest.param(
            {"min": -3, "max": 3, "step": 3, "distribution": "normal"}, [0.067, 0.866, 0.067], id="a bell on 3 points"
        ),
    ],
)
def test_how_likely_values_are(space: dict[str, object], expected: list[float]) -> None:
    found = dimension("int", **space)
    count = 100_000
    seen = Counter(found.from_unit((turn + 0.5) / count) for turn in range(count))
    assert [seen[value] / count for value in values(found)] == pytest.approx(expected, abs=0.001)


def test_a_continuous_parameter_has_no_ranks() -> None:
    found = dimension("double", min=0, max=1)
    assert found.size is None
    for ask in (lambda: found.at(0), lambda: found.rank("0.5")):
        with pytest.raises(TypeError, match="p is continuous"):
            ask()


@pytest.mark.parametrize("text", ["nan", "inf", "-inf", "1_000", "one", "", "1e999"])
def test_what_is_no_number(text: str) -> None:
    assert (real_number(text), whole_number(text), exact_number(text)) == (None, None, None)


def test_an_exponent_that_would_fill_the_memory_is_no_number() -> None:
    assert exact_number("1e-999999999") is None
