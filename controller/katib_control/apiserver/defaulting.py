"""A structural schema compiled to a function that fills in its defaults.

A default is taken where a field is absent, or null without being nullable; then defaulting goes on inside it.
Nothing is copied that stays as it is.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

Default = Callable[[Any], Any]
Lookup = Callable[[str], "Default | None"]


def compile_default(schema: Mapping[str, Any], lookup: Lookup) -> Default | None:
    """Return the defaulting function of a schema; None when it holds no default."""
    if "$ref" in schema:
        return _reference(schema["$ref"], lookup)
    if schema.get("type") == "array" and "items" in schema:
        return _items(compile_default(schema["items"], lookup))
    rest = schema.get("additionalProperties")
    if isinstance(rest, Mapping) and rest:
        return _members(rest, lookup)
    return _object(schema.get("properties", {}), lookup)


def _reference(name: str, lookup: Lookup) -> Default:
    def default(value: Any) -> Any:
        inner = lookup(name)
        return value if inner is None else inner(value)

    return default


def _maker(value: Any) -> Callable[[], Any]:
    """Return what makes a fresh copy of a default, so that no two objects share one."""
    if isinstance(value, (dict, list)):
        text = json.dumps(value)
        return lambda: json.loads(text)
    return lambda: value


def _items(inner: Default | None) -> Default | None:
    if inner is None:
        return None

    def default(value: Any) -> Any:
        if type(value) is not list:
            return value
        new = [inner(item) for item in value]
        return new if any(a is not b for a, b in zip(new, value, strict=True)) else value

    return default


def _members(schema: Mapping[str, Any], lookup: Lookup) -> Default | None:
    inner = compile_default(schema, lookup)
    make = _maker(schema["default"]) if "default" in schema else None
    if inner is None and make is None:
        return None
    fills_null = make is not None and not schema.get("nullable")

    def default(value: Any) -> Any:
        if type(value) is not dict:
            return value
        new = {}
        for name, item in value.items():
            filled = make() if make is not None and item is None and fills_null else item
            new[name] = filled if inner is None else inner(filled)
        return new if any(new[name] is not item for name, item in value.items()) else value

    return default


def _object(properties: Mapping[str, Mapping[str, Any]], lookup: Lookup) -> Default | None:
    makers = [
        (name, _maker(inner["default"]), bool(inner.get("nullable")))
        for name, inner in properties.items()
        if "default" in inner
    ]
    compiled = ((name, compile_default(inner, lookup)) for name, inner in properties.items())
    inners = [(name, inner) for name, inner in compiled if inner is not None]
    if not makers and not inners:
        return None

    def default(value: Any) -> Any:
        if type(value) is not dict:
            return value
        changed = None
        for name, make, nullable in makers:
            if name not in value or (value[name] is None and not nullable):
                changed = dict(value) if changed is None else changed
                changed[name] = make()
        for name, inner in inners:
            current = value if changed is None else changed
            if name in current:
                item = current[name]
                new = inner(item)
                if new is not item:
                    changed = dict(value) if changed is None else changed
                    changed[name] = new
        return value if changed is None else changed

    return default
