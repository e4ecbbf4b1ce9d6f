"""A structural schema compiled to a function that drops what the schema does not know.

As the Kubernetes API server does before it stores: unknown fields go (and are told), null goes where a field is not
nullable and has no default. Nothing is copied that stays as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from katib_control.apiserver.findings import Notes
from katib_control.apiserver.object_meta import OBJECT_META, ROOT_FIELDS

#: (value, list that takes the paths of unknown fields) -> value
Prune = Callable[[Any, "Notes[str]"], Any]
Lookup = Callable[[str], "Prune | None"]

_UNKNOWN = object()
_DROPPED = object()


def compile_prune(schema: Mapping[str, Any], lookup: Lookup, *, root: bool = False) -> Prune | None:
    """Return the pruning function of a schema; None when there is never anything to prune.

    ``lookup`` gives the function of a named definition (``$ref``), when it is first needed. At the root of an object
    and at embedded resources apiVersion, kind and metadata are known without being listed.
    """
    if "$ref" in schema:
        return _reference(schema["$ref"], lookup)
    if schema.get("format") == "quantity":
        return _quantity
    if schema.get("type") == "array" and "items" in schema:
        return _items(compile_prune(schema["items"], lookup))
    if schema.get("type") == "object" or "properties" in schema or root:
        return _object(schema, lookup, root)
    return None


def _reference(name: str, lookup: Lookup) -> Prune:
    def prune(value: Any, unknown: Notes[str]) -> Any:
        inner = lookup(name)
        return value if inner is None else inner(value, unknown)

    return prune


def _quantity(value: Any, unknown: Notes[str]) -> Any:
    """Numbers are stored as strings, as a real server does (``cpu: 2`` is read back as ``"2"``)."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return value
    return str(value)


def _items(inner: Prune | None) -> Prune | None:
    if inner is None:
        return None

    def prune(value: Any, unknown: Notes[str]) -> Any:
        if type(value) is not list:
            return value
        changed = None
        for index, item in enumerate(value):
            before = len(unknown)
            new = inner(item, unknown)
            if len(unknown) != before:  # only then is the path worth writing
                _prefix(unknown, before, f"[{index}]")
            if new is not item:
                changed = list(value) if changed is None else changed
                changed[index] = new
        return value if changed is None else changed

    return prune


def _prefix(unknown: Notes[str], start: int, step: str) -> None:
    for position in range(start, len(unknown)):
        rest = unknown[position]
        unknown[position] = step + rest if rest.startswith("[") else f"{step}.{rest}"


_SPARSE = ("labels", "annotations", "finalizers", "ownerReferences")


@lru_cache(maxsize=1)
def _metadata() -> Prune:
    plain = compile_prune(OBJECT_META, lambda name: None)
    assert plain is not None

    def prune(value: Any, unknown: Notes[str]) -> Any:
        """Empty maps and lists of metadata are not stored: the last label is taken away, and so are the labels."""
        value = plain(value, unknown)
        if type(value) is dict:
            for name in _SPARSE:
                if name in value and not value[name]:
                    return {key: item for key, item in value.items() if key not in _SPARSE or item}
        return value

    return prune


def _object(schema: Mapping[str, Any], lookup: Lookup, root: bool) -> Prune | None:
    rest = schema.get("additionalProperties")
    if isinstance(rest, Mapping) and rest:
        return _members(rest, lookup)
    properties: dict[str, Any] = dict(schema.get("properties", {}))
    children = {name: compile_prune(inner, lookup) for name, inner in properties.items()}
    nulls = {name for name, inner in properties.items() if inner.get("nullable") or "default" in inner}
    if root or schema.get("x-kubernetes-embedded-resource"):
        children |= dict.fromkeys(ROOT_FIELDS) | {"metadata": _metadata()}
    keeps = bool(schema.get("x-kubernetes-preserve-unknown-fields")) or rest is True or rest == {}
    if keeps and not children:
        return None
    return _fields(children, nulls, keeps)


def _inside(child: Prune, item: Any, step: str, unknown: Notes[str]) -> Any:
    before = len(unknown)
    new = child(item, unknown)
    if len(unknown) != before:
        _prefix(unknown, before, step)
    return new


def _fields(children: dict[str, Prune | None], nulls: set[str], keeps: bool) -> Prune:
    others: Any = None if keeps else _UNKNOWN
    dropped_nulls = children.keys() - nulls

    def prune(value: Any, unknown: Notes[str]) -> Any:
        if type(value) is not dict:
            return value
        changed = None
        known = unknown.known
        for name, item in value.items():
            child: Any = children.get(name, others)
            if item is not None and (child is None or id(item) in known):
                continue
            new = item
            if child is _UNKNOWN:
                unknown.append(name)
                new = _DROPPED
            elif item is None:
                new = _DROPPED if name in dropped_nulls else None
            elif child is not None:
                new = _inside(child, item, name, unknown)
            if new is not item:
                changed = _put(dict(value) if changed is None else changed, name, new)
        return value if changed is None else changed

    return prune


def _put(fields: dict[str, Any], name: str, value: Any) -> dict[str, Any]:
    if value is _DROPPED:
        del fields[name]
    else:
        fields[name] = value
    return fields


def _members(schema: Mapping[str, Any], lookup: Lookup) -> Prune | None:
    """Return the function of a map: every value by the same schema."""
    child = compile_prune(schema, lookup)
    drops_null = not (schema.get("nullable") or "default" in schema)

    def prune(value: Any, unknown: Notes[str]) -> Any:
        if type(value) is not dict:
            return value
        changed = None
        for name, item in value.items():
            new = item
            if item is None:
                new = _DROPPED if drops_null else None
            elif child is not None:
                new = _inside(child, item, name, unknown)
            if new is not item:
                changed = _put(dict(value) if changed is None else changed, name, new)
        return value if changed is None else changed

    return prune
