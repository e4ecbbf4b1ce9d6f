"""Whether a CRD's schema is a structural one, as Kubernetes demands before it serves a kind."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from katib_control.api.errors import FieldError
from katib_control.apiserver.formats import go_pattern

_TYPES = ("array", "boolean", "integer", "number", "object", "string")
_FORBIDDEN = ("$ref", "definitions", "dependencies", "id", "patternProperties", "additionalItems", "deprecated")
_JUNCTORS = ("allOf", "anyOf", "oneOf")
_VALUE_ONLY = (
    "additionalProperties", "default", "description", "nullable", "title", "type", "x-kubernetes-embedded-resource",
    "x-kubernetes-int-or-string", "x-kubernetes-preserve-unknown-fields",
)  # fmt: skip


def structural_errors(raw: Mapping[str, Any], path: str) -> list[FieldError]:
    """Return what keeps a schema from being structural; paths below ``path``."""
    errors = [error for error in _node(raw, path) if error.field != path + ".type"]
    if raw.get("type") != "object":
        rule = (
            "Required value: must not be empty at the root"
            if not raw.get("type")
            else _unsupported(raw["type"], "object")
        )
        errors.insert(0, FieldError(path + ".type", rule, reason="FieldValueInvalid"))
    return errors


def _unsupported(value: Any, *allowed: str) -> str:
    names = ", ".join(f'"{item}"' for item in allowed)
    return f'Unsupported value: "{value}": supported values: {names}'


def _node(raw: Mapping[str, Any], path: str) -> list[FieldError]:
    errors = [
        FieldError(f"{path}.{name}", f"Forbidden: {name} is not supported", reason="FieldValueForbidden")
        for name in _FORBIDDEN
        if name in raw
    ]
    errors += _type(raw, path) + _pattern(raw, path) + _list(raw, path) + _map(raw, path)
    for name, inner in raw.get("properties", {}).items():
        errors += _node(inner, f"{path}.properties[{name}]")
    if isinstance(raw.get("items"), Mapping):
        errors += _node(raw["items"], path + ".items")
    if isinstance(raw.get("additionalProperties"), Mapping):
        errors += _node(raw["additionalProperties"], path + ".additionalProperties")
    return errors + _junctors(raw, path)


def _type(raw: Mapping[str, Any], path: str) -> list[FieldError]:
    kind = raw.get("type")
    free = raw.get("x-kubernetes-int-or-string") or raw.get("x-kubernetes-preserve-unknown-fields")
    if kind is None and not free:
        rule = "Required value: must not be empty for specified object fields"
        return [FieldError(path + ".type", rule, reason="FieldValueRequired")]
    if kind is not None and kind not in _TYPES:
        return [FieldError(path + ".type", _unsupported(kind, *_TYPES), reason="FieldValueNotSupported")]
    if kind is not None and raw.get("x-kubernetes-int-or-string"):
        rule = f'Invalid value: "{kind}": must be empty if x-kubernetes-int-or-string is specified'
        return [FieldError(path + ".type", rule)]
    return []


def _pattern(raw: Mapping[str, Any], path: str) -> list[FieldError]:
    try:
        go_pattern(raw.get("pattern", ""))
    except re.error as error:
        rule = f'Invalid value: "{raw["pattern"]}": must be a valid regular expression, but isn\'t: {error}'
        return [FieldError(path + ".pattern", rule)]
    return []


def _list(raw: Mapping[str, Any], path: str) -> list[FieldError]:
    errors = []
    if raw.get("type") == "array" and "items" not in raw:
        rule = "Required value: must be specified"
        errors.append(FieldError(path + ".items", rule, reason="FieldValueRequired"))
    if raw.get("uniqueItems"):
        rule = "Forbidden: uniqueItems cannot be set to true since the runtime complexity becomes quadratic"
        errors.append(FieldError(path + ".uniqueItems", rule, reason="FieldValueForbidden"))
    kind = raw.get("x-kubernetes-list-type")
    if kind not in (None, "atomic", "map", "set"):
        rule = _unsupported(kind, "atomic", "map", "set")
        errors.append(FieldError(path + ".x-kubernetes-list-type", rule, reason="FieldValueNotSupported"))
    if kind == "map" and not raw.get("x-kubernetes-list-map-keys"):
        rule = "Required value: must not be empty if x-kubernetes-list-type is map"
        errors.append(FieldError(path + ".x-kubernetes-list-map-keys", rule, reason="FieldValueRequired"))
    return errors


def _map(raw: Mapping[str, Any], path: str) -> list[FieldError]:
    errors = []
    if "properties" in raw and raw.get("additionalProperties") is not None:
        rule = "Forbidden: additionalProperties and properties are mutual exclusive"
        errors.append(FieldError(path + ".additionalProperties", rule, reason="FieldValueForbidden"))
    elif raw.get("additionalProperties") is False:
        rule = "Forbidden: additionalProperties cannot be set to false"
        errors.append(FieldError(path + ".additionalProperties", rule, reason="FieldValueForbidden"))
    if raw.get("x-kubernetes-embedded-resource") and raw.get("type") != "object":
        rule = f'Invalid value: "{raw.get("type", "")}": must be object if x-kubernetes-embedded-resource is true'
        errors.append(FieldError(path + ".type", rule))
    return errors


def _junctors(raw: Mapping[str, Any], path: str) -> list[FieldError]:
    errors = []
    int_or_string = bool(raw.get("x-kubernetes-int-or-string"))
    for name in _JUNCTORS:
        for index, inner in enumerate(raw.get(name, ())):
            errors += _value_rules(inner, f"{path}.{name}[{index}]", types=int_or_string)
    if "not" in raw:
        errors += _value_rules(raw["not"], path + ".not", types=False)
    return errors


def _value_rules(raw: Mapping[str, Any], path: str, *, types: bool) -> list[FieldError]:
    """Inside allOf, anyOf, oneOf and not stand rules about values only; ``types``: the int-or-string pattern."""
    errors = []
    for name in _VALUE_ONLY:
        if name in raw and not (name == "type" and types):
            word = "empty" if name in ("type", "description", "title") else "undefined"
            rule = f"Forbidden: must be {word} to be structural"
            errors.append(FieldError(f"{path}.{name}", rule, reason="FieldValueForbidden"))
    for name, inner in raw.get("properties", {}).items():
        errors += _value_rules(inner, f"{path}.properties[{name}]", types=False)
    if isinstance(raw.get("items"), Mapping):
        errors += _value_rules(raw["items"], path + ".items", types=False)
    for name in _JUNCTORS:
        for index, inner in enumerate(raw.get(name, ())):
            errors += _value_rules(inner, f"{path}.{name}[{index}]", types=types)
    return errors
