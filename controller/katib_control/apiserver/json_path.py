"""The JSONPath of printer columns: ``.spec.foo``, ``['a.b']``, ``[0]``, ``[-1:]``, ``[*]``, ``[?(@.type=="Ready")]``.

Kubernetes' dialect, not RFC 9535. A path that leads nowhere has no values.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any

Step = Callable[[Any], Iterable[Any]]

_TOKEN = re.compile(
    r"""
      (?P<all> \[\*\] | \.\* )
    | \. (?P<name> (?: \\. | [^.\[\]\\] )+ )
    | \[' (?P<quoted> (?: \\. | [^'] )* ) '\]
    | \[\?\( (?P<filter> .*? ) \)\]
    | \[ (?P<index> -?\d+ ) \]
    | \[ (?P<slice> -?\d*:-?\d*(?::-?\d*)? ) \]
    """,
    re.DOTALL | re.VERBOSE,
)
_FILTER = re.compile(r"\s*@(?P<path>[^\s=!<>]*)\s*(?:(?P<op>==|!=|<=|>=|<|>)\s*(?P<value>.+?)\s*)?", re.DOTALL)
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "==": lambda left, right: left == right,
    "!=": lambda left, right: left != right,
    "<=": lambda left, right: left <= right,
    ">=": lambda left, right: left >= right,
    "<": lambda left, right: left < right,
    ">": lambda left, right: left > right,
}


class BadPath(ValueError):
    """A path that is none of the dialect."""


@lru_cache(maxsize=512)
def compile_path(path: str) -> Callable[[Any], list[Any]]:
    """Return the function that finds the values of a path in an object; raise BadPath."""
    steps: list[Step] = []
    position = 0
    while position < len(path):
        token = _TOKEN.match(path, position)
        if token is None:
            raise BadPath(f"cannot read {path[position:]!r} of the JSON path {path!r}")
        steps.append(_step(token))
        position = token.end()

    def find(obj: Any) -> list[Any]:
        values = [obj]
        for step in steps:
            values = [found for value in values for found in step(value)]
        return values

    return find


def _step(token: re.Match[str]) -> Step:
    if token["all"]:
        return _every
    if token["index"] is not None:
        return _at(int(token["index"]))
    if token["slice"] is not None:
        return _range(slice(*(int(part) if part else None for part in token["slice"].split(":"))))
    if token["filter"] is not None:
        return _matching(token["filter"])
    name = re.sub(r"\\(.)", r"\1", token["name"] if token["name"] is not None else token["quoted"])
    return lambda value: [value[name]] if isinstance(value, dict) and name in value else []


def _every(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


def _at(index: int) -> Step:
    def step(value: Any) -> Iterable[Any]:
        return [value[index]] if isinstance(value, list) and -len(value) <= index < len(value) else []

    return step


def _range(span: slice) -> Step:
    return lambda value: value[span] if isinstance(value, list) else []


def _matching(text: str) -> Step:
    found = _FILTER.fullmatch(text)
    if found is None:
        raise BadPath(f"cannot read the filter {text!r}")
    find = compile_path(found["path"])
    if found["op"] is None:
        return lambda value: [item for item in value if find(item)] if isinstance(value, list) else []
    wanted, compare = _literal(found["value"]), _COMPARE[found["op"]]

    def holds(item: Any) -> bool:
        try:
            return any(compare(value, wanted) for value in find(item))
        except TypeError:
            return False

    return lambda value: list(filter(holds, value)) if isinstance(value, list) else []


def _literal(text: str) -> Any:
    if len(text) > 1 and text[0] == text[-1] == "'":
        return text[1:-1]
    try:
        return json.loads(text)
    except ValueError as error:
        raise BadPath(f"cannot read the value {text!r}") from error
