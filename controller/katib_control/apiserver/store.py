"""Objects and their changes, kept in SQLite: compare-and-swap writes, consistent lists, and changes since a version.

A version is the row id of a change: one sequence over all resources, what the API calls resourceVersion. Knows keys and
JSON, not kinds.
"""

from __future__ import annotations

import json
import logging
import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from katib_control.api.errors import KatibError
from katib_control.apiserver.changes import Accept, Change, ChangeType, Feed, Key, Marks, Subscription
from katib_control.apiserver.database import Database, Durability, StorageError

logger = logging.getLogger(__name__)

dumps: Callable[[Any], str] = json.JSONEncoder(separators=(",", ":"), allow_nan=False, check_circular=False).encode
"""One line of ASCII JSON."""

_INSERT = (
    "INSERT INTO events (id, type, resource, namespace, name, body, marks, old_marks, previous)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_ONE = "SELECT version, body, marks FROM objects WHERE resource = ? AND namespace = ? AND name = ?"
_SINCE = (
    "SELECT e.id, e.type, e.resource, e.namespace, e.name, e.body, e.marks, p.body, e.old_marks FROM events e"
    " LEFT JOIN events p ON p.id = e.previous WHERE e.resource = ? AND e.id > ? ORDER BY e.id"
)
_RECENT_OBJECTS = 4096
_COMPACT_EVERY = 1000


class Taken(KatibError):
    """An object of that key is there already."""


class Stale(KatibError):
    """The object is gone, or has another version than the writer has read."""


class Compacted(KatibError):
    """The version asked for is older than what is kept."""

    def __init__(self, asked: int, oldest: int) -> None:
        super().__init__(f"too old resource version: {asked} ({oldest})")


class Stored(NamedTuple):
    """An object as it is kept."""

    version: int
    text: str
    marks: Marks


class Store:
    """See the module; any number of threads may use one. ``keep`` changes stay readable, fewer in memory."""

    def __init__(
        self,
        directory: Path | None = None,
        *,
        keep: int = 20_000,
        memory: int = 4096,
        durability: Durability = "process",
    ) -> None:
        self.database = Database(directory, durability)
        self._keep = keep
        self._feed = Feed(memory)
        self._recent: dict[Key, Stored] = {}
        self._write = threading.RLock()
        self._closed = False
        first, last = self.database.writer.execute("SELECT min(id), max(id) FROM events").fetchone()
        self.version: int = last or 1
        """Everything up to this version has been handed to the subscriptions."""
        self.compacted: int = (first or 2) - 1
        self.trouble: StorageError | None = None
        """Why the last write did not get through; None once one does."""

    def get(self, key: Key) -> Stored | None:
        """Return an object, or None."""
        if found := self._recent.get(key):
            return found
        with self.database.reading() as connection:
            row = connection.execute(_ONE, key).fetchone()
        return Stored(row[0], row[1], json.loads(row[2])) if row else None

    def create(self, key: Key, obj: dict[str, Any], marks: Marks) -> str:
        """Add an object, set its resourceVersion and return its text; raise Taken."""
        with self._write:
            if key in self._recent:
                raise Taken(f"{key} exists")
            try:
                return self._append("ADDED", key, obj, marks, None)
            except sqlite3.IntegrityError:
                raise Taken(f"{key} exists") from None

    def update(self, key: Key, obj: dict[str, Any], marks: Marks, expected: int) -> str:
        """Replace the object that has the expected version; set its resourceVersion, return its text; raise Stale."""
        with self._write:
            return self._append("MODIFIED", key, obj, marks, self._current(key, expected))

    def remove(self, key: Key, obj: dict[str, Any], expected: int) -> str:
        """Remove the object that has the expected version, leaving ``obj`` as its last state; raise Stale."""
        with self._write:
            current = self._current(key, expected)
            return self._append("DELETED", key, obj, current.marks, current)

    def _current(self, key: Key, expected: int) -> Stored:
        current = self.get(key)
        if current is None or current.version != expected:
            raise Stale(f"{key} is not at version {expected}")
        return current

    def _append(self, kind: ChangeType, key: Key, obj: dict[str, Any], marks: Marks, old: Stored | None) -> str:
        version = self.version + 1
        obj["metadata"]["resourceVersion"] = str(version)
        text = dumps(obj)
        old_marks = dumps(old.marks) if old else None
        try:
            with self.database.explained("write"):
                self.database.writer.execute(
                    _INSERT, (version, kind, *key, text, dumps(marks), old_marks, old.version if old else 0)
                )
        except StorageError as error:
            self.trouble = error
            raise
        self.trouble = None
        self._remember(kind, key, Stored(version, text, marks))
        change = Change(version, kind, key, text, marks, *((old.text, old.marks) if old else (None, None)))
        self._feed.publish(change)
        self.version = version
        if version - self.compacted >= self._keep + _COMPACT_EVERY:
            self._compact_quietly()
        return text

    def _remember(self, kind: ChangeType, key: Key, stored: Stored) -> None:
        self._recent.pop(key, None)
        if kind != "DELETED":
            self._recent[key] = stored
            if len(self._recent) > _RECENT_OBJECTS:
                del self._recent[next(iter(self._recent))]

    def _compact_quietly(self) -> None:
        try:
            self.compact()
        except StorageError as error:  # the write that came before it is stored
            logger.warning("%s", error)

    def compact(self, keep: int | None = None) -> None:
        """Forget all changes but the last ``keep``; the objects stay."""
        with self._write, self.database.explained("compact the history"):
            bound = self.version - (self._keep if keep is None else keep)
            if bound > self.compacted:
                self.database.writer.execute("DELETE FROM events WHERE id <= ? AND id < ?", (bound, self.version))
                self.compacted = min(bound, self.version - 1)

    def subscribe(
        self, resource: str, since: int, accept: Accept, on_ready: Callable[[], None] | None = None
    ) -> Subscription:
        """Return the changes of a resource after a version, without a gap; raise Compacted."""
        listener = Subscription(accept, capacity=50_000, on_ready=on_ready)
        with self._write:
            for change in self.changes(resource, since):
                listener.push(change)
            if self._closed:
                listener.end()
            else:
                self._feed.add(resource, listener)
        return listener

    def unsubscribe(self, resource: str, listener: Subscription) -> None:
        """End a subscription."""
        with self._write:
            self._feed.remove(resource, listener)
        listener.end()

    def changes(self, resource: str, since: int) -> Iterator[Change]:
        """Yield the changes of a resource after a version, oldest first; raise Compacted at once."""
        with self._write:
            if since >= self.version:
                return iter(())
            if since < self.compacted:
                raise Compacted(since, self.compacted)
            if (recent := self._feed.since(since)) is not None:
                return (change for change in recent if change.key.resource == resource)
            with self.database.reading() as connection:
                rows = connection.execute(_SINCE, (resource, since)).fetchall()
        return map(_change, rows)

    def close(self) -> None:
        """End the subscriptions and close the file; twice is fine."""
        with self._write:
            self._closed = True
            self._feed.end()
            self.database.close()


def _change(row: tuple[Any, ...]) -> Change:
    version, kind, resource, namespace, name, body, marks, old_body, old_marks = row
    old = json.loads(old_marks) if old_marks else None
    return Change(version, kind, Key(resource, namespace, name), body, json.loads(marks), old_body, old)
