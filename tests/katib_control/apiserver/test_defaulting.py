"""Where defaults go, and that none is shared between objects."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from katib_control.apiserver.defaulting import compile_default


def obj(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


def fill(schema: dict[str, Any], value: Any) -> Any:
    compiled = compile_default(schema, lambda name: None)
    return value if compiled is None else compiled(value)


INT = {"type": "integer", "default": 3}


@pytest.mark.parametrize(
    ("schema", "value", "expected"),
    [
        pytest.param(obj(a=INT), {}, {"a": 3}, id="an absent field gets its default"),
        pytest.param(obj(a=INT), {"a": 0}, {"a": 0}, id="a falsy value is a value"),
        pytest.param(obj(a=INT), {"a": None}, {"a": 3}, id="null is absent where the field is not nullable"),
        pytest.param(obj(a=INT | {"nullable": True}), {"a": None}, {"a": None}, id="null is a value when nullable"),
        pytest.param(obj(a=obj(b=INT)), {}, {}, id="a default inside an absent object waits for the object"),
        pytest.param(obj(a=obj(b=INT)), {"a": {}}, {"a": {"b": 3}}, id="a default inside a given object"),
        pytest.param(
            obj(a=obj(b=INT) | {"default": {}}), {}, {"a": {"b": 3}}, id="a default object is defaulted itself"
        ),
        pytest.param(
            obj(a={"type": "array", "items": obj(b=INT)}), {"a": [{}, {"b": 1}]}, {"a": [{"b": 3}, {"b": 1}]},
            id="every item of a list",
        ),
        pytest.param(
            obj(a={"type": "object", "additionalProperties": obj(b=INT)}), {"a": {"k": {}}}, {"a": {"k": {"b": 3}}},
            id="every value of a map",
        ),
        pytest.param(
            obj(a={"type": "object", "additionalProperties": INT}), {"a": {"k": None}}, {"a": {"k": 3}},
            id="null in a map gets the values' default",
        ),
        pytest.param(obj(a=obj(b=INT)), {"a": "text"}, {"a": "text"}, id="a wrong type is left to validation"),
    ],
)  # fmt: skip
def test_default(schema: dict[str, Any], value: Any, expected: Any) -> None:
    before = copy.deepcopy(value)
    assert fill(schema, value) == expected
    assert value == before, "the argument is never changed"


def test_no_two_objects_share_a_default() -> None:
    schema = obj(a={"type": "array", "items": {"type": "string"}, "default": ["x"]})
    first, second = fill(schema, {}), fill(schema, {})
    first["a"].append("y")
    assert second == {"a": ["x"]}


def test_what_is_complete_is_not_copied() -> None:
    value = {"a": {"b": 1}, "l": [{"b": 2}]}
    assert fill(obj(a=obj(b=INT), l={"type": "array", "items": obj(b=INT)}), value) is value


def test_a_schema_without_defaults_costs_nothing() -> None:
    assert compile_default(obj(a=obj(b={"type": "string"})), lambda name: None) is None
