"""Conditions: setting them in Katib's order, and reading the state of an object from them.

The last entry is the current state. A new message alone is an update too: users must see the latest word.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from katib_control.api.model import Condition
from katib_control.api.times import to_wire

EXPERIMENT_FINAL = ("Succeeded", "Failed")
TRIAL_FINAL = ("Killed", "Failed", "Succeeded", "EarlyStopped", "MetricsUnavailable")


def is_true(conditions: Iterable[Condition], kind: str) -> bool:
    """Tell whether an entry of this type has status True."""
    return any(item.type == kind and item.status == "True" for item in conditions)


def find(conditions: Iterable[Condition], kind: str) -> Condition | None:
    """Return the entry of this type, whatever its status."""
    return next((item for item in conditions if item.type == kind), None)


def put(conditions: Sequence[Condition], new: Condition, now: datetime) -> list[Condition]:
    """Return the list with ``new`` at its end.

    Unchanged (same status, reason and message): the same list. Same status and reason with another message: updated in
    its place, the order stays. ``lastTransitionTime`` is kept while the status value stays.
    """
    old = find(conditions, new.type)
    stamp = to_wire(now)
    if old and (old.status, old.reason) == (new.status, new.reason):
        if old.message == new.message:
            return list(conditions)
        fresh = old.but(message=new.message, last_update_time=stamp)
        return [fresh if item is old else item for item in conditions]
    since = old.last_transition_time if old and old.status == new.status else stamp
    fresh = new.but(last_update_time=stamp, last_transition_time=since)
    return [*(item for item in conditions if item.type != new.type), fresh]


def final(conditions: Iterable[Condition], kinds: Sequence[str]) -> str | None:
    """Return the first of ``kinds`` that is True, in the order of ``kinds``."""
    true = {item.type for item in conditions if item.status == "True"}
    return next((kind for kind in kinds if kind in true), None)


def trial_state(conditions: Sequence[Condition]) -> str:
    """Return the one list a Trial belongs to: a final type, ``Running``, or ``Pending``."""
    return final(conditions, (*TRIAL_FINAL[:4], "Running", "MetricsUnavailable")) or "Pending"
