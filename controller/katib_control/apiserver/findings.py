"""What a check of a value finds, and the words of a Kubernetes API server for it."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from typing import Any, TypeVar

from katib_control.api.errors import FieldError, Reason

T = TypeVar("T")
Text = Callable[[str], str]


class Notes(list[T]):
    """What is found in one object. ``known`` are the ids of maps and lists in it that need not be looked at."""

    known: Collection[int] = frozenset()


class Finding:
    """One broken rule. The path grows from the inside out, so that a valid object costs no path at all."""

    __slots__ = ("path", "reason", "text")

    def __init__(self, reason: Reason, text: Text | str, path: str = "") -> None:
        self.reason: Reason = reason
        self.text = text
        self.path = path

    def under(self, step: str) -> None:
        """Move the finding below a field name or an index (``[0]``)."""
        if not self.path:
            self.path = step
        elif self.path.startswith("["):
            self.path = step + self.path
        else:
            self.path = f"{step}.{self.path}"

    def error(self) -> FieldError:
        """Return the error with its whole text, now that the path is known."""
        text = self.text if isinstance(self.text, str) else self.text(self.path)
        return FieldError(self.path, text, reason=self.reason)


def shown(value: Any) -> str:
    """Write a value as field errors do: strings quoted, numbers plain, the rest as JSON."""
    if value is None:
        return "null"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def kind_of(value: Any) -> str:
    """Return the JSON type of a value, as schemas name it."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    for types, name in (((str,), "string"), ((int,), "integer"), ((float,), "number"), ((dict,), "object")):
        if isinstance(value, types):
            return name
    return "array"


def wrong_type(expected: str, value: Any) -> Finding:
    """``Invalid value: "string": spec.foo in body must be of type integer: "string"``."""
    got = kind_of(value)
    return Finding(
        "FieldValueTypeInvalid",
        lambda path: f'Invalid value: "{got}": {path} in body must be of type {expected}: "{got}"',
    )


def wrong_format(name: str, value: str) -> Finding:
    """``Invalid value: "x": spec.t in body must be of type date-time: "x"``."""
    text = shown(value)
    return Finding(
        "FieldValueTypeInvalid", lambda path: f"Invalid value: {text}: {path} in body must be of type {name}: {text}"
    )


def breaks(value: Any, rule: str) -> Finding:
    """``Invalid value: 0: spec.n in body should be greater than or equal to 1``."""
    return Finding("FieldValueInvalid", lambda path: f"Invalid value: {shown(value)}: {path} in body {rule}")


def invalid(value: Any, detail: str, path: str = "") -> Finding:
    """``Invalid value: "x": detail``."""
    return Finding("FieldValueInvalid", f"Invalid value: {shown(value)}: {detail}", path)


def composite(rule: str) -> Finding:
    """``Invalid value: "": "spec.foo" must validate at least one schema (anyOf)``."""
    return Finding("FieldValueInvalid", lambda path: f'Invalid value: "": "{path}" {rule}')


def required(path: str, detail: str = "") -> Finding:
    """``Required value``."""
    return Finding("FieldValueRequired", "Required value" + (f": {detail}" if detail else ""), path)


def duplicate(path: str, value: Any) -> Finding:
    """``Duplicate value: "a"``."""
    return Finding("FieldValueDuplicate", f"Duplicate value: {shown(value)}", path)


def unsupported(value: Any, allowed: list[Any], path: str = "") -> Finding:
    """``Unsupported value: "x": supported values: "a", "b"``."""
    names = ", ".join(json.dumps(item if isinstance(item, str) else json.dumps(item)) for item in allowed)
    return Finding("FieldValueNotSupported", f"Unsupported value: {shown(value)}: supported values: {names}", path)


def too_long(limit: int) -> Finding:
    """``Too long: may not be more than 5 bytes``."""
    return Finding("FieldValueInvalid", f"Too long: may not be more than {limit} bytes")


def too_many(actual: int, limit: int) -> Finding:
    """``Too many: 3: must have at most 2 items``."""
    return Finding("FieldValueInvalid", f"Too many: {actual}: must have at most {limit} items")
