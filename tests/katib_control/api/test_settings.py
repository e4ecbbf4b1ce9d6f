"""Settings of algorithms: types, ranges, defaults, and what is said about wrong ones."""

from __future__ import annotations

from typing import Any

import pytest

from builders import experiment
from katib_control.api.settings import Setting, read_settings, suggest

TABLE = (
    Setting(name="share", type="float", above=0, below=1, help="a share"),
    Setting(name="count", type="int", low=1, high=9, default=3, alias="n_count", help="a count"),
    Setting(name="strict", type="bool", default=False, help="a switch"),
    Setting(name="kind", type="choice", choices=("a", "b"), default="a", help="a kind"),
)


def read(**given: Any) -> tuple[dict[str, Any], list[str]]:
    spec = experiment().algorithm("some", **given).build().spec.algorithm
    assert spec is not None
    values, errors = read_settings(TABLE, spec)
    return values, [str(error) for error in errors]


def test_errors_name_the_part_of_the_spec_that_was_read() -> None:
    spec = experiment().early_stopping("rule", x=1).build().spec.early_stopping
    assert spec is not None
    _, errors = read_settings([Setting(name="n", type="int", help="", required=True)], spec, "spec.earlyStopping")
    assert [item.field for item in errors] == [
        "spec.earlyStopping.algorithmSettings[0].name", "spec.earlyStopping.algorithmSettings",
    ]  # fmt: skip


def test_what_is_not_given_has_its_default() -> None:
    assert read() == ({"share": None, "count": 3, "strict": False, "kind": "a"}, [])


@pytest.mark.parametrize(
    ("name", "text", "setting", "value"),
    [
        pytest.param("share", "0.25", "share", 0.25, id="a float"),
        pytest.param("share", " 1e-3 ", "share", 0.001, id="a float with blanks and an exponent"),
        pytest.param("count", "9", "count", 9, id="an int at its upper bound"),
        pytest.param("n_count", "1", "count", 1, id="the name of another service"),
        pytest.param("strict", "True", "strict", True, id="true"),
        pytest.param("strict", "0", "strict", False, id="false"),
        pytest.param("kind", "b", "kind", "b", id="one of the choices"),
    ],
)
def test_values_get_their_type(name: str, text: str, setting: str, value: object) -> None:
    values, errors = read(**{name: text})
    assert errors == []
    assert values[setting] == value
    assert type(values[setting]) is type(value)


@pytest.mark.parametrize(
    ("name", "text", "rule"),
    [
        pytest.param("share", "1", "share must be a number, greater than 0 and less than 1", id="at an open bound"),
        pytest.param("share", "nan", "share must be a number", id="nan"),
        pytest.param("share", "much", "share must be a number", id="a word"),
        pytest.param("count", "10", "count must be a whole number, at least 1 and at most 9", id="above the bound"),
        pytest.param("count", "2.5", "count must be a whole number", id="half a count"),
        pytest.param("count", "1_0", "count must be a whole number", id="an underscore"),
        pytest.param("strict", "maybe", "strict must be true or false", id="no switch"),
        pytest.param("kind", "c", "kind must be one of a, b", id="no choice"),
    ],
)
def test_wrong_values_are_told_with_the_rule(name: str, text: str, rule: str) -> None:
    _, (error,) = read(**{name: text})
    assert error.startswith(f"spec.algorithm.algorithmSettings[0].value: {rule}")
    assert error.endswith(f"(got {text!r})")


def test_an_unknown_setting_is_told_with_the_nearest_one() -> None:
    _, (error,) = read(shre="1")
    assert error.startswith("spec.algorithm.algorithmSettings[0].name: algorithm some has no such setting; ")
    assert "did you mean share?" in error


def test_all_wrong_settings_are_told_at_once() -> None:
    assert len(read(share=2, count=0, other=1)[1]) == 3


def test_far_words_get_no_hint() -> None:
    assert suggest("zzz", ["random", "grid"]) == " (known: grid, random)"
