"""A structural schema compiled to a function that finds every broken rule.

Like Kubernetes, and unlike JSON Schema: nothing is looked at inside a value of the wrong type, null breaks no rule of a
nullable field, list types demand unique items, and keywords apply to values of their own type only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from katib_control.apiserver.findings import Finding, Notes, composite, required, unsupported, wrong_type
from katib_control.apiserver.object_meta import OBJECT_META
from katib_control.apiserver.value_rules import list_rules, map_rules, number_rules, same, string_rules

Check = Callable[[Any, "Notes[Finding]"], None]
Lookup = Callable[[str], "Check | None"]

_TYPES: dict[str, Callable[[Any], bool]] = {
    "object": lambda value: type(value) is dict,
    "array": lambda value: type(value) is list,
    "string": lambda value: type(value) is str,
    "boolean": lambda value: type(value) is bool,
    "integer": lambda value: type(value) is int or (type(value) is float and value.is_integer()),
    "number": lambda value: type(value) is int or type(value) is float,
}
_INT_OR_STRING = "integer,string"
# What a schema may say without demanding anything but a type.
_WORDLESS = frozenset({"type", "description", "title", "default", "example", "nullable"})


def compile_check(schema: Mapping[str, Any], lookup: Lookup, *, root: bool = False) -> Check | None:
    """Return the checking function of a schema; None when every value is valid.

    ``lookup`` gives the function of a named definition (``$ref``), when it is first needed.
    """
    if "$ref" in schema:
        return _reference(schema["$ref"], lookup)
    checks = [check for check in _parts(schema, lookup, root) if check is not None]
    type_name, has_type = _type_of(schema)
    nullable = bool(schema.get("nullable"))
    if has_type is None and len(checks) <= 1 and not nullable:
        return checks[0] if checks else None

    def check(value: Any, found: Notes[Finding]) -> None:
        if value is None and nullable:
            return
        if has_type is not None and not has_type(value):
            found.append(wrong_type(type_name, value))
            return
        for each in checks:
            each(value, found)

    return check


def _reference(name: str, lookup: Lookup) -> Check:
    def check(value: Any, found: Notes[Finding]) -> None:
        inner = lookup(name)
        if inner is not None:
            inner(value, found)

    return check


def _type_of(schema: Mapping[str, Any]) -> tuple[str, Callable[[Any], bool] | None]:
    if schema.get("x-kubernetes-int-or-string"):
        return _INT_OR_STRING, lambda value: type(value) is str or _TYPES["integer"](value)
    name = schema.get("type", "")
    return name, _TYPES.get(name)


def _parts(schema: Mapping[str, Any], lookup: Lookup, root: bool) -> list[Check | None]:
    embedded = bool(schema.get("x-kubernetes-embedded-resource"))
    return [
        _enum(schema),
        string_rules(schema),
        number_rules(schema),
        _items(schema, lookup),
        list_rules(schema),
        _fields(schema, lookup, metadata=root or embedded),
        map_rules(schema),
        _embedded if embedded else None,
        *_composites(schema, lookup),
    ]


def _enum(schema: Mapping[str, Any]) -> Check | None:
    if "enum" not in schema:
        return None
    allowed = list(schema["enum"])

    def check(value: Any, found: Notes[Finding]) -> None:
        if not any(same(value, item) for item in allowed):
            found.append(unsupported(value, allowed))

    return check


def _plain_fields(properties: Mapping[str, Mapping[str, Any]]) -> dict[str, type]:
    """Return the fields that demand nothing but a class."""
    classes = {"string": str, "boolean": bool}
    return {
        name: classes[schema["type"]]
        for name, schema in properties.items()
        if schema.get("type") in classes and schema.keys() <= _WORDLESS
    }


def _move(found: Notes[Finding], start: int, step: str) -> None:
    for position in range(start, len(found)):
        found[position].under(step)


def _items(schema: Mapping[str, Any], lookup: Lookup) -> Check | None:
    inner = compile_check(schema["items"], lookup) if isinstance(schema.get("items"), Mapping) else None
    if inner is None:
        return None

    def check(value: Any, found: Notes[Finding]) -> None:
        if type(value) is list:
            for index, item in enumerate(value):
                before = len(found)
                inner(item, found)
                if len(found) != before:
                    _move(found, before, f"[{index}]")

    return check


@lru_cache(maxsize=1)
def _metadata() -> Check | None:
    return compile_check(OBJECT_META, lambda name: None)


def _children(properties: Mapping[str, Any], lookup: Lookup, metadata: bool) -> dict[str, Check | None]:
    children = {name: compile_check(inner, lookup) for name, inner in properties.items()}
    if metadata:
        children["metadata"] = _both(_metadata(), children.get("metadata"))
    return children


def _fields(schema: Mapping[str, Any], lookup: Lookup, *, metadata: bool) -> Check | None:
    properties = schema.get("properties", {})
    rest = schema.get("additionalProperties")
    others = compile_check(rest, lookup) if isinstance(rest, Mapping) else None
    children = _children(properties, lookup, metadata)
    plain = _plain_fields(properties)
    demanded = tuple(schema.get("required", ()))
    if others is None and not demanded and not any(children.values()):
        return None

    def check(value: Any, found: Notes[Finding]) -> None:
        if type(value) is not dict:
            return
        for name in demanded:
            if name not in value:
                found.append(required(name))
        known = found.known
        for name, item in value.items():
            # Most fields are texts of which any is right.
            if plain.get(name) is type(item) or id(item) in known:
                continue
            inner = children.get(name, others)
            if inner is not None:
                before = len(found)
                inner(item, found)
                if len(found) != before:
                    _move(found, before, name)

    return check


def _both(first: Check | None, second: Check | None) -> Check | None:
    if first is None or second is None:
        return first or second

    def check(value: Any, found: Notes[Finding]) -> None:
        first(value, found)
        second(value, found)

    return check


def _embedded(value: Any, found: Notes[Finding]) -> None:
    """An embedded resource says what it is."""
    if type(value) is dict:
        found.extend(required(name, "must not be empty") for name in ("apiVersion", "kind") if not value.get(name))


def _passes(check: Check | None, value: Any) -> bool:
    found: Notes[Finding] = Notes()
    if check is not None:
        check(value, found)
    return not found


def _composites(schema: Mapping[str, Any], lookup: Lookup) -> list[Check]:
    checks: list[Check] = []
    if "allOf" in schema:
        checks += [inner for inner in (compile_check(item, lookup) for item in schema["allOf"]) if inner is not None]
    if "anyOf" in schema:
        checks.append(_any_of([compile_check(item, lookup) for item in schema["anyOf"]]))
    if "oneOf" in schema:
        checks.append(_one_of([compile_check(item, lookup) for item in schema["oneOf"]]))
    if "not" in schema:
        checks.append(_not(compile_check(schema["not"], lookup)))
    return checks


def _any_of(inners: list[Check | None]) -> Check:
    def check(value: Any, found: Notes[Finding]) -> None:
        if not any(_passes(inner, value) for inner in inners):
            found.append(composite("must validate at least one schema (anyOf)"))

    return check


def _one_of(inners: list[Check | None]) -> Check:
    def check(value: Any, found: Notes[Finding]) -> None:
        valid = sum(_passes(inner, value) for inner in inners)
        if valid != 1:
            many = f"Found {valid} valid alternatives" if valid else "Found none valid"
            found.append(composite(f"must validate one and only one schema (oneOf). {many}"))

    return check


def _not(inner: Check | None) -> Check:
    def check(value: Any, found: Notes[Finding]) -> None:
        if _passes(inner, value):
            found.append(composite("must not validate the schema (not)"))

    return check
