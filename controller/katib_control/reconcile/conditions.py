"""Editing a list of conditions: the state that users read is always the last entry."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from katib_control.api.conditions import find, put
from katib_control.api.model import Condition


class Conditions:
    """A list of conditions being edited at one moment."""

    def __init__(self, items: Sequence[Condition], now: datetime) -> None:
        self.items = list(items)
        self._now = now

    def has(self, kind: str) -> bool:
        """Tell whether there is an entry of the type, whatever its status."""
        return find(self.items, kind) is not None

    def put(self, kind: str, reason: str, message: str, *, status: str = "True") -> None:
        """Set a condition, by Katib's order."""
        fresh = Condition(type=kind, status=status, reason=reason, message=message)
        self.items = put(self.items, fresh, self._now)

    def stop_running(self, reason: str, message: str) -> None:
        """Set Running to False, if there is such a condition."""
        if self.has("Running"):
            self.put("Running", reason, message, status="False")

    def move_last(self, kind: str) -> None:
        """Make the entry of this type the last: what somebody else has set stays the state."""
        found = find(self.items, kind)
        if found is not None and self.items[-1] is not found:
            self.items = [*(item for item in self.items if item is not found), found]


def without(items: Sequence[Condition], kinds: Sequence[str]) -> list[Condition]:
    """Return the list without entries of these types."""
    return [item for item in items if item.type not in kinds]
