from typing import Any

import pytest

from katib_control.api.errors import FieldError, InvalidObject


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (FieldError("spec.a", "must be above 0", -1), "spec.a: must be above 0 (got -1)"),
        (FieldError("spec.a", "must be given"), "spec.a: must be given"),
        (FieldError("", "must be an object", "abc"), "must be an object (got 'abc')"),
    ],
)
def test_one_line_with_field_rule_and_value(error: FieldError, text: str) -> None:
    assert str(error) == text


def test_a_long_value_is_cut() -> None:
    text = str(FieldError("spec.a", "is too long", "x\n" * 5000))
    assert len(text) < 200
    assert "\n" not in text
    assert text.endswith("...)")


@pytest.mark.parametrize("value", [["a"], {"a": 1}, None])
def test_errors_can_be_kept_in_a_set_whatever_the_value(value: Any) -> None:
    assert len({FieldError("a", "b", value), FieldError("a", "b", value)}) == 1


def test_an_object_tells_all_of_its_errors() -> None:
    error = InvalidObject([FieldError("a", "is wrong"), FieldError("b", "is too")], "Experiment x")
    assert str(error) == "Experiment x: a: is wrong; b: is too"
    assert [item.field for item in error.errors] == ["a", "b"]
