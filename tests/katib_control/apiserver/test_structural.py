"""Schemas that Kubernetes refuses in a definition."""

from __future__ import annotations

from typing import Any

import pytest

from katib_control.apiserver.structural import structural_errors


def errors(raw: dict[str, Any]) -> list[str]:
    return [str(error) for error in structural_errors({"type": "object", "properties": {"a": raw}}, "s")]


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        pytest.param({"type": "string"}, [], id="a plain field"),
        pytest.param({"x-kubernetes-int-or-string": True, "anyOf": [{"type": "integer"}, {"type": "string"}]}, [],
                     id="the int-or-string pattern"),
        pytest.param({"x-kubernetes-preserve-unknown-fields": True}, [], id="anything at all"),
        pytest.param(
            {}, ["s.properties[a].type: Required value: must not be empty for specified object fields"], id="no type"
        ),
        pytest.param(
            {"type": "text"},
            ['s.properties[a].type: Unsupported value: "text": supported values: "array", "boolean", "integer",'
             ' "number", "object", "string"'],
            id="a type that is none",
        ),
        pytest.param({"type": "array"}, ["s.properties[a].items: Required value: must be specified"], id="no items"),
        pytest.param(
            {"type": "array", "items": {"type": "string"}, "uniqueItems": True},
            ["s.properties[a].uniqueItems: Forbidden: uniqueItems cannot be set to true since the runtime complexity"
             " becomes quadratic"],
            id="unique items",
        ),
        pytest.param(
            {"type": "array", "items": {"type": "object"}, "x-kubernetes-list-type": "map"},
            ["s.properties[a].x-kubernetes-list-map-keys: Required value: must not be empty if"
             " x-kubernetes-list-type is map"],
            id="a list map without keys",
        ),
        pytest.param(
            {"type": "object", "properties": {}, "additionalProperties": {"type": "string"}},
            ["s.properties[a].additionalProperties: Forbidden: additionalProperties and properties are mutual"
             " exclusive"],
            id="both fields and any fields",
        ),
        pytest.param(
            {"type": "object", "additionalProperties": False},
            ["s.properties[a].additionalProperties: Forbidden: additionalProperties cannot be set to false"],
            id="no other fields",
        ),
        pytest.param(
            {"type": "string", "x-kubernetes-int-or-string": True},
            ['s.properties[a].type: Invalid value: "string": must be empty if x-kubernetes-int-or-string is specified'],
            id="a type beside int-or-string",
        ),
        pytest.param(
            {"type": "string", "$ref": "#/x"}, ["s.properties[a].$ref: Forbidden: $ref is not supported"],
            id="a reference",
        ),
        pytest.param(
            {"type": "object", "anyOf": [{"properties": {"b": {"type": "string", "minLength": 1}}}]},
            ["s.properties[a].anyOf[0].properties[b].type: Forbidden: must be empty to be structural"],
            id="a type inside anyOf",
        ),
        pytest.param(
            {"type": "string", "not": {"default": "x"}},
            ["s.properties[a].not.default: Forbidden: must be undefined to be structural"], id="a default inside not",
        ),
    ],
)  # fmt: skip
def test_structural_errors(raw: dict[str, Any], expected: list[str]) -> None:
    assert errors(raw) == expected


def test_a_pattern_that_cannot_be_read() -> None:
    (error,) = errors({"type": "string", "pattern": "("})
    assert error.startswith('s.properties[a].pattern: Invalid value: "(": must be a valid regular expression')


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        pytest.param({}, ["s.type: Required value: must not be empty at the root"], id="no type at the root"),
        pytest.param(
            {"type": "array", "items": {"type": "string"}},
            ['s.type: Unsupported value: "array": supported values: "object"'], id="a list at the root",
        ),
    ],
)  # fmt: skip
def test_the_root_is_an_object(raw: dict[str, Any], expected: list[str]) -> None:
    assert [str(error) for error in structural_errors(raw, "s")] == expected
