"""Changes of objects as they are published: the record, the recent past in memory, and who listens.

Nothing here reads or writes the database; ``store`` is the only caller of ``Feed.publish``.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from itertools import islice
from typing import Any, Literal, NamedTuple

ChangeType = Literal["ADDED", "MODIFIED", "DELETED"]
Marks = dict[str, Any]
"""The part of an object that selectors can see, in the object's own shape."""


class Key(NamedTuple):
    """Where an object is: ``resource`` is ``plural.group`` (``jobs.batch``, ``pods``), namespace "" if none."""

    resource: str
    namespace: str
    name: str


class Change(NamedTuple):
    """One write: the object's JSON text after it (a DELETED object's last state), and before it where there was one."""

    version: int
    type: ChangeType
    key: Key
    text: str
    marks: Marks
    old_text: str | None = None
    old_marks: Marks | None = None


Accept = Callable[[Change], "ChangeType | None"]
"""Says as what a listener sees a change (None: not at all). Runs inside the writer, so it must be quick."""


class Subscription:
    """The changes of one resource after a version, for one reader."""

    def __init__(self, accept: Accept, *, capacity: int, on_ready: Callable[[], None] | None = None) -> None:
        self._accept = accept
        self._capacity = capacity
        self._waiting: deque[tuple[ChangeType, Change]] = deque()
        self._ready = threading.Condition(threading.Lock())
        self._ended = False
        self.on_ready = on_ready

    def push(self, change: Change) -> None:
        """Queue a change if the listener sees it; end the subscription when its reader is too far behind."""
        if self._ended:
            return
        seen_as = self._accept(change)
        if seen_as is None:
            return
        with self._ready:
            self._waiting.append((seen_as, change))
            if len(self._waiting) >= self._capacity:
                self._ended = True
            self._ready.notify_all()
        self._tell()

    def take(self, timeout: float | None = None) -> list[tuple[ChangeType, Change]]:
        """Return what has come; wait up to ``timeout`` seconds (None: without end) for the first."""
        if not self._waiting and timeout != 0:
            with self._ready:
                self._ready.wait_for(lambda: bool(self._waiting) or self._ended, timeout)
        taken = []
        while self._waiting:
            taken.append(self._waiting.popleft())
        return taken

    @property
    def ended(self) -> bool:
        """Whether nothing more will come after what ``take`` still returns."""
        return self._ended and not self._waiting

    def end(self) -> None:
        """Wake the reader for the last time."""
        with self._ready:
            self._ended = True
            self._ready.notify_all()
        self._tell()

    def _tell(self) -> None:
        if self.on_ready is not None:
            self.on_ready()


class Feed:
    """The latest changes, and the subscriptions to them. The store's write lock guards every method."""

    def __init__(self, size: int) -> None:
        self._recent: deque[Change] = deque(maxlen=size)
        self._listeners: dict[str, list[Subscription]] = {}

    def publish(self, change: Change) -> None:
        """Remember a change and hand it to the listeners of its resource."""
        self._recent.append(change)
        for listener in self._listeners.get(change.key.resource, ()):
            listener.push(change)

    def since(self, version: int) -> list[Change] | None:
        """Return the changes after a version, or None when memory does not reach back that far."""
        if not self._recent or self._recent[0].version > version + 1:
            return None
        start = version + 1 - self._recent[0].version
        return list(islice(self._recent, max(start, 0), None))

    def add(self, resource: str, listener: Subscription) -> None:
        """Start handing changes of a resource to a listener."""
        self._listeners.setdefault(resource, []).append(listener)

    def remove(self, resource: str, listener: Subscription) -> None:
        """Stop; a listener that is not there is ignored."""
        listeners = self._listeners.get(resource, [])
        if listener in listeners:
            listeners.remove(listener)

    def end(self) -> None:
        """End every subscription."""
        for listeners in self._listeners.values():
            for listener in tuple(listeners):
                listener.end()
        self._listeners.clear()
