"""Every rule in the words of a Kubernetes API server."""

from __future__ import annotations

from typing import Any

import pytest

from katib_control.apiserver.schema import compile_schema


def errors(spec: dict[str, Any], value: Any) -> list[str]:
    schema = compile_schema({"type": "object", "properties": {"foo": spec}})
    return [str(error) for error in schema.validate({"foo": value})]


INTEGER, STRING = {"type": "integer"}, {"type": "string"}
NAMED = {"type": "object", "required": ["name"], "properties": {"name": STRING, "size": INTEGER}}


@pytest.mark.parametrize(
    ("spec", "value", "expected"),
    [
        pytest.param(
            INTEGER, "x", ['foo: Invalid value: "string": foo in body must be of type integer: "string"'],
            id="a string is no integer",
        ),
        pytest.param(
            STRING, 1, ['foo: Invalid value: "integer": foo in body must be of type string: "integer"'],
            id="an integer is no string",
        ),
        pytest.param(
            {"type": "boolean"}, None, ['foo: Invalid value: "null": foo in body must be of type boolean: "null"'],
            id="null is no boolean",
        ),
        pytest.param(
            {"type": "object"}, [], ['foo: Invalid value: "array": foo in body must be of type object: "array"'],
            id="a list is no object",
        ),
        pytest.param(
            INTEGER, 1.5, ['foo: Invalid value: "number": foo in body must be of type integer: "number"'],
            id="1.5 is no integer",
        ),
        pytest.param(INTEGER, 2.0, [], id="2.0 is an integer"),
        pytest.param({"type": "number"}, 1, [], id="an integer is a number"),
        pytest.param(
            {"type": "number"}, True, ['foo: Invalid value: "boolean": foo in body must be of type number: "boolean"'],
            id="true is no number",
        ),
        pytest.param(STRING | {"nullable": True}, None, [], id="null where nullable"),
        pytest.param({"x-kubernetes-int-or-string": True}, "25%", [], id="int-or-string takes a string"),
        pytest.param(
            {"x-kubernetes-int-or-string": True}, 1.5,
            ['foo: Invalid value: "number": foo in body must be of type integer,string: "number"'],
            id="int-or-string takes no fraction",
        ),
        pytest.param(NAMED, {}, ["foo.name: Required value"], id="a required field"),
        pytest.param(
            {"type": "array", "items": NAMED}, [{"name": "a"}, {"size": "b"}],
            [
                "foo[1].name: Required value",
                'foo[1].size: Invalid value: "string": foo[1].size in body must be of type integer: "string"',
            ],
            id="all errors come at once, with indexes",
        ),
        pytest.param(
            {"type": "object", "additionalProperties": INTEGER}, {"a": 1, "b": "x"},
            ['foo.b: Invalid value: "string": foo.b in body must be of type integer: "string"'], id="a value of a map",
        ),
        pytest.param(
            STRING | {"enum": ["a", "b"]}, "x", ['foo: Unsupported value: "x": supported values: "a", "b"'],
            id="an enum of strings",
        ),
        pytest.param(
            INTEGER | {"enum": [1, 2]}, 3, ['foo: Unsupported value: 3: supported values: "1", "2"'],
            id="an enum of numbers",
        ),
        pytest.param(
            INTEGER | {"minimum": 1}, 0, ["foo: Invalid value: 0: foo in body should be greater than or equal to 1"],
            id="below the minimum",
        ),
        pytest.param(
            {"type": "number", "minimum": 0, "exclusiveMinimum": True}, 0,
            ["foo: Invalid value: 0: foo in body should be greater than 0"], id="at an exclusive minimum",
        ),
        pytest.param(
            {"type": "number", "maximum": 1.5}, 2.25,
            ["foo: Invalid value: 2.25: foo in body should be less than or equal to 1.5"], id="above the maximum",
        ),
        pytest.param(
            INTEGER | {"maximum": 1, "exclusiveMaximum": True}, 1,
            ["foo: Invalid value: 1: foo in body should be less than 1"], id="at an exclusive maximum",
        ),
        pytest.param(
            {"type": "number", "multipleOf": 0.1}, 0.35,
            ["foo: Invalid value: 0.35: foo in body should be a multiple of 0.1"], id="not a multiple",
        ),
        pytest.param({"type": "number", "multipleOf": 0.1}, 0.3, [], id="0.3 is a multiple of 0.1"),
        pytest.param(
            INTEGER | {"format": "int32"}, 2**31,
            ["foo: Invalid value: 2147483648: foo in body must be of type integer with format int32"],
            id="too large for int32",
        ),
        pytest.param(
            STRING | {"maxLength": 2}, "abc", ["foo: Too long: may not be more than 2 bytes"], id="a long string"
        ),
        pytest.param(
            STRING | {"minLength": 2}, "a", ['foo: Invalid value: "a": foo in body should be at least 2 chars long'],
            id="a short string",
        ),
        pytest.param(
            STRING | {"pattern": "^[a-z]+$"}, "A", ["foo: Invalid value: \"A\": foo in body should match '^[a-z]+$'"],
            id="a pattern",
        ),
        pytest.param(
            STRING | {"format": "date-time"}, "x",
            ['foo: Invalid value: "x": foo in body must be of type date-time: "x"'], id="a format",
        ),
        pytest.param(
            {"type": "array", "items": STRING, "maxItems": 1}, ["a", "b"],
            ["foo: Too many: 2: must have at most 1 items"], id="a long list",
        ),
        pytest.param(
            {"type": "array", "items": STRING, "minItems": 1}, [],
            ["foo: Invalid value: []: foo in body should have at least 1 items"], id="a short list",
        ),
        pytest.param(
            {"type": "object", "additionalProperties": STRING, "maxProperties": 1}, {"a": "b", "c": "d"},
            ["foo: Too many: 2: must have at most 1 items"], id="a large map",
        ),
        pytest.param(
            {"type": "object", "minProperties": 1}, {},
            ["foo: Invalid value: {}: foo in body should have at least 1 properties"], id="a small map",
        ),
        pytest.param(
            {"type": "array", "items": STRING, "x-kubernetes-list-type": "set"}, ["a", "b", "a"],
            ['foo[2]: Duplicate value: "a"'], id="twice in a set",
        ),
        pytest.param(
            {
                "type": "array", "items": NAMED, "x-kubernetes-list-type": "map",
                "x-kubernetes-list-map-keys": ["name"],
            },
            [{"name": "a", "size": 1}, {"name": "a", "size": 2}], ['foo[1]: Duplicate value: {"name":"a"}'],
            id="twice the same key in a list map",
        ),
        pytest.param(
            INTEGER | {"allOf": [{"minimum": 1}, {"maximum": 0}]}, 5,
            ["foo: Invalid value: 5: foo in body should be less than or equal to 0"], id="allOf tells the broken part",
        ),
        pytest.param(
            INTEGER | {"anyOf": [{"minimum": 5}, {"maximum": 1}]}, 3,
            ['foo: Invalid value: "": "foo" must validate at least one schema (anyOf)'], id="none of anyOf",
        ),
        pytest.param(
            INTEGER | {"oneOf": [{"minimum": 5}, {"maximum": 1}]}, 3,
            ['foo: Invalid value: "": "foo" must validate one and only one schema (oneOf). Found none valid'],
            id="none of oneOf",
        ),
        pytest.param(
            INTEGER | {"oneOf": [{"minimum": 1}, {"maximum": 9}]}, 3,
            ['foo: Invalid value: "": "foo" must validate one and only one schema (oneOf). Found 2 valid alternatives'],
            id="two of oneOf",
        ),
        pytest.param(
            INTEGER | {"not": {"enum": [3]}}, 3, ['foo: Invalid value: "": "foo" must not validate the schema (not)'],
            id="what must not be",
        ),
        pytest.param(
            {"type": "object", "properties": {"a": INTEGER, "b": INTEGER},
             "oneOf": [{"required": ["a"]}, {"required": ["b"]}]},
            {"a": 1}, [], id="one of two fields",
        ),
        pytest.param(
            {"type": "object", "x-kubernetes-embedded-resource": True, "x-kubernetes-preserve-unknown-fields": True},
            {"kind": "Pod", "metadata": {"labels": {"a": 1}}},
            [
                'foo.metadata.labels.a: Invalid value: "integer": foo.metadata.labels.a in body must be of type string:'
                ' "integer"',
                "foo.apiVersion: Required value: must not be empty",
            ],
            id="an embedded resource says what it is",
        ),
    ],
)  # fmt: skip
def test_validate(spec: dict[str, Any], value: Any, expected: list[str]) -> None:
    assert errors(spec, value) == expected


def test_the_reasons_of_causes() -> None:
    raw = {
        "type": "object",
        "required": ["gone"],
        "properties": {
            "kind": {"type": "string"},
            "number": INTEGER,
            "choice": STRING | {"enum": ["a"]},
            "set": {"type": "array", "items": STRING, "x-kubernetes-list-type": "set"},
            "small": INTEGER | {"maximum": 1},
        },
    }
    found = compile_schema(raw).validate({"number": "x", "choice": "b", "set": ["a", "a"], "small": 2})
    assert {error.field: error.reason for error in found} == {
        "gone": "FieldValueRequired",
        "number": "FieldValueTypeInvalid",
        "choice": "FieldValueNotSupported",
        "set[1]": "FieldValueDuplicate",
        "small": "FieldValueInvalid",
    }


def test_metadata_is_checked_without_the_schema_mentioning_it() -> None:
    found = compile_schema({"type": "object"}).validate({"metadata": {"name": 3}})
    assert [error.field for error in found] == ["metadata.name"]
