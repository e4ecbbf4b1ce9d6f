"""Katib's success and failure conditions: the part of the GJSON language that they need.

    status.conditions.#(type=="Complete")#|#(status=="True")#     every element that passes both queries
    status.[@this].#(phase=="Succeeded")#                         an object put into an array, to be able to query it

Keys (``\\`` escapes, ``*`` and ``?``), array indexes, ``#``, queries with ``== != < <= > >= % !%``, pipes, ``[a,b]``
and ``{k:a}``, ``@this @reverse @keys @values @flatten``. What GJSON would quietly take as "no match", such as ``&&`` in
a query, is refused with a remedy. An expression is parsed once and kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from katib_control.api.errors import ExpressionError
from katib_control.api.gjson_parser import parse_path
from katib_control.api.gjson_path import MISSING, Path, evaluate

__all__ = ["MISSING", "Expression", "matched", "parse"]


@dataclass(frozen=True)
class Expression:
    """A parsed expression and the text that it was."""

    text: str
    path: Path

    def evaluate(self, value: Any) -> Any:
        """Return what the expression selects in a JSON value, or MISSING."""
        return evaluate(self.path, value)


@lru_cache(maxsize=1024)
def parse(text: str) -> Expression:
    """Parse an expression; raise ExpressionError that says what is wrong and what to write."""
    if not text.strip():
        raise ExpressionError("condition expression is empty: write one such as " + 'status.#(phase=="Done")')
    return Expression(text, parse_path(text))


def matched(value: Any) -> dict[str, Any] | None:
    """Return the object that makes a condition hold: the value itself, or an array's first element; None: no match.

    Raises ExpressionError where the answer cannot be used: an array of other things, a ``reason`` or ``message`` that
    is not a string. Strings, numbers and booleans never match.
    """
    if isinstance(value, list) and value:
        value = value[0]
        if not isinstance(value, dict):
            raise ExpressionError(
                f'condition selects {value!r}: select objects, by a query such as #(type=="Complete")#'
            )
    if not isinstance(value, dict):
        return None
    for name in ("reason", "message"):
        if not isinstance(value.get(name), str | None):
            raise ExpressionError(f"condition selects an object whose {name} is not a string: {value[name]!r}")
    return value
