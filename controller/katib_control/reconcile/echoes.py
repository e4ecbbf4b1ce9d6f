"""Who needs to hear of an echo: most changes that a controller sees are its own writes coming back.

A reconcile whose caches are behind its own writes does nothing and waits for the echo, so that echo must bring the key
back at once. All others change nothing that is to be done, and need not wake anybody.
"""

from __future__ import annotations

import threading

from katib_control.runtime.controller import Key, Reconcile


class Echoes:
    """For one controller: which keys wait for an echo. ``heard`` is called by the caches, after they have changed."""

    def __init__(self, reconcile: Reconcile, again: float) -> None:
        self._reconcile, self._again = reconcile, again
        self._lock = threading.Lock()
        self._waiting: set[Key] = set()
        self._count = 0

    def reconcile(self, key: Key) -> float | None:
        """Reconcile; what returns ``again`` waits for an echo, and is repeated at once if one came meanwhile."""
        before = self._count
        with self._lock:
            self._waiting.discard(key)
        after = self._reconcile(key)
        if after != self._again:
            return after
        with self._lock:
            self._waiting.add(key)
            return 0.0 if self._count != before else after

    def heard(self, key: Key) -> bool:
        """Note an echo; tell whether the key waits for one."""
        with self._lock:
            self._count += 1
            return key in self._waiting

    def forget(self, key: Key) -> None:
        """The object is gone."""
        with self._lock:
            self._waiting.discard(key)
