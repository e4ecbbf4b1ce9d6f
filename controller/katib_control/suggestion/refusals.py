"""How a refusal crosses the wire: INVALID_ARGUMENT, every broken field in words and once more for programs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from katib_control.api.errors import FieldError, InvalidObject
from katib_control.api.experiment import Experiment
from katib_control.api.validation.objective import check_objective

ERRORS_KEY = "katib-errors-bin"
"""Trailing metadata: a JSON list of field, rule, value and reason."""

NOTE_KEY = "katib-note"
"""Trailing metadata: what is to be known of an answer."""

_MOST_TEXT = 4000  # bytes of one entry of metadata; many clients take no more than 8 kB in all


def objective_faults(experiment: Experiment) -> list[FieldError]:
    """Return what is wrong with the objective as far as a search cares.

    Its type may be left out (that is minimize), and so may its metric's name, which every Trial carries as well.
    """
    objective = experiment.spec.objective
    if objective is None:
        return list(check_objective(None))
    return [error for error in check_objective(objective) if ".additionalObjectives" in error.field]


def asks_about_settings_alone(experiment: Experiment) -> bool:
    """Whether neither space nor objective is given: such a request asks whether settings are valid."""
    spec = experiment.spec
    return not spec.parameters and spec.objective is None and spec.nas_config is None


def about_settings(errors: Iterable[FieldError]) -> list[FieldError]:
    """Return those errors that name the algorithm or its settings."""
    return [error for error in errors if error.field.startswith("spec.algorithm")]


def in_words(errors: Sequence[FieldError]) -> str:
    """Return all errors in one line; the last are only counted where they would not fit."""
    told: list[str] = []
    for position, error in enumerate(errors):
        text = "; ".join([*told, str(error)])
        if told and len(text.encode()) > _MOST_TEXT:
            return f"{'; '.join(told)}; and {len(errors) - position} more"
        told.append(str(error))
    return "; ".join(told)


def to_bytes(errors: Sequence[FieldError]) -> bytes:
    """Return as many errors as fit, for ``from_bytes``."""
    items = [[error.field, error.rule, _plain(error.value), error.reason] for error in errors]
    while len(encoded := json.dumps(items).encode()) > _MOST_TEXT and items:
        items.pop()
    return encoded


def from_bytes(encoded: bytes) -> InvalidObject | None:
    """Return the errors; None where these are not ours."""
    try:
        return InvalidObject(
            FieldError(field, rule, value, reason) for field, rule, value, reason in json.loads(encoded)
        )
    except (ValueError, TypeError):
        return None


def ascii_line(text: str) -> str:
    """Return the text as metadata can carry it."""
    return text.encode("ascii", "replace").decode().replace("\n", " ")[:_MOST_TEXT]


def _plain(value: object) -> object:
    return value if value is None or isinstance(value, str | int | float | bool) else repr(value)
