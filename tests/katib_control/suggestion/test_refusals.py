"""Refusals on the wire: in words, for programs, and never too long for metadata."""

from __future__ import annotations

import pytest

from builders import experiment
from katib_control.api.errors import FieldError
from katib_control.api.experiment import Experiment
from katib_control.suggestion.refusals import ascii_line, from_bytes, in_words, objective_faults, to_bytes

ONE = FieldError("spec.parameters[0].feasibleSpace.min", "must be below max, which is 1", "2")
MANY = [FieldError(f"spec.parameters[{n}].feasibleSpace.min", "must be below max", "2") for n in range(1000)]


def test_every_error_is_told() -> None:
    assert in_words([ONE, ONE]) == f"{ONE}; {ONE}"


def test_what_does_not_fit_is_counted() -> None:
    told = in_words(MANY)
    assert len(told) < 4100
    shown = told.count("must be below")
    assert told.endswith(f"; and {1000 - shown} more")


VALUES = [
    pytest.param("2", id="text"), pytest.param(None, id="nothing"), pytest.param(7, id="a number"),
    pytest.param(True, id="a truth"),
]  # fmt: skip


@pytest.mark.parametrize("value", VALUES)
def test_errors_come_back_with_their_values(value: object) -> None:
    error = FieldError("spec.x", "must be otherwise", value, "FieldValueForbidden")
    again = from_bytes(to_bytes([error, ONE]))
    assert again is not None
    assert list(again.errors) == [error, ONE]


def test_a_value_of_another_kind_comes_back_as_text() -> None:
    again = from_bytes(to_bytes([FieldError("spec.x", "is wrong", ("a", 1))]))
    assert again is not None
    assert again.errors[0].value == "('a', 1)"


def test_as_many_come_back_as_fit() -> None:
    again = from_bytes(to_bytes(MANY))
    assert again is not None
    assert 10 < len(again.errors) < 100


@pytest.mark.parametrize("raw", [b"", b"no json", b"[[1]]", b"{}1", b"3"])
def test_bytes_of_others_are_not_taken_for_errors(raw: bytes) -> None:
    assert from_bytes(raw) is None


def test_a_note_fits_into_metadata() -> None:
    assert ascii_line("größer\nals") == "gr??er als"


OBJECTIVES = [
    pytest.param(None, ["spec.objective"], id="none"),
    pytest.param({"type": "minimize", "objectiveMetricName": "loss"}, [], id="all is said"),
    pytest.param({"objectiveMetricName": "loss"}, [], id="no type"),
    pytest.param({"type": "minimize"}, [], id="no name"),
]


@pytest.mark.parametrize(("objective", "fields"), OBJECTIVES)
def test_what_a_search_needs_of_an_objective(objective: dict[str, str] | None, fields: list[str]) -> None:
    built = Experiment.decode({"spec": {"objective": objective}})
    assert [error.field for error in objective_faults(built)] == fields


def test_further_objectives_are_checked() -> None:
    further = [{"type": "sideways", "objectiveMetricName": "accuracy"}]
    objective = {"type": "minimize", "objectiveMetricName": "loss", "additionalObjectives": further}
    (error,) = objective_faults(experiment().spec(objective=objective).build())
    assert error.field == "spec.objective.additionalObjectives[0].type"
