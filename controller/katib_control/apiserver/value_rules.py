"""The rules of a schema about one value: numbers, strings, lengths, list types."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from katib_control.apiserver.findings import (
    Finding,
    Notes,
    breaks,
    duplicate,
    invalid,
    too_long,
    too_many,
    wrong_format,
)
from katib_control.apiserver.formats import FORMATS, INTEGER_RANGES, QUANTITY, go_pattern

Check = Callable[[Any, "Notes[Finding]"], None]
_BAD_QUANTITY = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"


def same(left: Any, right: Any) -> bool:
    """Whether two JSON values are equal: 1 and 1.0 are, 1 and true are not, at any depth."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same(item, right[key]) for key, item in left.items())
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    return bool(left == right)


def identity(value: Any) -> str:
    """Return a text that is the same for the same JSON values (see ``same``)."""

    def plain(item: Any) -> Any:
        if isinstance(item, float) and item.is_integer():
            return int(item)
        if isinstance(item, dict):
            return {key: plain(inner) for key, inner in item.items()}
        return [plain(inner) for inner in item] if isinstance(item, list) else item

    return json.dumps(plain(value), sort_keys=True)


def _together(checks: list[Check], applies: Callable[[Any], bool]) -> Check | None:
    if not checks:
        return None

    def check(value: Any, found: Notes[Finding]) -> None:
        if applies(value):
            for each in checks:
                each(value, found)

    return check


def _rule(broken: Callable[[Any], bool], finding: Callable[[Any], Finding]) -> Check:
    def check(value: Any, found: Notes[Finding]) -> None:
        if broken(value):
            found.append(finding(value))

    return check


def number_rules(schema: Mapping[str, Any]) -> Check | None:
    """Bounds, divisors and integer ranges."""
    checks: list[Check] = []
    if "minimum" in schema:
        checks.append(_minimum(schema["minimum"], bool(schema.get("exclusiveMinimum"))))
    if "maximum" in schema:
        checks.append(_maximum(schema["maximum"], bool(schema.get("exclusiveMaximum"))))
    if "multipleOf" in schema:
        step = schema["multipleOf"]
        checks.append(
            _rule(
                lambda value: Decimal(repr(value)) % Decimal(repr(step)) != 0,
                lambda value: breaks(value, f"should be a multiple of {step}"),
            )
        )
    if schema.get("format") in INTEGER_RANGES and schema.get("type") == "integer":
        name, (low, high) = schema["format"], INTEGER_RANGES[schema["format"]]
        rule = f"must be of type integer with format {name}"
        checks.append(_rule(lambda value: not low <= value <= high, lambda value: breaks(value, rule)))
    return _together(checks, lambda value: type(value) is int or type(value) is float)


def _minimum(bound: float, exclusive: bool) -> Check:
    rule = f"should be greater than {'' if exclusive else 'or equal to '}{bound}"
    return _rule(lambda value: value < bound or (exclusive and value == bound), lambda value: breaks(value, rule))


def _maximum(bound: float, exclusive: bool) -> Check:
    rule = f"should be less than {'' if exclusive else 'or equal to '}{bound}"
    return _rule(lambda value: value > bound or (exclusive and value == bound), lambda value: breaks(value, rule))


def string_rules(schema: Mapping[str, Any]) -> Check | None:
    """Lengths (in characters), patterns and formats."""
    checks: list[Check] = []
    if "maxLength" in schema:
        longest = schema["maxLength"]
        checks.append(_rule(lambda value: len(value) > longest, lambda value: too_long(longest)))
    if "minLength" in schema:
        shortest = schema["minLength"]
        rule = f"should be at least {shortest} chars long"
        checks.append(_rule(lambda value: len(value) < shortest, lambda value: breaks(value, rule)))
    if "pattern" in schema:
        checks.append(_pattern(schema["pattern"]))
    name = schema.get("format", "")
    if name == "quantity":
        checks.append(_rule(lambda value: not QUANTITY.fullmatch(value), lambda value: invalid(value, _BAD_QUANTITY)))
    elif name in FORMATS:
        fits = FORMATS[name]
        checks.append(_rule(lambda value: not fits(value), lambda value: wrong_format(name, value)))
    return _together(checks, lambda value: type(value) is str)


def _pattern(pattern: str) -> Check:
    search = go_pattern(pattern).search
    return _rule(lambda value: not search(value), lambda value: breaks(value, f"should match '{pattern}'"))


def list_rules(schema: Mapping[str, Any]) -> Check | None:
    """Numbers of items; uniqueness of items and of the keys of ``x-kubernetes-list-type`` set and map."""
    checks: list[Check] = []
    if "maxItems" in schema:
        most = schema["maxItems"]
        checks.append(_rule(lambda value: len(value) > most, lambda value: too_many(len(value), most)))
    if "minItems" in schema:
        least = schema["minItems"]
        rule = f"should have at least {least} items"
        checks.append(_rule(lambda value: len(value) < least, lambda value: breaks(value, rule)))
    if schema.get("uniqueItems"):
        checks.append(
            _rule(
                lambda value: len({identity(item) for item in value}) < len(value),
                lambda value: breaks(value, "shouldn't contain duplicates"),
            )
        )
    if schema.get("x-kubernetes-list-type") in ("set", "map"):
        checks.append(_unique(tuple(schema.get("x-kubernetes-list-map-keys", ()))))
    return _together(checks, lambda value: type(value) is list)


def _unique(keys: tuple[str, ...]) -> Check:
    def check(value: Any, found: Notes[Finding]) -> None:
        seen: set[str] = set()
        for index, item in enumerate(value):
            what = {key: item[key] for key in keys if key in item} if keys and isinstance(item, dict) else item
            text = identity(what)
            if text in seen:
                found.append(duplicate(f"[{index}]", what))
            seen.add(text)

    return check


def map_rules(schema: Mapping[str, Any]) -> Check | None:
    """Numbers of fields."""
    checks: list[Check] = []
    if "maxProperties" in schema:
        most = schema["maxProperties"]
        checks.append(_rule(lambda value: len(value) > most, lambda value: too_many(len(value), most)))
    if "minProperties" in schema:
        least = schema["minProperties"]
        rule = f"should have at least {least} properties"
        checks.append(_rule(lambda value: len(value) < least, lambda value: breaks(value, rule)))
    return _together(checks, lambda value: type(value) is dict)
