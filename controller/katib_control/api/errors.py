"""What is wrong with an object: one error per field, all of them at once.

KatibError                  everything this package tree raises on purpose
├── InvalidObject           an object breaks rules; carries every FieldError
├── ExpressionError         a success or failure condition cannot be parsed or evaluated
└── TemplateError           a trial template cannot be rendered
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

Reason = Literal[
    "FieldValueInvalid",
    "FieldValueRequired",
    "FieldValueNotSupported",
    "FieldValueDuplicate",
    "FieldValueForbidden",
    "FieldValueTypeInvalid",
    "FieldValueNotFound",
]

_SHOWN = 120  # characters of a value in a message


class KatibError(Exception):
    """Base of every error that is raised on purpose; the message is one line for users."""


@dataclass(frozen=True)
class FieldError:
    """One broken rule: where (``spec.parameters[0].feasibleSpace.min``), the value, and the rule with its remedy."""

    field: str
    rule: str
    value: Any = dataclasses.field(default=None, hash=False)
    reason: Reason = "FieldValueInvalid"

    def __str__(self) -> str:
        """One line: field, rule, value."""
        shown = "" if self.value is None else f" (got {_short(repr(self.value))})"
        return f"{self.field}: {self.rule}{shown}" if self.field else f"{self.rule}{shown}"


def _short(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."


class InvalidObject(KatibError):
    """An object that breaks at least one rule."""

    def __init__(self, errors: Iterable[FieldError], what: str = "") -> None:
        self.errors = tuple(errors)
        self.what = what
        lines = "; ".join(map(str, self.errors))
        super().__init__(f"{what}: {lines}" if what else lines)


class ExpressionError(KatibError):
    """A success or failure condition that cannot be parsed, or whose answer cannot be used."""


class TemplateError(KatibError):
    """A trial template that cannot be turned into a run object."""
