"""What a condition expression does to a JSON value: the steps that ``gjson`` parses, and walking them.

Values are what ``json.loads`` gives. Nothing here raises: a step that does not fit its value yields MISSING.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final


class Missing(Enum):
    """The type of MISSING."""

    MISSING = "missing"

    def __bool__(self) -> bool:
        """Nothing is false."""
        return False


MISSING: Final = Missing.MISSING
"""The answer of a path that leads nowhere; JSON null is a value and not this."""


@dataclass(frozen=True)
class Key:
    """A member of an object, or the index of an array element. ``pattern`` where the name has wildcards."""

    name: str
    pattern: re.Pattern[str] | None = None


@dataclass(frozen=True)
class Count:
    """``#``: the length of an array; with ``each`` (``#.path``): that path of every element."""

    each: Path = ()


@dataclass(frozen=True)
class Query:
    """``#(path op value)`` (first match) or ``#(...)#`` (all), then ``each`` of what matched; no ``op``: exists."""

    path: Path
    op: str
    value: str
    all: bool
    each: Path = ()


@dataclass(frozen=True)
class Modifier:
    """``@name`` with its argument."""

    name: str
    deep: bool = False


@dataclass(frozen=True)
class Select:
    """``[a,b]`` or ``{k:a}``: an array or object put together from several paths; names are None in an array."""

    members: tuple[tuple[str | None, Path], ...]
    is_object: bool


Step = Key | Count | Query | Modifier | Select
Path = tuple[tuple[Step, ...], ...]
"""Segments that pipes (``|``) join; each is a chain of steps."""


def evaluate(path: Path, value: Any) -> Any:
    """Return what the path selects, or MISSING."""
    for segment in path:
        value = _walk(segment, value)
    return value


def _walk(steps: tuple[Step, ...], value: Any) -> Any:
    for index, step in enumerate(steps):
        if isinstance(step, Key) and step.pattern is not None and isinstance(value, dict):
            return _first_of(step.pattern, steps[index + 1 :], value)
        value = _APPLY[type(step)](step, value)
        if value is MISSING:
            break
    return value


def _first_of(pattern: re.Pattern[str], rest: tuple[Step, ...], value: dict[str, Any]) -> Any:
    """Try members that match, in their order, until the rest of the chain leads somewhere."""
    found = (_walk(rest, member) for name, member in value.items() if pattern.fullmatch(name))
    return next((item for item in found if item is not MISSING), MISSING)


def _key(step: Key, value: Any) -> Any:
    if isinstance(value, dict):
        return value.get(step.name, MISSING)
    if isinstance(value, list) and step.name.isascii() and step.name.isdigit() and int(step.name) < len(value):
        return value[int(step.name)]
    return MISSING


def _count(step: Count, value: Any) -> Any:
    if isinstance(value, list):
        return _each(step.each, iter(value)) if step.each else len(value)
    return evaluate(step.each, value.get("#", MISSING)) if isinstance(value, dict) else MISSING


def _query(step: Query, value: Any) -> Any:
    if not isinstance(value, list):
        return MISSING
    matches = (item for item in value if _matches(step, item))
    if step.all:
        return _each(step.each, matches)
    return evaluate(step.each, next(matches, MISSING))


def _each(path: Path, items: Iterator[Any]) -> list[Any]:
    return [found for item in items if (found := evaluate(path, item)) is not MISSING]


def _matches(query: Query, item: Any) -> bool:
    if not query.path:
        value = item
    elif isinstance(item, dict | list):
        value = evaluate(query.path, item)
    else:
        return False
    if value is MISSING or not query.op:
        return value is not MISSING
    if isinstance(value, bool):
        return _compare_bool(query, value)
    if isinstance(value, int | float):
        return _compare_number(query, value)
    return isinstance(value, str) and _compare_text(query, value)


_ORDER: Mapping[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip


def _compare_text(query: Query, value: str) -> bool:
    if query.op in ("%", "!%"):
        return bool(wildcard(query.value).fullmatch(value)) == (query.op == "%")
    return _ORDER[query.op](value, query.value)


def _compare_number(query: Query, value: float) -> bool:
    try:
        wanted = float(query.value)
    except ValueError:
        wanted = 0.0  # as GJSON does with a text that is no number
    return query.op in _ORDER and _ORDER[query.op](value, wanted)


def _compare_bool(query: Query, value: bool) -> bool:
    if query.op == "=":
        return query.value == str(value).lower()
    if query.op == "!=":
        return query.value != str(value).lower()
    # As in GJSON: false sorts before true, and only the other value can be on the far side.
    return query.op in ((">", ">=") if value else ("<", "<=")) and (
        query.op[1:] == "=" or query.value == str(not value).lower()
    )


def wildcard(text: str) -> re.Pattern[str]:
    """Return the pattern for ``*`` (anything), ``?`` (one character) and ``\\`` (the next character as it is)."""
    pattern, index = "", 0
    while index < len(text):
        char = text[index]
        if char == "\\" and index + 1 < len(text):
            index += 1
            pattern += re.escape(text[index])
        else:
            pattern += {"*": ".*", "?": "."}.get(char) or re.escape(char)
        index += 1
    return re.compile(pattern, re.DOTALL)


def _select(step: Select, value: Any) -> Any:
    found = [(name, item) for name, path in step.members if (item := evaluate(path, value)) is not MISSING]
    return dict(found) if step.is_object else [item for _, item in found]


def _modify(step: Modifier, value: Any) -> Any:
    return MODIFIERS[step.name](step, value)


def _reverse(_: Modifier, value: Any) -> Any:
    if isinstance(value, list):
        return value[::-1]
    return dict(reversed(value.items())) if isinstance(value, dict) else value


def _keys(_: Modifier, value: Any) -> Any:
    if isinstance(value, dict):
        return list(value)
    return [None] * len(value) if isinstance(value, list) else [] if value is MISSING else [None]


def _values(_: Modifier, value: Any) -> Any:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else [] if value is MISSING else [value]


def _flatten(step: Modifier, value: Any) -> Any:
    if not isinstance(value, list):
        return value
    flat: list[Any] = []
    for item in value:
        flat.extend((_flatten(step, item) if step.deep else item) if isinstance(item, list) else [item])
    return flat


MODIFIERS: Mapping[str, Callable[[Modifier, Any], Any]] = {
    "this": lambda _, value: value,
    "reverse": _reverse,
    "keys": _keys,
    "values": _values,
    "flatten": _flatten,
}

_APPLY: Mapping[type, Callable[[Any, Any], Any]] = {
    Key: _key, Count: _count, Query: _query, Select: _select, Modifier: _modify,
}  # fmt: skip
