"""Which algorithms and collectors a control plane has."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from katib_control.api.errors import FieldError
from katib_control.api.template import near


@dataclass(frozen=True, kw_only=True)
class Installed:
    """Names by sort; None: every name is taken as known, because somebody else checks it."""

    algorithms: Collection[str] | None = None
    early_stopping: Collection[str] | None = None
    collectors: Collection[str] | None = None


ANYTHING = Installed()


def one_of(field: str, value: str, known: Collection[str]) -> FieldError:
    """Return the error of a value that is none of those known; the rule says the nearest."""
    rule = f"must be one of {', '.join(known)}" if known else "nothing of this sort is installed"
    hint = near(value, known)
    rule = f"{rule}; {hint}" if value and hint.startswith("did") else rule
    if not value:
        return FieldError(field, rule, None, "FieldValueRequired")
    return FieldError(field, rule, value, "FieldValueNotSupported")
