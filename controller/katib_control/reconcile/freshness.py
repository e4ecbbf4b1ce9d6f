"""Not acting on what is known to be out of date: what was written here must be seen before the next decision.

Kept in memory only. After a restart the informers list anew, and there is nothing to wait for.
"""

from __future__ import annotations

import threading
from collections.abc import Hashable, Iterable
from typing import Any

from katib_control.runtime.clock import Monotonic, monotonic

PATIENCE = 5.0
"""Seconds after which a missing echo is no longer waited for."""


class Versions:
    """The resourceVersions last written, by object."""

    def __init__(self) -> None:
        self._written: dict[str, str] = {}

    def wrote(self, obj: dict[str, Any] | None) -> None:
        """Remember what ``apply`` has returned."""
        if obj is not None:
            self._written[obj["metadata"]["uid"]] = obj["metadata"]["resourceVersion"]

    def own(self, uid: str, version: str) -> bool:
        """Tell whether this version is the very one that was written last: an echo, and no news."""
        return self._written.get(uid) == version

    def stale(self, uid: str, version: str) -> bool:
        """Tell whether this version of the object is older than the one written last."""
        written = self._written.get(uid)
        if written is None or written == version:
            return False
        if written.isdigit() and version.isdigit() and int(version) < int(written):
            return True
        self._written.pop(uid, None)
        return False

    def forget(self, uid: str) -> None:
        """The object is gone."""
        self._written.pop(uid, None)


class Expected:
    """Things that were done and whose echo is awaited, for a few seconds at most."""

    def __init__(self, now: Monotonic = monotonic) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._until: dict[Hashable, float] = {}

    def add(self, keys: Iterable[Hashable]) -> None:
        """Await these from now on."""
        until = self._now() + PATIENCE
        with self._lock:
            self._until.update((key, until) for key in keys)

    def waiting(self, key: Hashable) -> bool:
        """Tell whether the key is still awaited."""
        until = self._until.get(key)
        if until is not None and self._now() >= until:
            self.drop(key)
            return False
        return until is not None

    def drop(self, key: Hashable) -> None:
        """It has been seen, or nobody waits for it any more."""
        with self._lock:
            self._until.pop(key, None)
