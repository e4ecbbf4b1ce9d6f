"""Which stored objects their schema has accepted, and with them the parts of a change that need no second look.

An object is written far more often than most of it changes: a status again and again over the same spec. What is the
very same value as in an object that this schema has pruned and validated is right. Kept in memory: after a restart, or
when a CustomResourceDefinition changes, the next write looks at everything once.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from katib_control.apiserver.changes import Key
from katib_control.apiserver.types import Schema, ServedType

_REMEMBERED = 4096
_NOTHING: frozenset[int] = frozenset()


class Accepted:
    """By key, the version and the schema that accepted it. Any thread; a lost note costs a look."""

    def __init__(self) -> None:
        self._notes: dict[Key, tuple[int, Schema]] = {}

    def note(self, key: Key, obj: dict[str, Any], served: ServedType) -> None:
        """Remember an object that was just stored as it was conformed and checked."""
        if served.schema is None or served.storage_version not in ("", served.resource.version):
            return  # what is stored in another version was checked by another schema than the one that reads it
        self._notes.pop(key, None)
        self._notes[key] = int(obj["metadata"]["resourceVersion"]), served.schema
        if len(self._notes) > _REMEMBERED:
            self._forget_oldest()

    def known(self, key: Key, version: int, obj: dict[str, Any], served: ServedType) -> Collection[int]:
        """Return the ids of the maps and lists in the stored object, two levels deep, that its schema has accepted."""
        if served.schema is None or self._notes.get(key) != (version, served.schema):
            return _NOTHING
        found = set()
        for part in obj.values():
            if type(part) is dict:
                found.add(id(part))
                found.update(id(item) for item in part.values() if type(item) in (dict, list))
        return found

    def _forget_oldest(self) -> None:
        try:
            self._notes.pop(next(iter(self._notes)), None)
        except (RuntimeError, StopIteration):
            return  # another thread was about to do the same
